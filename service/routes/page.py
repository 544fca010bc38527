"""The web page: static files of the package, read once at start."""

import mimetypes
from collections.abc import Iterator
from html import escape
from importlib import resources
from pathlib import PurePosixPath

from fastapi import APIRouter, Response
from fastapi.exceptions import HTTPException

INDEX = "index.html"
# What the platform's own tables may miss or spell differently.
TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}


def router() -> APIRouter:
    routes = APIRouter(include_in_schema=False)
    files = dict(_files())

    def answer(name: str) -> Response:
        if name not in files:
            raise HTTPException(404)
        content, media_type = files[name]
        return Response(content, media_type=media_type, headers={"Cache-Control": "no-cache"})

    @routes.get("/")
    async def index() -> Response:
        return answer(INDEX)

    @routes.get("/web/{path:path}")
    async def file(path: str) -> Response:
        return answer(path)

    return routes


def page(name: str, **values: str) -> str:
    """A page of the package with a value in the place of each `{{name}}`, as text: none of it can be markup."""
    text = (resources.files("service") / "web" / name).read_text(encoding="utf-8")
    for key, value in values.items():
        text = text.replace("{{" + key + "}}", escape(value))
    return text


def _files() -> Iterator[tuple[str, tuple[bytes, str]]]:
    waiting = [("", resources.files("service") / "web")]
    while waiting:
        prefix, folder = waiting.pop()
        for entry in folder.iterdir():
            name = prefix + entry.name
            if entry.is_dir():
                waiting.append((name + "/", entry))
            else:
                yield name, (entry.read_bytes(), _media_type(name))


def _media_type(name: str) -> str:
    return TYPES.get(PurePosixPath(name).suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
