"""Files that are taken: every colour mode, upright whatever the camera wrote, and fresh files without metadata."""

import re
import struct

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from embeddings.exif import orientation, upright
from embeddings.image import ImageLimits, PictureFormat, decode, encode
from embeddings.png import SIGNATURE, split
from embeddings.types import Pixels
from tests.embeddings import picture_files as files

LIMITS = ImageLimits()
UPRIGHT = files.corners()
BACK = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}  # which orientation undoes which


def stored(value: int) -> Pixels:
    """The picture as a camera stores it that writes orientation `value`."""
    return upright(UPRIGHT, BACK[value])


def test_orientation_six_is_a_quarter_turn_to_the_right() -> None:
    turned = upright(UPRIGHT, 6)
    assert turned.shape == (48, 32, 3)
    assert (turned[0, -1] == UPRIGHT[0, 0]).all()
    assert (turned[-1, -1] == UPRIGHT[0, -1]).all()


def test_orientation_five_mirrors_along_the_diagonal() -> None:
    assert (upright(UPRIGHT, 5)[20, 10] == UPRIGHT[10, 20]).all()


@pytest.mark.parametrize("value", range(1, 9))
@pytest.mark.parametrize("format_", PictureFormat)
def test_every_orientation_comes_out_upright(value: int, format_: PictureFormat) -> None:
    raw, block = stored(value), files.exif(value)
    if format_ is PictureFormat.JPEG:
        made = files.jpeg_with(files.jpeg(raw, cv2.IMWRITE_JPEG_QUALITY, 100), 0xE1, b"Exif\0\0" + block)
    elif format_ is PictureFormat.PNG:
        rows = b"".join(b"\0" + row.tobytes() for row in raw)
        made = files.png((raw.shape[1], raw.shape[0], 8, 2), rows, (b"eXIf", block))
    else:
        made = files.webp_with_exif(raw, block)
    picture = decode(made, LIMITS)
    assert picture.format is format_
    assert picture.pixels.shape == UPRIGHT.shape
    assert np.abs(picture.pixels.astype(int) - UPRIGHT).mean() < 4
    assert np.abs(picture.pixels[2:6, 2:6].astype(int) - UPRIGHT[2:6, 2:6]).max() < 12


@pytest.mark.parametrize("big", [True, False])
@pytest.mark.parametrize("value", [0, 9, 255, 65535])
def test_an_impossible_orientation_is_upright(big: bool, value: int) -> None:
    assert orientation(files.exif(value, big=big)) == 1


@pytest.mark.parametrize("big", [True, False])
def test_both_byte_orders_are_read_with_and_without_the_prefix(big: bool) -> None:
    assert orientation(files.exif(6, big=big)) == 6
    assert orientation(b"Exif\0\0" + files.exif(6, big=big)) == 6


def test_an_orientation_of_another_type_is_upright() -> None:
    assert orientation(files.exif(6, kind=2)) == 1


@settings(deadline=None)
@given(st.binary(max_size=64), st.integers(0, 40))
def test_damaged_exif_is_upright_or_a_valid_orientation(noise: bytes, at: int) -> None:
    block = files.exif(6)
    assert orientation(block[:at] + noise + block[at + len(noise) :]) in range(1, 9)
    assert orientation(b"MM\0*" + noise) in range(1, 9)


def test_only_the_first_exif_block_counts() -> None:
    file = files.jpeg(UPRIGHT)
    for value in (3, 1):  # the last one put in comes first
        file = files.jpeg_with(file, 0xE1, b"Exif\0\0" + files.exif(value))
    assert decode(file, LIMITS).pixels[0, 0, 0] > 150


def flat(colour: tuple[int, int, int]) -> Pixels:
    return np.full((20, 20, 3), colour, np.uint8)


MODES = {
    "grey": (files.plain_png((20, 20, 8, 0), bytes([90]) * 20), (90, 90, 90)),
    "grey 16": (files.plain_png((20, 20, 16, 0), bytes([90, 12]) * 20), (90, 90, 90)),
    "grey 1": (files.plain_png((20, 20, 1, 0), b"\xff\xff\xff"), (255, 255, 255)),
    "grey 4": (files.plain_png((20, 20, 4, 0), b"\x33" * 10), (51, 51, 51)),
    "grey + alpha": (files.plain_png((20, 20, 8, 4), bytes([100, 51]) * 20), (224, 224, 224)),
    "grey 16 + alpha": (files.plain_png((20, 20, 16, 4), bytes([100, 0, 51, 0]) * 20), (224, 224, 224)),
    "RGB": (files.plain_png((20, 20, 8, 2), bytes([10, 20, 30]) * 20), (10, 20, 30)),
    "RGB 16": (files.plain_png((20, 20, 16, 2), bytes([10, 0, 20, 0, 30, 0]) * 20), (10, 20, 30)),
    "RGB, one colour transparent": (
        files.plain_png((20, 20, 8, 2), bytes([10, 20, 30]) * 20, (b"tRNS", b"\0\x0a\0\x14\0\x1e")),
        (255, 255, 255),
    ),
    "RGB + alpha": (files.plain_png((20, 20, 8, 6), bytes([10, 20, 30, 0]) * 20), (255, 255, 255)),
    "RGB 16 + alpha": (files.plain_png((20, 20, 16, 6), bytes([10, 0, 20, 0, 30, 0, 255, 255]) * 20), (10, 20, 30)),
    "palette": (files.plain_png((20, 20, 8, 3), bytes([1]) * 20, (b"PLTE", bytes([0, 0, 0, 9, 8, 7]))), (9, 8, 7)),
    "palette 1": (files.plain_png((20, 20, 1, 3), b"\xff" * 3, (b"PLTE", bytes([0, 0, 0, 9, 8, 7]))), (9, 8, 7)),
    "palette + alpha": (
        files.plain_png((20, 20, 8, 3), bytes([1]) * 20, (b"PLTE", bytes([0, 0, 0, 9, 8, 7])), (b"tRNS", b"\xff\0")),
        (255, 255, 255),
    ),
}


@pytest.mark.parametrize("mode", MODES)
def test_every_colour_mode_of_png(mode: str) -> None:
    file, colour = MODES[mode]
    pixels = decode(file, LIMITS).pixels
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, flat(colour))


def test_an_interlaced_png() -> None:
    passes = [(3, 3), (2, 3), (5, 2), (5, 5), (10, 5), (10, 10), (20, 10)]  # Adam7 of 20x20: columns and rows
    rows = b"".join((b"\0" + bytes([10, 20, 30]) * columns) * count for columns, count in passes)
    assert (decode(files.png((20, 20, 8, 2), rows, interlaced=True), LIMITS).pixels == (10, 20, 30)).all()


def test_grey_and_progressive_jpeg() -> None:
    grey = cv2.imencode(".jpg", np.full((20, 20), 90, np.uint8))[1].tobytes()
    np.testing.assert_allclose(decode(grey, LIMITS).pixels, flat((90, 90, 90)), atol=1)
    progressive = files.jpeg(UPRIGHT, cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    assert np.abs(decode(progressive, LIMITS).pixels.astype(int) - UPRIGHT).mean() < 4


def test_a_picture_that_is_as_grey_as_missing_rows_is_taken() -> None:
    assert (decode(files.jpeg(flat((128, 128, 128))), LIMITS).pixels == 128).all()
    restarting = files.jpeg(flat((128, 128, 128)), cv2.IMWRITE_JPEG_RST_INTERVAL, 1)
    assert (decode(restarting, LIMITS).pixels == 128).all()


def test_transparent_webp_lies_on_white() -> None:
    half = np.full((20, 20, 4), (30, 20, 10, 51), np.uint8)
    for quality in (101, 90):
        file = cv2.imencode(".webp", half, [cv2.IMWRITE_WEBP_QUALITY, quality])[1].tobytes()
        np.testing.assert_allclose(decode(file, LIMITS).pixels, flat((206, 208, 210)), atol=4)


def test_a_missing_end_marker_is_put_back() -> None:
    file = files.jpeg(UPRIGHT)
    np.testing.assert_array_equal(decode(file[:-2], LIMITS).pixels, decode(file, LIMITS).pixels)


def test_what_follows_the_end_is_ignored() -> None:
    rows = b"".join(b"\0" + row.tobytes() for row in UPRIGHT)
    for file in (files.jpeg(UPRIGHT), files.png((48, 32, 8, 2), rows), files.riff(files.webp_frame(UPRIGHT))):
        np.testing.assert_array_equal(decode(file + b"MZ payload" * 9, LIMITS).pixels, decode(file, LIMITS).pixels)


@pytest.mark.parametrize("format_", PictureFormat)
@settings(deadline=None)
@given(pixels=arrays(np.uint8, st.tuples(st.integers(16, 40), st.integers(16, 40), st.just(3))))
def test_a_fresh_file_has_the_same_size_and_format(format_: PictureFormat, pixels: Pixels) -> None:
    picture = decode(encode(pixels, format_), LIMITS)
    assert picture.format is format_
    assert picture.pixels.shape == pixels.shape
    if format_ is PictureFormat.PNG:
        np.testing.assert_array_equal(picture.pixels, pixels)


def test_a_fresh_file_holds_no_metadata() -> None:
    exif = b"Exif\0\0" + files.exif(1)
    pixels = decode(files.jpeg_with(files.jpeg(UPRIGHT), 0xE1, exif), LIMITS).pixels
    segments = re.findall(rb"\xff([\xe0-\xef\xfe])(..)", encode(pixels, PictureFormat.JPEG).split(b"\xff\xda")[0])
    assert segments == [(b"\xe0", struct.pack(">H", 16))]  # JFIF, without a thumbnail
    png = encode(pixels, PictureFormat.PNG)
    assert png.startswith(SIGNATURE)
    assert {kind for kind, _ in split(png)} == {b"IHDR", b"IDAT", b"IEND"}
    webp = encode(pixels, PictureFormat.WEBP)
    assert webp[12:16] == b"VP8 "
    assert len(webp) == 20 + int.from_bytes(webp[16:20], "little")


def test_a_side_too_long_for_webp() -> None:
    with pytest.raises(ValueError, match="webp"):
        encode(np.zeros((16, 16_400, 3), np.uint8), PictureFormat.WEBP)


def test_media_types() -> None:
    assert [format_.media_type for format_ in PictureFormat] == ["image/jpeg", "image/png", "image/webp"]
