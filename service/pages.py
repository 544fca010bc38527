"""The web pages and their files as they are sent: templates filled with the texts of a language, all made at start."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import PurePosixPath
from typing import Any, Final, Self

from jinja2 import Environment, PackageLoader, StrictUndefined

LANGUAGE: Final = "en"
WORDS: Final = "words.js"
SOURCES: Final = ("pages/", "texts/")
"""Folders of which pages are made: not sent themselves."""
DIGEST: Final = re.compile(r"[0-9a-f]{16}/")
"""In the address of a file, of all that is sent: a browser may keep what it has seen for good."""
_IMPORT: Final = re.compile(r'^(?:import|export) (?:[^;]*? from )?"(\.[^"]+)";', re.MULTILINE)


class Pages:
    """`files`: what is sent below `address`, by its path."""

    def __init__(self, texts: Mapping[str, Any]) -> None:
        self.texts = texts
        self.files = {name: content for name, content in _files() if not name.startswith(SOURCES)}
        self.files[WORDS] = _words(texts).encode()
        self.address = f"/web/{_digest(self.files)}"
        self._templates = Environment(
            loader=PackageLoader("service", "web/pages"),
            autoescape=True,  # a value that a page is made with is text, never markup
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    @classmethod
    def of(cls, language: str = LANGUAGE) -> Self:
        content = (resources.files("service") / "web" / "texts" / f"{language}.json").read_text(encoding="utf-8")
        return cls(json.loads(content))

    def render(self, template: str, **values: object) -> bytes:
        """One page. Raises jinja2.UndefinedError for a text that is missing."""
        made = self._templates.get_template(template)
        return made.render(texts=self.texts, web=self.address, imports=self.imports, **values).encode()

    def imports(self, module: str) -> list[str]:
        """What a module imports, and these in turn: a page names them, so that a browser need not find them one after
        the other. Raises KeyError for one that is not there."""
        found, waiting = {module}, [module]
        for name in waiting:
            for path in _IMPORT.findall(self.files[name].decode()):
                if (reached := _joined(name, path)) not in found:
                    found.add(reached)
                    waiting.append(reached)
        return sorted(found - {module})


def _joined(importer: str, path: str) -> str:
    parts = list(PurePosixPath(importer).parent.parts)
    for part in PurePosixPath(path).parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)


def _digest(files: Mapping[str, bytes]) -> str:
    each = (f"{name} {hashlib.sha256(files[name]).hexdigest()}\n" for name in sorted(files))
    return hashlib.sha256("".join(each).encode()).hexdigest()[:16]


def _words(texts: Mapping[str, Any]) -> str:
    """A module with the texts, for texts.js."""
    language, words = (json.dumps(each, ensure_ascii=False) for each in (texts["language"], texts))
    return f"export const language = {language};\nexport const words = {words};\n"


def _files() -> Iterator[tuple[str, bytes]]:
    waiting = [("", resources.files("service") / "web")]
    while waiting:
        prefix, folder = waiting.pop()
        for entry in folder.iterdir():
            name = prefix + entry.name
            if entry.is_dir():
                waiting.append((name + "/", entry))
            else:
                yield name, entry.read_bytes()
