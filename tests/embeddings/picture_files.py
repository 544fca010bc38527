"""Small picture files made byte by byte, for what an ordinary encoder does not write."""

import struct
import zlib

import cv2
import numpy as np

from embeddings.png import SIGNATURE, chunk
from embeddings.types import Pixels


def corners(width: int = 48, height: int = 32) -> Pixels:
    """Four quarters of different colours, so that each orientation looks different."""
    picture = np.empty((height, width, 3), np.uint8)
    half, middle = height // 2, width // 2
    picture[:half, :middle] = (220, 30, 30)
    picture[:half, middle:] = (30, 200, 40)
    picture[half:, :middle] = (40, 50, 210)
    picture[half:, middle:] = (230, 220, 60)
    return picture


def jpeg(pixels: Pixels, *options: int) -> bytes:
    return cv2.imencode(".jpg", pixels[:, :, ::-1], list(options))[1].tobytes()


def png(header: tuple[int, int, int, int], rows: bytes, *extra: tuple[bytes, bytes], interlaced: bool = False) -> bytes:
    """`header`: width, height, bit depth, colour type; `rows` with their filter bytes; `extra` chunks before them."""
    ihdr = struct.pack(">IIBBBBB", *header, 0, 0, int(interlaced))
    chunks = [(b"IHDR", ihdr), *extra, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return SIGNATURE + b"".join(chunk(kind, body) for kind, body in chunks)


def plain_png(header: tuple[int, int, int, int], pixel_row: bytes, *extra: tuple[bytes, bytes]) -> bytes:
    """Every row the same, unfiltered."""
    return png(header, (b"\0" + pixel_row) * header[1], *extra)


def exif(orientation: int, *, big: bool = True, kind: int = 3, count: int = 1) -> bytes:
    """A TIFF structure with a maker's name and an orientation."""
    order = ">" if big else "<"
    maker = struct.pack(order + "HHI", 0x010F, 2, 4) + b"abc\0"
    turned = struct.pack(order + "HHIHH", 0x0112, kind, count, orientation, 0)
    start = (b"MM\0*" if big else b"II*\0") + struct.pack(order + "I", 8)
    return start + struct.pack(order + "H", 2) + maker + turned + struct.pack(order + "I", 0)


def jpeg_with(file: bytes, code: int, body: bytes) -> bytes:
    """`file` with one more segment right after its start."""
    return file[:2] + bytes((0xFF, code)) + struct.pack(">H", len(body) + 2) + body + file[2:]


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for kind, data in chunks)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def webp_frame(pixels: Pixels) -> tuple[bytes, bytes]:
    """Kind and body of the chunk that holds the picture, lossless."""
    file = cv2.imencode(".webp", pixels[:, :, ::-1], [cv2.IMWRITE_WEBP_QUALITY, 101])[1].tobytes()
    at = file.index(b"VP8L")
    return b"VP8L", file[at + 8 : at + 8 + int.from_bytes(file[at + 4 : at + 8], "little")]


def extended(width: int, height: int, flags: int) -> tuple[bytes, bytes]:
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"VP8X", bytes((flags, 0, 0, 0)) + sides


def webp_with_exif(pixels: Pixels, block: bytes) -> bytes:
    height, width = pixels.shape[:2]
    return riff(extended(width, height, 0x08), webp_frame(pixels), (b"EXIF", block))
