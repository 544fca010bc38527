"""Bytes in, an upright RGB picture out, or one refusal; and a fresh file from a picture.

What is taken: JPEG (baseline and progressive, also grey and CMYK), PNG (every colour type and depth, interlaced too)
and WebP (lossy and lossless), told by their content. Transparent parts are laid on white (but for a PNG's one shade of
grey declared transparent, which OpenCV shows as it is), 16 bits become 8, profiles are ignored. A file is first taken
apart: size and orientation are read, and only what a decoder needs goes on to OpenCV, so no metadata, comment,
thumbnail or trailing payload is ever parsed by native code.

What is refused: animations, since taking one frame would silently drop the others; a file that lacks rows. A JPEG
file without its end marker is taken if every row is there; damage inside the rows that a decoder can pass over is not
noticed. For such damage libjpeg may write a line to the process's error stream: a count of bytes and a marker's number,
nothing of the picture.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from embeddings import jpeg, png, webp
from embeddings.container import Container
from embeddings.exif import orientation, upright
from embeddings.image_formats import PictureFormat, sniffed
from embeddings.image_refusals import (
    BrokenImage,
    EmptyImage,
    ImageRefused,
    ImageTooLarge,
    ImageTooSmall,
    TooManyPixels,
    UnsupportedFormat,
)
from embeddings.types import Pixels

__all__ = [
    "BrokenImage",
    "EmptyImage",
    "ImageLimits",
    "ImageRefused",
    "ImageTooLarge",
    "ImageTooSmall",
    "Picture",
    "PictureFormat",
    "TooManyPixels",
    "UnsupportedFormat",
    "decode",
    "encode",
]

READERS: Final = {PictureFormat.JPEG: jpeg.read, PictureFormat.PNG: png.read, PictureFormat.WEBP: webp.read}
SMALLEST_SIDE: Final = 16  # pixels; a face that a detector finds is larger
FILLED: Final = 128  # what libjpeg paints where rows are missing
WHITE: Final = 255
ROWS_AT_ONCE: Final = 256


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """`max_bytes` of the file; `max_pixels`, width times height as the header states them."""

    max_bytes: int = 10 * 2**20
    max_pixels: int = 40_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """Upright RGB pixels, uint8 [height, width, 3], and the format of the file they came in."""

    pixels: Pixels
    format: PictureFormat


def decode(data: bytes, limits: ImageLimits) -> Picture:
    """The picture in a file. Raises a class of ImageRefused, and nothing else, whatever the bytes are."""
    if not data:
        raise EmptyImage("the file is empty")
    if len(data) > limits.max_bytes:
        raise ImageTooLarge(f"the file is larger than {limits.max_bytes} bytes")
    format_ = sniffed(data)
    container = READERS[format_](data)
    if container.width * container.height > limits.max_pixels:
        raise TooManyPixels(f"the picture has more than {limits.max_pixels} pixels")
    if min(container.width, container.height) < SMALLEST_SIDE:
        raise ImageTooSmall(f"the picture is less than {SMALLEST_SIDE} pixels wide or high")
    stored = from_jpeg(container) if format_ is PictureFormat.JPEG else from_others(container, format_)
    return Picture(upright(stored, orientation(container.exif)), format_)


def from_jpeg(container: Container) -> Pixels:
    """Raises BrokenImage, also where rows are missing; a missing end or a filled last pixel is reason to look."""
    pixels = opened(container, container.stream, cv2.IMREAD_COLOR_RGB)
    suspicious = not container.whole or bool((pixels[-1, -1] == FILLED).all())
    if suspicious:
        small = cv2.IMREAD_REDUCED_COLOR_8
        known, prolonged = raw(container.stream, small), raw(jpeg.prolonged(container.stream), small)
        if known is None or prolonged is None or not np.array_equal(known, prolonged):
            raise BrokenImage("a JPEG file lacks rows")
    return pixels.astype(np.uint8, copy=False)


def from_others(container: Container, format_: PictureFormat) -> Pixels:
    if format_ is PictureFormat.PNG:
        png.check_rows(container.stream)
    if not container.alpha:
        return opened(container, container.stream, cv2.IMREAD_COLOR_RGB).astype(np.uint8, copy=False)
    return on_white(opened(container, container.stream, cv2.IMREAD_UNCHANGED))


def opened(container: Container, stream: bytes, mode: int) -> NDArray[np.uint8 | np.uint16]:
    """Decoded by OpenCV, of the size that the header stated. Raises BrokenImage."""
    pixels = raw(stream, mode)
    if pixels is None or pixels.shape[:2] != (container.height, container.width):
        raise BrokenImage("the picture is damaged")
    return pixels


def raw(stream: bytes, mode: int) -> NDArray[np.uint8 | np.uint16] | None:
    try:
        pixels = cv2.imdecode(np.frombuffer(stream, np.uint8), mode | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error:
        return None
    return pixels  # type: ignore[return-value]  # None for a damaged file, which OpenCV's stubs do not say


def on_white(stored: NDArray[np.uint8 | np.uint16]) -> Pixels:
    """OpenCV's grey, BGR or BGRA of 8 or 16 bits as RGB of 8 bits; where it is transparent white shines through."""
    height, width = stored.shape[:2]
    out = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, ROWS_AT_ONCE):
        rows = stored[top : top + ROWS_AT_ONCE]
        if rows.dtype == np.uint16:
            rows = (rows >> 8).astype(np.uint8)
        if rows.ndim == 2:
            rows = rows[:, :, None]
        colours = rows[:, :, 2::-1] if rows.shape[2] >= 3 else rows[:, :, :1]
        part = np.broadcast_to(colours, (*rows.shape[:2], 3))
        if rows.shape[2] == 4:
            alpha = rows[:, :, 3:].astype(np.uint16)
            part = ((part * alpha + WHITE * (WHITE - alpha) + WHITE // 2) // WHITE).astype(np.uint8)
        out[top : top + ROWS_AT_ONCE] = part
    return out


def encode(pixels: Pixels, format: PictureFormat, quality: int = 92) -> bytes:  # noqa: A002  a field of Picture too
    """A fresh file of an RGB picture uint8 [height, width, 3], without metadata.

    `quality` is that of JPEG and WebP, 1 to 100; PNG keeps every pixel. Raises ValueError for a picture that the
    format cannot hold (a side over 16,383 pixels in WebP, over 65,535 in JPEG).
    """
    options = {
        PictureFormat.JPEG: [cv2.IMWRITE_JPEG_QUALITY, quality],
        PictureFormat.PNG: [],
        PictureFormat.WEBP: [cv2.IMWRITE_WEBP_QUALITY, quality],
    }
    swapped = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    try:
        written, buffer = cv2.imencode(f".{format.value}", swapped, options[format])
    except cv2.error as error:
        raise ValueError(f"a picture of this size cannot be written as {format.value}") from error
    if not written:
        raise ValueError(f"a picture of this size cannot be written as {format.value}")
    return buffer.tobytes()
