"""PNG files taken apart (PNG specification, third edition), before a decoder sees them."""

import zlib
from typing import Final

from embeddings.container import Container
from embeddings.image_formats import FRAME
from embeddings.image_refusals import BrokenImage, UnsupportedFormat

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
DEPTHS: Final = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}  # by colour type
CHANNELS: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
PALETTE: Final = 3
NEEDED: Final = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
ADAM7: Final = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
INFLATED_AT_ONCE: Final = 2**18


def read(data: bytes) -> Container:
    """Raises BrokenImage, and UnsupportedFormat for an animation."""
    chunks = list(split(data))
    kinds = [kind for kind, _ in chunks]
    if b"acTL" in kinds:
        raise UnsupportedFormat("An animated PNG", FRAME)
    if kinds[:1] != [b"IHDR"] or kinds.count(b"IHDR") != 1 or b"IDAT" not in kinds or kinds[-1] != b"IEND":
        raise BrokenImage("a PNG file is cut off or out of order")
    header = chunks[0][1]
    width, height = int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big")
    sound = len(header) == 13 and header[8] in DEPTHS.get(header[9], ()) and header[10:12] == b"\0\0" and header[12] < 2
    if not sound or not width or not height or (header[9] == PALETTE and b"PLTE" not in kinds):
        raise BrokenImage("a PNG file has an impossible header")
    exif = next((body for kind, body in chunks if kind == b"eXIf"), b"")
    stream = SIGNATURE + b"".join(chunk(kind, body) for kind, body in chunks if kind in NEEDED)
    return Container(width, height, exif, stream, alpha=header[9] in (4, 6) or b"tRNS" in kinds)


def split(data: bytes) -> list[tuple[bytes, bytes]]:
    """The chunks up to IEND, their checksums right. What follows IEND is not looked at."""
    chunks: list[tuple[bytes, bytes]] = []
    at = len(SIGNATURE)
    while not chunks or chunks[-1][0] != b"IEND":
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        body, checksum = data[at + 8 : at + 8 + length], data[at + 8 + length : at + 12 + length]
        if len(checksum) != 4 or zlib.crc32(body, zlib.crc32(kind)) != int.from_bytes(checksum, "big"):
            raise BrokenImage("a PNG file is cut off or damaged")
        chunks.append((kind, body))
        at += 12 + length
    return chunks


def chunk(kind: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(body, zlib.crc32(kind)).to_bytes(4, "big")


def check_rows(stream: bytes) -> None:
    """Inflates the rows of a Container's `stream` without keeping them; raises BrokenImage if they are not all there.

    Decoders fill what is missing, and say so on the process's error stream only.
    """
    chunks = split(stream)
    expected, seen = inflated_bytes(chunks[0][1]), 0
    inflater = zlib.decompressobj()
    try:
        for kind, body in chunks:
            pending = body if kind == b"IDAT" else b""
            while pending and seen < expected and not inflater.eof:
                seen += len(inflater.decompress(pending, INFLATED_AT_ONCE))
                pending = inflater.unconsumed_tail
    except zlib.error as error:
        raise BrokenImage("the rows of a PNG file are damaged") from error
    if seen < expected:
        raise BrokenImage("a PNG file lacks rows")


def inflated_bytes(header: bytes) -> int:
    """How long the rows are before compression: each begins with the number of its filter."""
    width, height = int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big")
    bits = header[8] * CHANNELS[header[9]]
    passes = ADAM7 if header[12] else ((0, 0, 1, 1),)
    total = 0
    for left, top, across, down in passes:
        columns, rows = -((left - width) // across), -((top - height) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + (columns * bits + 7) // 8)
    return total
