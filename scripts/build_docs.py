"""Writes the documents that are made from code: docs/settings.md and docs/errors.md. `--check` compares instead."""

import sys
from pathlib import Path

from pydantic_core import PydanticUndefined

from service.errors import ROWS
from service.settings import PREFIX, Settings

DOCS = Path(__file__).resolve().parents[1] / "docs"


def settings_page() -> str:
    lines = [
        "# Settings",
        "",
        "Environment variables. An unknown `FACEWARDEN_*` variable stops the start.",
        "",
        "| variable | default | meaning |",
        "| --- | --- | --- |",
    ]
    for name, field in Settings.model_fields.items():
        default = field.default
        if default is PydanticUndefined:
            shown = "user data folder"
        elif default is None or default == ():
            shown = "unset"
        else:
            shown = f"`{str(default).lower() if isinstance(default, bool) else default}`"
        lines.append(f"| `{PREFIX}{name.upper()}` | {shown} | {field.description} |")
    return "\n".join(lines) + "\n"


def errors_page() -> str:
    lines = [
        "# Errors",
        "",
        "Every refusal is a problem body (RFC 9457) with these members; programs act on `code`, people read `title`.",
        "",
        "| code | status | title | what to do |",
        "| --- | --- | --- | --- |",
    ]
    lines += [f"| `{row.code}` | {row.status} | {row.title} | {row.advice} |" for row in ROWS]
    return "\n".join(lines) + "\n"


PAGES = {"settings.md": settings_page, "errors.md": errors_page}


def main() -> int:
    stale = [name for name, page in PAGES.items() if not _same(DOCS / name, page())]
    if "--check" in sys.argv[1:]:
        for name in stale:
            print(f"docs/{name} is out of date: run scripts/build_docs.py", file=sys.stderr)
        return len(stale)
    for name in stale:
        (DOCS / name).write_text(PAGES[name](), encoding="utf-8")
    return 0


def _same(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
