"""The web pages and their files, as they were made at start."""

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import HTTPException

from service.doors import anyone
from service.pages import DIGEST, Pages

PAGES: Final = {"/": "index.html", "/hide": "hide.html", "/operator": "operator.html"}
"""Where a page is found, and its template."""
# What the platform's own tables may miss or spell differently.
TYPES: Final = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}
FOR_GOOD: Final = "public, max-age=31536000, immutable"
ASK_AGAIN: Final = "no-cache"


def router(*, live_login: bool = False, live_enrolment: bool = False) -> APIRouter:
    """`live_login`, `live_enrolment`: whether pictures alone do not do; the page then asks for movements. Raises
    jinja2.UndefinedError for a text that is missing."""
    routes = APIRouter(include_in_schema=False)
    pages = Pages.of()
    sent = {name: Sent.of(content, _media_type(name)) for name, content in pages.files.items()}

    for path, template in PAGES.items():
        content = pages.render(template, live_login=live_login, live_enrolment=live_enrolment)
        routes.add_api_route(path, _page(Sent.of(content, "text/html")), methods=["GET"], dependencies=[anyone])

    @routes.get("/web/{path:path}", dependencies=[anyone])
    async def file(path: str, request: Request) -> Response:
        """With the digest of another version in its address it is what there is now, to be asked for again."""
        name = DIGEST.sub("", path, count=1) if DIGEST.match(path) else path
        if name not in sent:
            raise HTTPException(404)
        current = f"/web/{path}" == f"{pages.address}/{name}"
        return sent[name].answer(request, FOR_GOOD if current else ASK_AGAIN)

    return routes


@dataclass(frozen=True, slots=True)
class Sent:
    """A page or a file, compressed once at start: the same for everybody, so its length gives nothing away."""

    content: bytes
    packed: bytes
    media_type: str
    tag: str

    @classmethod
    def of(cls, content: bytes, media_type: str) -> "Sent":
        tag = f'W/"{hashlib.sha256(content).hexdigest()[:16]}"'  # weak: the same for both codings (RFC 9110, 8.8.3.3)
        return cls(content, gzip.compress(content, mtime=0), media_type, tag)

    def answer(self, request: Request, keep: str = ASK_AGAIN) -> Response:
        headers = {"Cache-Control": keep, "ETag": self.tag, "Vary": "Accept-Encoding"}
        if self.tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        takes = {each.strip() for each in request.headers.get("accept-encoding", "").lower().split(",")}
        if "gzip" not in takes:
            return Response(self.content, media_type=self.media_type, headers=headers)
        return Response(self.packed, media_type=self.media_type, headers={**headers, "Content-Encoding": "gzip"})


def _page(page: Sent) -> Any:
    async def answer(request: Request) -> Response:
        return page.answer(request)

    return answer


def _media_type(name: str) -> str:
    return TYPES.get(PurePosixPath(name).suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
