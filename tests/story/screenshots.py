"""Takes pictures of the page, for people to judge."""

import sys
import tempfile
from pathlib import Path

from service.routes.page import PAGES
from tests.story.browser import visit
from tests.story.server import running_service


def take(folder: Path) -> None:
    """One PNG for each page, width and colour scheme."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, running_service(Path(home) / "home") as service:
        for width in (320, 768, 1440):
            for scheme in ("light", "dark"):
                for path in PAGES:
                    with visit(service.base_url, path=path, scheme=scheme, width=width) as watched:
                        watched.page.wait_for_timeout(500)
                        name = f"{path.strip('/') or 'doors'}-{width}-{scheme}.png"
                        watched.page.screenshot(path=folder / name, full_page=True)


if __name__ == "__main__":
    take(Path(sys.argv[1]))
