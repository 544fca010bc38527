"""Writes what the documents take from code: docs/settings.md, docs/errors.md and the table in README.md.

`--check` compares instead.
"""

import sys
from pathlib import Path

from pydantic_core import PydanticUndefined

from service.errors import ROWS
from service.settings import PREFIX, Settings

ROOT = Path(__file__).resolve().parents[1]
START, END = "<!-- settings: written by scripts/build_docs.py -->\n", "<!-- end of settings -->"


def settings_table() -> str:
    lines = ["| variable | default | meaning |", "| --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        default = field.default
        if default is PydanticUndefined:
            shown = "user data folder"
        elif default is None or default == ():
            shown = "unset"
        elif isinstance(default, tuple):
            shown = f"`{','.join(default)}`"
        else:
            shown = f"`{str(default).lower() if isinstance(default, bool) else default}`"
        lines.append(f"| `{PREFIX}{name.upper()}` | {shown} | {field.description} |")
    return "\n".join(lines) + "\n"


def settings_page() -> str:
    head = "# Settings\n\nEnvironment variables. An unknown `FACEWARDEN_*` variable stops the start.\n\n"
    return head + settings_table()


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


def readme() -> str:
    before, _, rest = (ROOT / "README.md").read_text(encoding="utf-8").partition(START)
    _, _, after = rest.partition(END)
    return before + START + settings_table() + END + after


PAGES = {"docs/settings.md": settings_page, "docs/errors.md": errors_page, "README.md": readme}


def main() -> int:
    stale = [name for name, page in PAGES.items() if not _same(ROOT / name, page())]
    if "--check" in sys.argv[1:]:
        for name in stale:
            print(f"{name} is out of date: run scripts/build_docs.py", file=sys.stderr)
        return len(stale)
    for name in stale:
        (ROOT / name).write_text(PAGES[name](), encoding="utf-8")
    return 0


def _same(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
