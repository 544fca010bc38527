"""Bytes in, an upright RGB picture out, or one refusal; and a fresh file from a picture.

What is taken: JPEG (baseline and progressive, also grey and CMYK), PNG (every colour type and depth, interlaced too)
and WebP (lossy and lossless), told by their content. Transparent parts are laid on white, and their alpha is kept
beside (but for a PNG's one shade of grey declared transparent, which OpenCV shows as it is), 16 bits become 8,
profiles are ignored. A file is first taken apart: size and orientation are read, and only what a decoder needs goes on
to OpenCV, so no metadata, comment, thumbnail or trailing payload is ever parsed by native code.

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
    FormatTooSmall,
    ImageRefused,
    ImageTooLarge,
    ImageTooSmall,
    TooManyPixels,
    UnsupportedFormat,
)
from embeddings.transparency import Alpha, alpha_of, off_white, on_white
from embeddings.types import Pixels

__all__ = [
    "BrokenImage",
    "EmptyImage",
    "FormatTooSmall",
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
LONGEST_SIDE: Final = {PictureFormat.JPEG: 65_500, PictureFormat.WEBP: 16_383}
FILLED: Final = 128  # what libjpeg paints where rows are missing


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """`max_bytes` of the file; `max_pixels`, width times height as the header states them."""

    max_bytes: int = 10 * 2**20
    max_pixels: int = 40_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """Upright RGB pixels, uint8 [height, width, 3], and the format of the file they came in.

    `alpha`: uint8 [height, width] where parts are transparent; `pixels` then lie on white.
    """

    pixels: Pixels
    format: PictureFormat
    alpha: Alpha | None = None


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
    turned = orientation(container.exif)
    if format_ is PictureFormat.JPEG:
        return Picture(upright(from_jpeg(container), turned), format_)
    stored, alpha = from_others(container, format_)
    shown = None if alpha is None else upright(alpha[:, :, None], turned)[:, :, 0]
    return Picture(upright(stored, turned), format_, shown)


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


def from_others(container: Container, format_: PictureFormat) -> tuple[Pixels, Alpha | None]:
    if format_ is PictureFormat.PNG:
        png.check_rows(container.stream)
    if not container.alpha:
        return opened(container, container.stream, cv2.IMREAD_COLOR_RGB).astype(np.uint8, copy=False), None
    stored = opened(container, container.stream, cv2.IMREAD_UNCHANGED)
    return on_white(stored), alpha_of(stored)


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


def encode(
    pixels: Pixels,
    format: PictureFormat,  # noqa: A002  a field of Picture too
    quality: int = 92,
    alpha: Alpha | None = None,
) -> bytes:
    """A fresh file of an RGB picture uint8 [height, width, 3], without metadata.

    `quality` is that of JPEG and WebP, 1 to 100; PNG keeps every pixel. `alpha`: of a picture that lies on white, which
    PNG and WebP keep. Raises FormatTooSmall for a picture that the format cannot hold.
    """
    options = {
        PictureFormat.JPEG: [cv2.IMWRITE_JPEG_QUALITY, quality],
        PictureFormat.PNG: [],
        PictureFormat.WEBP: [cv2.IMWRITE_WEBP_QUALITY, quality],
    }
    if max(pixels.shape[:2]) > LONGEST_SIDE.get(format, max(pixels.shape[:2])):
        raise FormatTooSmall(f"a side of a {format} is at most {LONGEST_SIDE[format]} pixels long")
    if alpha is None or format is PictureFormat.JPEG:
        swapped = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    else:
        swapped = np.dstack((off_white(pixels, alpha)[:, :, ::-1], alpha))
    written, buffer = cv2.imencode(f".{format.value}", swapped, options[format])
    if not written:
        raise FormatTooSmall(f"this picture cannot be written as {format.value}")
    return buffer.tobytes()
