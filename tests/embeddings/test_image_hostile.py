"""Files that are refused, or survived: each by one named refusal, never by another exception."""

import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embeddings import image, png
from embeddings.image import ImageLimits, ImageRefused, PictureFormat, UnsupportedFormat, decode, encode
from embeddings.jpeg import MAX_SCANS
from embeddings.types import Pixels
from tests import evaluation_data
from tests.drawn_faces import drawn_face
from tests.embeddings import picture_files as files

LIMITS = ImageLimits()
FACE = drawn_face(96)
ROWS = b"".join(b"\0" + row.tobytes() for row in FACE)
BASELINE = files.jpeg(FACE)
PROGRESSIVE = files.jpeg(FACE, cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
RESTARTING = files.jpeg(FACE, cv2.IMWRITE_JPEG_RST_INTERVAL, 3)
PNG = files.png((96, 96, 8, 2), ROWS)
LOSSY = encode(FACE, PictureFormat.WEBP)
LOSSLESS = files.riff(files.webp_frame(FACE))
GOOD = [BASELINE, PROGRESSIVE, RESTARTING, PNG, LOSSY, LOSSLESS]


def outcome(data: bytes, limits: ImageLimits = LIMITS) -> str:
    """The format of what was decoded, or the code of the refusal."""
    try:
        picture = decode(data, limits)
    except ImageRefused as refusal:
        return refusal.code
    assert picture.pixels.dtype == np.uint8
    assert picture.pixels.ndim == 3
    assert picture.pixels.shape[2] == 3
    assert picture.pixels.flags.c_contiguous
    assert picture.pixels.shape[0] * picture.pixels.shape[1] <= limits.max_pixels
    return str(picture.format)


def test_limits() -> None:
    assert outcome(b"") == "empty_image"
    assert outcome(PNG, ImageLimits(max_bytes=len(PNG))) == "png"
    assert outcome(PNG, ImageLimits(max_bytes=len(PNG) - 1)) == "image_too_large"
    for file in GOOD:
        assert outcome(file, ImageLimits(max_pixels=96 * 96 - 1)) == "too_many_pixels"
        assert outcome(file, ImageLimits(max_pixels=96 * 96)) in set(PictureFormat)


@pytest.mark.parametrize(("width", "height"), [(15, 40), (40, 15), (1, 1)])
def test_too_small(width: int, height: int) -> None:
    for format_ in PictureFormat:
        assert outcome(encode(np.zeros((height, width, 3), np.uint8), format_)) == "image_too_small"
    assert outcome(encode(np.zeros((16, 16, 3), np.uint8), PictureFormat.PNG)) == "png"


OTHERS = {
    "GIF": b"GIF89a" + bytes(20),
    "BMP": b"BM" + bytes(20),
    "TIFF": b"II*\0" + bytes(20),
    "HEIC": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    "AVIF": b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf",
    "MP4 or QuickTime video": b"\0\0\0\x18ftypisom\0\0\0\0isommp42",
    "JPEG XL": b"\xff\x0a" + bytes(20),
    "JPEG 2000": b"\0\0\0\x0cjP  \r\n\x87\n",
    "PDF": b"%PDF-1.7\n",
    "SVG": b'<?xml version="1.0"?>\n<!-- drawn -->\n<svg xmlns="http://www.w3.org/2000/svg"/>',
    "HTML": b"\xef\xbb\xbf \n<!DOCTYPE html><html>",
    "XML": b'<?xml version="1.0"?><a/>',
    "HTML or XML": b"<p>",
    "ZIP": b"PK\x03\x04" + bytes(20),
    "AVI or WAV": b"RIFF\0\0\0\0AVI LIST",
    "plain text": "Grüße".encode(),
    "This kind of file": bytes(range(200, 255)),
    "An animated PNG": files.png((96, 96, 8, 2), ROWS, (b"acTL", bytes(8))),
    "An animated WebP": files.riff(files.extended(96, 96, 0x02), (b"ANIM", bytes(6)), (b"ANMF", bytes(16))),
    "JPEG with lossless or arithmetic coding": BASELINE.replace(b"\xff\xc0", b"\xff\xc3"),
    "JPEG with more than 8 bits a colour": BASELINE.replace(b"\xff\xc0\x00\x11\x08", b"\xff\xc1\x00\x11\x0c"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_format_is_named_with_what_to_do(name: str) -> None:
    with pytest.raises(UnsupportedFormat) as refused:
        decode(OTHERS[name], LIMITS)
    assert refused.value.format_name == name
    assert "JPEG" in refused.value.advice


def resized_header(file: bytes, width: int, height: int) -> bytes:
    at = file.index(b"\xff\xc0") + 5
    return file[:at] + struct.pack(">HH", height, width) + file[at + 4 :]


def bad_row(filter_: int) -> bytes:
    return files.png((96, 96, 8, 2), bytes([filter_]) + ROWS[1:])


BROKEN = {
    "jpeg of two bytes": b"\xff\xd8",
    "jpeg without a scan": BASELINE[: BASELINE.index(b"\xff\xda")],
    "jpeg cut in its header": BASELINE[:100],
    "jpeg with two frames": BASELINE.replace(b"\xff\xda", b"\xff\xc0\x00\x11" + bytes(15) + b"\xff\xda"),
    "jpeg within a jpeg": BASELINE[:2] + BASELINE,
    "jpeg without height": resized_header(BASELINE, 96, 0),
    "jpeg that says it is higher": resized_header(BASELINE, 96, 112),
    "jpeg with one colour of three": BASELINE.replace(b"\xff\xda\x00\x0c\x03", b"\xff\xda\x00\x0c\x01"),
    "jpeg without tables": BASELINE.replace(b"\xff\xdb", b"\xff\xe7"),
    "progressive jpeg without end": PROGRESSIVE[:-2],
    "jpeg with too many scans": BASELINE[:-2] + b"\xff\xda\x00\x02" * MAX_SCANS + b"\xff\xd9",
    "png of its signature": png.SIGNATURE,
    "png without rows": png.SIGNATURE + png.chunk(b"IHDR", PNG[16:29]) + png.chunk(b"IEND", b""),
    "png with a wrong checksum": PNG[:30] + bytes([PNG[30] ^ 1]) + PNG[31:],
    "png without width": files.png((0, 96, 8, 2), ROWS),
    "png of an impossible depth": files.png((96, 96, 3, 2), ROWS),
    "png without its palette": files.png((96, 96, 8, 3), ROWS),
    "png that lacks a byte": files.png((96, 96, 8, 2), ROWS[:-1]),
    "png whose rows are noise": png.SIGNATURE
    + png.chunk(b"IHDR", PNG[16:29])
    + png.chunk(b"IDAT", b"noise" * 99)
    + png.chunk(b"IEND", b""),
    "png of an unknown filter": bad_row(9),
    "webp without a picture": b"RIFF\x04\0\0\0WEBP",
    "webp of two sizes": files.riff(files.extended(5000, 96, 0), files.webp_frame(FACE)),
    "webp cut off": LOSSY[:-40],
    "webp whose picture is cut off": files.riff((b"VP8 ", LOSSY[20:400])),
    "webp without pixels": LOSSY[:26] + bytes(4) + LOSSY[30:],
    "webp with a short header": files.riff((b"VP8X", b"\0"), files.webp_frame(FACE)),
    "webp with a wrong start": LOSSY[:23] + b"abc" + LOSSY[26:],
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_refused(name: str) -> None:
    assert outcome(BROKEN[name]) == "broken_image"


@pytest.mark.parametrize("share", [0.3, 0.5, 0.8, 0.95])
@pytest.mark.parametrize("end", [b"", b"\xff\xd9"])
@pytest.mark.parametrize("file", [BASELINE, RESTARTING], ids=["plain", "with restarts"])
def test_a_jpeg_that_lacks_rows_is_refused_whatever_its_end(file: bytes, end: bytes, share: float) -> None:
    scan = file.rindex(b"\xff\xda")
    assert outcome(file[: scan + int((len(file) - scan) * share)] + end) == "broken_image"


@pytest.mark.parametrize("marker", range(0xD0, 0xD8))
def test_a_jpeg_cut_at_a_restart_is_refused(marker: int) -> None:
    at = RESTARTING.index(bytes((0xFF, marker)), RESTARTING.rindex(b"\xff\xda"))
    for cut in (at, at + 2):
        assert outcome(RESTARTING[:cut]) == "broken_image"
        assert outcome(RESTARTING[:cut] + b"\xff\xd9") == "broken_image"


@pytest.mark.parametrize("file", [PNG, LOSSY, LOSSLESS], ids=["png", "lossy", "lossless"])
def test_every_cut_of_png_and_webp_is_refused(file: bytes) -> None:
    for length in range(1, len(file) - 1, max(1, len(file) // 60)):
        assert outcome(file[:length]) in {"broken_image", "unsupported_format"}


def test_headers_that_promise_too_much_are_refused_before_decoding() -> None:
    header = struct.pack(">IIBBBBB", 50_000, 50_000, 1, 0, 0, 0, 0)
    bomb = zlib.compress(bytes(10**7))
    chunks = ((b"IHDR", header), (b"IDAT", bomb), (b"IEND", b""))
    assert outcome(png.SIGNATURE + b"".join(png.chunk(*chunk) for chunk in chunks)) == "too_many_pixels"
    assert outcome(resized_header(BASELINE, 65_500, 65_500)) == "too_many_pixels"
    frame = struct.pack("<HH", 16_383, 16_383)
    assert outcome(LOSSY[:26] + frame + LOSSY[30:]) == "too_many_pixels"
    assert outcome(files.png((20, 20, 8, 0), bytes(10**7))) == "png"  # more rows than the header says: not inflated


@settings(deadline=None)
@given(st.data())
def test_damage_anywhere_is_survived(data: st.DataObject) -> None:
    file = bytearray(data.draw(st.sampled_from(GOOD)))
    for _ in range(data.draw(st.integers(1, 6))):
        file[data.draw(st.integers(0, len(file) - 1))] = data.draw(st.integers(0, 255))
    outcome(bytes(file), ImageLimits(max_pixels=1_000_000))


@settings(deadline=None)
@given(st.sampled_from([b"", *(file[:40] for file in GOOD)]), st.binary(max_size=400))
def test_noise_behind_any_beginning_is_survived(beginning: bytes, noise: bytes) -> None:
    outcome(beginning + noise, ImageLimits(max_pixels=1_000_000))


def test_every_refusal_has_a_code_of_its_own() -> None:
    classes: list[type[ImageRefused]] = [
        image.EmptyImage,
        image.ImageTooLarge,
        image.TooManyPixels,
        image.ImageTooSmall,
    ]
    classes += [image.UnsupportedFormat, image.BrokenImage]
    assert len({refusal.code for refusal in classes}) == len(classes)


EXPECTED = {
    "all_black.png": "png",
    "all_white.jpg": "jpeg",
    "animated.gif": "unsupported_format",
    "animated.webp": "unsupported_format",
    "bitflips_0.jpg": "jpeg",
    "bitflips_1.jpg": "jpeg",
    "bitflips_2.jpg": "jpeg",
    "bitflips_3.jpg": "jpeg",
    "bitflips_4.jpg": "broken_image",
    "bitflips_5.jpg": "jpeg",
    "bitmap.bmp": "unsupported_format",
    "cmyk.jpg": "jpeg",
    "empty.jpg": "empty_image",
    "exif_bad_orientation_long_comment.jpg": "jpeg",
    **{f"exif_gps_orientation_{value}.jpg": "jpeg" for value in range(1, 9)},
    "grey16.png": "png",
    "grey_alpha.png": "png",
    "html_named.png": "unsupported_format",
    "jpeg_comment_bomb.jpg": "jpeg",
    "jpeg_says_65500x65500.jpg": "jpeg",  # the lie is in its thumbnail
    "jpeg_trailing_payload.jpg": "jpeg",
    "missing_eoi.jpg": "jpeg",
    "noise.jpg": "jpeg",
    "one_bit.png": "png",
    "one_byte.jpg": "unsupported_format",
    "only_soi.jpg": "broken_image",
    "palette_alpha.png": "png",
    "pdf_named.jpg": "unsupported_format",
    "png_1x1.png": "image_too_small",
    "png_40000x1.png": "image_too_small",
    "png_bad_crc.png": "broken_image",
    "png_bomb_20000x20000_1bit.png": "too_many_pixels",
    "png_bomb_50000x50000_header_only.png": "too_many_pixels",
    "png_zero_width.png": "broken_image",
    "polyglot_js.jpg": "jpeg",
    "progressive.jpg": "jpeg",
    "random_bytes.png": "unsupported_format",
    "seventy_faces.jpg": "jpeg",
    "svg_script.svg": "unsupported_format",
    "text_named.jpg": "unsupported_format",
    "tiff_named.jpg": "unsupported_format",
    "tiny_12x12.png": "image_too_small",
    "truncated_half.jpg": "broken_image",
    "truncated_header.jpg": "broken_image",
    "very_wide_face.jpg": "jpeg",
    "webp_riff_size_lies.webp": "webp",
    "webp_truncated.webp": "broken_image",
    "zip_named.jpg": "unsupported_format",
}


def test_the_folder_of_hostile_files() -> None:
    found = {path.name: outcome(path.read_bytes()) for path in sorted(evaluation_data.folder("hostile").iterdir())}
    assert found == EXPECTED


def test_eight_orientations_of_one_photo_are_one_picture() -> None:
    folder = evaluation_data.folder("hostile")

    def opened(value: int) -> Pixels:
        return decode((folder / f"exif_gps_orientation_{value}.jpg").read_bytes(), LIMITS).pixels

    first = opened(1).astype(int)
    for value in range(2, 9):
        assert np.abs(opened(value) - first).mean() < 5
