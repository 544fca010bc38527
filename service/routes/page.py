"""The web pages: templates filled with the texts of a language, and static files; all made once at start."""

import gzip
import json
import mimetypes
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import PurePosixPath
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import HTTPException
from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from service.doors import anyone

PAGES: Final = {"/": "index.html", "/hide": "hide.html", "/operator": "operator.html"}
"""Where a page is found, and its template."""
LANGUAGE: Final = "en"
WORDS: Final = "words.js"
SOURCES: Final = ("pages/", "texts/")
"""Folders of which pages are made: not sent themselves."""
# What the platform's own tables may miss or spell differently.
TYPES: Final = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}


def router(*, live_login: bool = False, live_enrolment: bool = False) -> APIRouter:
    """`live_login`, `live_enrolment`: whether pictures alone do not do; the page then asks for movements."""
    routes = APIRouter(include_in_schema=False)
    texts = texts_of(LANGUAGE)
    files = {name: content for name, content in _files() if not name.startswith(SOURCES)}
    files[WORDS] = _words(texts).encode()
    sent = {name: Sent.of(content, _media_type(name)) for name, content in files.items()}

    for path, content in rendered(texts, live_login=live_login, live_enrolment=live_enrolment).items():
        routes.add_api_route(path, _page(Sent.of(content, "text/html")), methods=["GET"], dependencies=[anyone])

    @routes.get("/web/{path:path}", dependencies=[anyone])
    async def file(path: str, request: Request) -> Response:
        if path not in sent:
            raise HTTPException(404)
        return sent[path].answer(request)

    return routes


def rendered(texts: Mapping[str, Any], **live: bool) -> dict[str, bytes]:
    """The pages by their path. Raises jinja2.UndefinedError for a text that is missing."""
    required = {"live_login": False, "live_enrolment": False, **live}
    return {path: template(name).render(texts=texts, **required).encode() for path, name in PAGES.items()}


def template(name: str) -> Template:
    """One of a page; a value that it is rendered with is text, never markup."""
    loader = PackageLoader("service", "web/pages")
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return made.get_template(name)


@dataclass(frozen=True, slots=True)
class Sent:
    """A page or a file, compressed once at start: the same for everybody, so its length gives nothing away."""

    content: bytes
    packed: bytes
    media_type: str

    @classmethod
    def of(cls, content: bytes, media_type: str) -> "Sent":
        return cls(content, gzip.compress(content, mtime=0), media_type)

    def answer(self, request: Request) -> Response:
        headers = {"Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
        takes = {each.strip() for each in request.headers.get("accept-encoding", "").lower().split(",")}
        if "gzip" not in takes:
            return Response(self.content, media_type=self.media_type, headers=headers)
        return Response(self.packed, media_type=self.media_type, headers={**headers, "Content-Encoding": "gzip"})


def _page(page: Sent) -> Any:
    async def answer(request: Request) -> Response:
        return page.answer(request)

    return answer


def texts_of(language: str) -> Mapping[str, Any]:
    """What its pages say."""
    content = (resources.files("service") / "web" / "texts" / f"{language}.json").read_text(encoding="utf-8")
    texts: Mapping[str, Any] = json.loads(content)
    return texts


def _words(texts: Mapping[str, Any]) -> str:
    """A module with the texts, for texts.js."""
    return f"export const language = {json.dumps(texts['language'])};\nexport const words = {json.dumps(texts)};\n"


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


def _media_type(name: str) -> str:
    return TYPES.get(PurePosixPath(name).suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
