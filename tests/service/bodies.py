"""Request bodies, and requests as the readers see them, without a server."""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from starlette.datastructures import Headers

BOUNDARY = "----facewarden7MA4YWxkTrZu0gW"


def part(name: str, data: bytes, filename: str | None = None, *headers: str) -> bytes:
    """One part, its delimiter included."""
    shown = f'; filename="{filename}"' if filename is not None else ""
    lines = [f'Content-Disposition: form-data; name="{name}"{shown}', *headers]
    return f"--{BOUNDARY}\r\n".encode() + "\r\n".join(lines).encode() + b"\r\n\r\n" + data + b"\r\n"


def multipart(*parts: bytes) -> bytes:
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


@dataclass
class Request:
    """What `read_form` uses of a request; `error` is raised once the pieces are read."""

    pieces: Sequence[bytes]
    content_type: str = f"multipart/form-data; boundary={BOUNDARY}"
    more: dict[str, str] = field(default_factory=dict)
    error: Exception | None = None
    read: int = 0

    @property
    def headers(self) -> Headers:
        return Headers({"content-type": self.content_type, **self.more})

    async def stream(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            self.read += 1
            yield piece
        if self.error is not None:
            raise self.error


def cut(body: bytes, places: Iterable[int]) -> list[bytes]:
    """`body` in pieces, cut at `places` (any numbers)."""
    edges = [0, *sorted({place % (len(body) + 1) for place in places}), len(body)]
    return [body[start:end] for start, end in pairwise(edges)]
