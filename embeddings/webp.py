"""WebP files taken apart (RFC 9649), before a decoder sees them."""

from typing import Final

from embeddings.container import Container
from embeddings.image_formats import FRAME
from embeddings.image_refusals import BrokenImage, UnsupportedFormat

ANIMATED: Final = 0x02
ALPHA: Final = 0x10


def read(data: bytes) -> Container:
    """Raises BrokenImage, and UnsupportedFormat for an animation.

    The size that the RIFF header states is not trusted and not needed: each chunk states its own.
    """
    chunks = split(data)
    extended = chunks.get(b"VP8X", b"")
    if b"ANIM" in chunks or b"ANMF" in chunks or (extended and extended[0] & ANIMATED):
        raise UnsupportedFormat("An animated WebP", FRAME)
    lossy, lossless = chunks.get(b"VP8 "), chunks.get(b"VP8L")
    if lossy is not None:
        width, height = lossy_size(lossy)
        kind, body, alpha = b"VP8 ", lossy, chunks.get(b"ALPH")
    elif lossless is not None:
        width, height = lossless_size(lossless)
        kind, body, alpha = b"VP8L", lossless, None
    else:
        raise BrokenImage("a WebP file holds no picture")
    if extended and canvas(extended) != (width, height):
        raise BrokenImage("a WebP file states two sizes")
    stream = chunk(kind, body)
    if alpha is not None:
        canvas_bytes = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        stream = chunk(b"VP8X", bytes((ALPHA, 0, 0, 0)) + canvas_bytes) + chunk(b"ALPH", alpha) + stream
    riff = b"RIFF" + (len(stream) + 4).to_bytes(4, "little") + b"WEBP" + stream
    transparent = alpha is not None or kind == b"VP8L"
    return Container(width, height, chunks.get(b"EXIF", b""), riff, alpha=transparent)


def split(data: bytes) -> dict[bytes, bytes]:
    """The chunks by their kind, the first of each kind."""
    chunks: dict[bytes, bytes] = {}
    at = 12
    while at + 8 <= len(data):
        kind, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if at + 8 + length > len(data):
            if b"VP8 " in chunks or b"VP8L" in chunks:
                break  # a trailer that is not a chunk
            raise BrokenImage("a WebP file is cut off")
        chunks.setdefault(kind, data[at + 8 : at + 8 + length])
        at += 8 + length + length % 2
    return chunks


def chunk(kind: bytes, body: bytes) -> bytes:
    return kind + len(body).to_bytes(4, "little") + body + b"\0" * (len(body) % 2)


def lossy_size(body: bytes) -> tuple[int, int]:
    """Width and height of a VP8 key frame, RFC 6386 section 9.1."""
    if len(body) < 10 or body[0] & 1 or body[3:6] != b"\x9d\x01\x2a":
        raise BrokenImage("a WebP file holds no picture")
    return sized(int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF)


def lossless_size(body: bytes) -> tuple[int, int]:
    """Width and height of a VP8L stream, RFC 9649 section 3.4."""
    if len(body) < 5 or body[0] != 0x2F:
        raise BrokenImage("a WebP file holds no picture")
    bits = int.from_bytes(body[1:5], "little")
    return sized((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)


def canvas(body: bytes) -> tuple[int, int]:
    if len(body) < 10:
        raise BrokenImage("a WebP file has an impossible header")
    return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1


def sized(width: int, height: int) -> tuple[int, int]:
    if not width or not height:
        raise BrokenImage("a WebP file has no pixels")
    return width, height
