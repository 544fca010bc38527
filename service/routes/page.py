"""The web page: static files of the package, read once at start."""

import mimetypes
from collections.abc import Iterator
from importlib import resources
from pathlib import PurePosixPath

from fastapi import APIRouter, Response
from fastapi.exceptions import HTTPException

from service.doors import anyone

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

    @routes.get("/", dependencies=[anyone])
    async def index() -> Response:
        return answer(INDEX)

    @routes.get("/web/{path:path}", dependencies=[anyone])
    async def file(path: str) -> Response:
        return answer(path)

    return routes


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
