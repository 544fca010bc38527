"""Picture files that tell a lot: place, device, time, a small copy, notes, bytes after the end. Made for the tests."""

import struct
import zlib

import cv2
import numpy as np

from embeddings.types import Pixels

MAKE, MODEL, DETAILS, GPS = 0x010F, 0x0110, 0x8769, 0x8825
ASCII, LONG, RATIONAL = 2, 4, 5
Entry = tuple[int, int, int, bytes]
"""Tag, type, count, value (TIFF 6.0, section 2)."""


def telling_jpeg(pixels: Pixels) -> bytes:
    """RGB [height, width, 3] as a JPEG that says it was taken at 48.13743 N, 11.57549 E with a Warden Phone."""
    segments = [
        (0xE1, b"Exif\0\0" + exif(jpeg(np.asarray(cv2.resize(pixels, (96, 72)), np.uint8)))),
        (0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta/>"),
        (0xED, b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0\0\0\0\0"),
        (0xFE, b"at home with Ada"),
    ]
    plain = jpeg(pixels)
    told = b"".join(b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body for marker, body in segments)
    return plain[:2] + told + plain[2:] + b"a second picture"


def telling_png(pixels: Pixels) -> bytes:
    """The same of a PNG, with notes of the kinds that PNG has (PNG, section 11.3)."""
    plain = encoded(pixels, ".png")
    told = [
        (b"eXIf", exif(jpeg(np.asarray(cv2.resize(pixels, (96, 72)), np.uint8)))),
        (b"tEXt", b"Author\0Ren\xe9e of next door"),
        (b"iTXt", b"Comment\0\0\0de\0Kommentar\0" + "bei Zoë im Garten".encode()),
        (b"zTXt", b"Secret\0\0" + zlib.compress(b"a thing")),
        (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<x:xmpmeta/>"),
        (b"tIME", struct.pack(">HBBBBB", 2026, 8, 2, 18, 21, 7)),
    ]
    chunks = b"".join(
        struct.pack(">L", len(body)) + name + body + struct.pack(">L", zlib.crc32(name + body)) for name, body in told
    )
    return plain[:33] + chunks + plain[33:] + b"a second picture"


def telling_webp(pixels: Pixels) -> bytes:
    """The same of a WebP: the extended format, with its EXIF and XMP chunks (RFC 9649, section 2.7)."""
    height, width = pixels.shape[:2]
    header = struct.pack("<L", 0b1100) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    chunks = [
        (b"VP8X", header),
        (encoded(pixels, ".webp")[12:16], encoded(pixels, ".webp")[20:]),
        (b"EXIF", exif(jpeg(np.asarray(cv2.resize(pixels, (96, 72)), np.uint8)))),
        (b"XMP ", b"<x:xmpmeta/>"),
    ]
    body = b"".join(name + struct.pack("<L", len(each)) + each + b"\0" * (len(each) % 2) for name, each in chunks)
    return b"RIFF" + struct.pack("<L", len(body) + 4) + b"WEBP" + body + b"a second picture"


def jpeg(pixels: Pixels) -> bytes:
    return encoded(pixels, ".jpg", cv2.IMWRITE_JPEG_QUALITY, 95)


def encoded(pixels: Pixels, ending: str, *options: int) -> bytes:
    done, file = cv2.imencode(ending, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), options)
    assert done
    return file.tobytes()


def exif(thumbnail: bytes) -> bytes:
    """A TIFF structure, big-endian: a directory with two below it, and one after it for the small copy."""
    first, details, gps, small = 8, 200, 300, 600
    start = 800
    parts = {
        0: b"MM\0\x2a" + struct.pack(">L", first),
        first: directory(
            first,
            [text(MAKE, "Warden"), text(MODEL, "Phone 7"), long(DETAILS, details), long(GPS, gps)],
            following=small,
        ),
        details: directory(details, [text(0x9003, "2026:08:02 18:21:07")]),
        gps: directory(
            gps, [text(1, "N"), degrees(2, 48, 8, 14.75), text(3, "E"), degrees(4, 11, 34, 31.76), ratio(6, 519)]
        ),
        small: directory(small, [long(0x0201, start), long(0x0202, len(thumbnail))]),
        start: thumbnail,
    }
    file = bytearray(start + len(thumbnail))
    for at, part in parts.items():
        file[at : at + len(part)] = part
    return bytes(file)


def directory(at: int, entries: list[Entry], following: int = 0) -> bytes:
    head, values = struct.pack(">H", len(entries)), b""
    behind = at + 2 + 12 * len(entries) + 4
    for tag, kind, count, value in entries:
        short = len(value) <= 4
        head += struct.pack(">HHL", tag, kind, count)
        head += value.ljust(4, b"\0") if short else struct.pack(">L", behind + len(values))
        values += b"" if short else value
    return head + struct.pack(">L", following) + values


def text(tag: int, value: str) -> Entry:
    return tag, ASCII, len(value) + 1, value.encode() + b"\0"


def long(tag: int, value: int) -> Entry:
    return tag, LONG, 1, struct.pack(">L", value)


def ratio(tag: int, value: int) -> Entry:
    return tag, RATIONAL, 1, struct.pack(">LL", value, 1)


def degrees(tag: int, whole: int, minutes: int, seconds: float) -> Entry:
    return tag, RATIONAL, 3, struct.pack(">LLLLLL", whole, 1, minutes, 1, round(seconds * 100), 100)
