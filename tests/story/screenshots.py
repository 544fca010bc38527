"""Takes pictures of every page and of what people meet on it, for the documentation and for people to judge.

The only face in them is that of the given portrait: one in the public domain, such as NASA's of Eileen Collins.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from playwright.sync_api import Page, expect

from db.api_keys import Role
from service.routes.page import PAGES
from tests.portraits import camera_stream
from tests.story.browser import visit
from tests.story.server import api_key, running_service

PHONE, DESKTOP = 390, 1440
QUALITY: Final = 84  # of WebP
LARGEST: Final = 250_000
"""Bytes of a picture."""
LOADED: Final = """() => {
  const seen = [...document.images].filter((image) => image.src && image.checkVisibility());
  return Promise.all(seen.map((image) => {
    image.loading = "eager";
    return image.decode();
  }));
}"""
"""Those far down a page are fetched only when somebody comes near."""


@dataclass(frozen=True, slots=True)
class Set:
    """What a scene has: the portrait, and a key of an operator."""

    portrait: Path
    key: str


def camera(page: Page, _: Set) -> None:
    page.check("#register input[value=login]")
    page.click("#register .camera")
    expect(page.locator("#register .hint")).to_contain_text("your left")
    page.wait_for_timeout(700)


def registered(page: Page, scene: Set) -> None:
    page.set_input_files("#register input[type=file]", scene.portrait)
    page.check("#register input[value=login]")
    page.check("#register input[value=attributes]")
    page.click("#register .go")
    expect(page.locator("#register .done h3")).to_be_visible()


def record(page: Page, scene: Set) -> None:
    registered(page, scene)
    page.set_input_files("#login input[type=file]", scene.portrait)
    page.click("#login form:visible .go")
    expect(page.locator("#login .done h3")).to_be_visible()


def hidden(page: Page, scene: Set) -> None:
    page.set_input_files("#hide input[type=file] >> nth=0", scene.portrait)
    expect(page.locator("#hide .after")).to_be_visible()
    page.wait_for_timeout(2500)


def people(page: Page, scene: Set) -> None:
    page.fill("input[type=password]", scene.key)
    page.keyboard.press("Enter")
    expect(page.locator("input[type=password]")).to_be_hidden()
    page.wait_for_timeout(2500)


Scene = Callable[[Page, Set], None]
SCENES: Final[Mapping[str, tuple[Scene, ...]]] = {
    "/": (camera, record),
    "/hide": (hidden,),
    "/operator": (people,),
}


def take(portrait: Path, folder: Path) -> None:
    """One WebP for each page at each width, a dark one, and one for each of its scenes. Raises ValueError for a picture
    that is too large."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        stream = camera_stream(portrait, Path(place) / "camera.mjpeg")
        with stage(Path(place) / "home", portrait) as (base_url, scene):
            for path in PAGES:
                name = path.strip("/") or "doors"
                for shot, width, scheme, reach in shots(path):
                    with visit(base_url, stream, path=path, scheme=scheme, width=width) as watched:
                        settle(watched.page)
                        if reach is not None:
                            reach(watched.page, scene)
                        save(watched.page, folder / f"{name}-{shot}.webp")


@contextmanager
def stage(home: Path, portrait: Path) -> Iterator[tuple[str, Set]]:
    """A service where the same face may be enrolled for every picture; its address, and what scenes need."""
    with running_service(home, FACEWARDEN_ALLOW_DUPLICATES="1") as service:
        yield service.base_url, Set(portrait, api_key(home, Role.ADMIN))


def shots(path: str) -> Iterator[tuple[str, int, str, Scene | None]]:
    yield "phone", PHONE, "light", None
    yield "desktop", DESKTOP, "light", None
    yield "dark", DESKTOP, "dark", None
    for reach in SCENES.get(path, ()):
        yield reach.__name__, DESKTOP, "light", reach
        yield f"{reach.__name__}-phone", PHONE, "dark", reach


def settle(page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    expect(page.locator("#service-state")).to_have_attribute("data-state", "up")


def save(page: Page, file: Path) -> None:
    page.evaluate("scrollTo(0, 0); document.activeElement.blur()")
    page.evaluate(LOADED)
    pixels = cv2.imdecode(np.frombuffer(page.screenshot(full_page=True), np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    encoded, content = cv2.imencode(".webp", pixels, [cv2.IMWRITE_WEBP_QUALITY, QUALITY])
    if not encoded or len(content) > LARGEST:
        raise ValueError(f"{file.name} has {len(content)} bytes")
    file.write_bytes(content.tobytes())


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    take(Path(sys.argv[1]), Path(sys.argv[2]))
