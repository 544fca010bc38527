"""The one thing taken from EXIF: which way up the picture is."""

from typing import Final

import numpy as np

from embeddings.types import Pixels

UPRIGHT: Final = 1
ORIENTATION_TAG: Final = 0x0112
SHORT: Final = 3
ENTRY_BYTES: Final = 12


def orientation(exif: bytes) -> int:
    """The orientation 1 to 8 of a TIFF structure as EXIF 2.32 section 4.6.4 has it.

    Anything missing, damaged or out of range means 1. `exif` may begin with JPEG's prefix.
    """
    tiff = exif.removeprefix(b"Exif\x00\x00")
    order: dict[bytes, str] = {b"II*\x00": "little", b"MM\x00*": "big"}
    endian = order.get(tiff[:4])
    if endian is None:
        return UPRIGHT

    def number(at: int, size: int) -> int:
        return int.from_bytes(tiff[at : at + size], "little" if endian == "little" else "big")

    directory = number(4, 4)
    for index in range(number(directory, 2)):
        at = directory + 2 + index * ENTRY_BYTES
        if at + ENTRY_BYTES > len(tiff):
            break
        if number(at, 2) == ORIENTATION_TAG:
            value = number(at + 8, 2)
            return value if number(at + 2, 2) == SHORT and 1 <= value <= 8 else UPRIGHT
    return UPRIGHT


def upright(pixels: Pixels, value: int) -> Pixels:
    """The stored picture [height, width, 3] turned and mirrored as an orientation from 1 to 8 asks."""
    mirrored = pixels[:, ::-1]
    turned = {
        1: pixels,
        2: mirrored,
        3: pixels[::-1, ::-1],
        4: pixels[::-1],
        5: pixels.transpose(1, 0, 2),
        6: pixels[::-1].transpose(1, 0, 2),
        7: pixels[::-1, ::-1].transpose(1, 0, 2),
        8: mirrored.transpose(1, 0, 2),
    }
    return np.ascontiguousarray(turned[value])
