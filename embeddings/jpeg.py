"""JPEG files taken apart (ITU-T T.81 annex B), before a decoder sees them."""

import re
from dataclasses import dataclass, field
from typing import Final

from embeddings.container import Container
from embeddings.image_formats import CONVERT
from embeddings.image_refusals import BrokenImage, UnsupportedFormat

FRAMES: Final = frozenset({0xC0, 0xC1, 0xC2})  # baseline, extended and progressive, Huffman coded
OTHER_FRAMES: Final = frozenset({0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF})
PROGRESSIVE: Final = 0xC2
TABLES: Final = frozenset({0xC4, 0xDB, 0xDD})  # DHT, DQT, DRI
SOI, EOI, SOS, APP0, APP1, APP14 = 0xD8, 0xD9, 0xDA, 0xE0, 0xE1, 0xEE
MAX_SCANS: Final = 50
"""Each scan visits every block again: many tiny ones would keep a decoder busy at no cost; encoders write 1 to 15."""
NEXT_MARKER: Final = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # a scan holds FF 00 and restart markers of its own
RESTART: Final = re.compile(rb"\xff[\xd0-\xd7]")
NOISE: Final = bytes((index * 73 + 41) % 251 for index in range(2048))


@dataclass(slots=True)
class _Walk:
    """What has been read so far."""

    kept: bytearray = field(default_factory=lambda: bytearray(b"\xff\xd8"))
    frame: int = 0
    width: int = 0
    height: int = 0
    components: int = 0
    exif: bytes = b""
    scans: int = 0
    components_scanned: int = 0


def read(data: bytes) -> Container:
    """Raises BrokenImage, and UnsupportedFormat for lossless, arithmetic and 12 bit JPEG.

    A missing end marker is put back and `whole` is False; whether every row is there is for `ends_early` to find out.
    """
    walk, at, whole = _Walk(), 2, False
    while at < len(data):
        marker = NEXT_MARKER.search(data, at)
        if marker is None:
            break
        code, at = data[marker.start() + 1], marker.end()
        if code == EOI:
            whole = True
            break
        if code == SOI:
            raise BrokenImage("a JPEG file begins a second time inside")
        body, at = segment(data, at)
        keep(walk, code, body)
        if code == SOS:
            after = NEXT_MARKER.search(data, at)
            end = after.start() if after else len(data)
            walk.kept += data[at:end]
            at = end
    check(walk, whole=whole)
    walk.kept += b"\xff\xd9"
    return Container(walk.width, walk.height, walk.exif, bytes(walk.kept), whole=whole)


def segment(data: bytes, at: int) -> tuple[bytes, int]:
    """The body of the segment whose length stands at `at`, and where the next one begins."""
    length = int.from_bytes(data[at : at + 2], "big")
    if length < 2 or at + length > len(data):
        raise BrokenImage("a JPEG file is cut off inside its header")
    return data[at + 2 : at + length], at + length


def keep(walk: _Walk, code: int, body: bytes) -> None:
    """Keeps a segment that decoding needs, and reads what has to be known; the rest is dropped."""
    if code in FRAMES:
        read_frame(walk, code, body)
    elif code in OTHER_FRAMES:
        raise UnsupportedFormat("JPEG with lossless or arithmetic coding", CONVERT)
    elif code == SOS:
        walk.scans += 1
        walk.components_scanned += body[0] if body else 0
    elif code == APP1 and body.startswith(b"Exif\x00\x00") and not walk.exif:
        walk.exif = body
    colours = (code == APP0 and body.startswith(b"JFIF\x00")) or (code == APP14 and body.startswith(b"Adobe"))
    if code in FRAMES or code in TABLES or code == SOS or colours:
        kept = body[:12] + b"\x00\x00" if code == APP0 else body  # JFIF without its thumbnail
        walk.kept += bytes((0xFF, code)) + (len(kept) + 2).to_bytes(2, "big") + kept


def read_frame(walk: _Walk, code: int, body: bytes) -> None:
    if walk.frame or len(body) < 6:
        raise BrokenImage("a JPEG file has no single frame")
    if body[0] != 8:
        raise UnsupportedFormat("JPEG with more than 8 bits a colour", CONVERT)
    walk.frame, walk.components = code, body[5]
    walk.height, walk.width = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")


def check(walk: _Walk, *, whole: bool) -> None:
    if not walk.width or not walk.height or not walk.scans:
        raise BrokenImage("a JPEG file holds no picture")
    if walk.scans > MAX_SCANS:
        raise BrokenImage("a JPEG file has too many scans")
    if walk.components_scanned < walk.components:
        raise BrokenImage("a JPEG file lacks a colour")
    if walk.frame == PROGRESSIVE and not whole:
        raise BrokenImage("a progressive JPEG file is cut off")


def prolonged(stream: bytes) -> bytes:
    """The `stream` of a Container with noise behind its last scan.

    A decoder that has every row does not read the noise; one that lacks rows decodes it instead of filling them with
    grey. So the two streams decode to the same picture exactly if nothing is missing.
    """
    last = stream.rindex(b"\xff\xda")
    first = len(RESTART.findall(stream, last))
    restarts = (b"\xff" + bytes((0xD0 + (first + index) % 8,)) + NOISE for index in range(8))
    return stream[:-2] + NOISE + b"".join(restarts) + b"\xff\xd9"
