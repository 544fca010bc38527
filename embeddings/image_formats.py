"""What a file is, by its first bytes; its name and its declared type are never looked at."""

from codecs import getincrementaldecoder
from enum import StrEnum
from typing import Final

from embeddings.image_refusals import UnsupportedFormat


class PictureFormat(StrEnum):
    """The formats that are read and written."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"

    @property
    def media_type(self) -> str:
        return f"image/{self.value}"


CONVERT: Final = "Save it as JPEG, PNG or WebP and send it again."
HEIF: Final = "Save it as JPEG and send it again; on an iPhone: Settings, Camera, Formats, Most Compatible."
FRAME: Final = "Save one picture of it as JPEG, PNG or WebP and send that."
NOT_A_PICTURE: Final = "Send a photo as JPEG, PNG or WebP."

SIGNATURES: Final[tuple[tuple[bytes, str, str], ...]] = (
    (b"GIF87a", "GIF", FRAME),
    (b"GIF89a", "GIF", FRAME),
    (b"BM", "BMP", CONVERT),
    (b"II*\x00", "TIFF", CONVERT),
    (b"MM\x00*", "TIFF", CONVERT),
    (b"II+\x00", "TIFF", CONVERT),
    (b"MM\x00+", "TIFF", CONVERT),
    (b"\xff\x0a", "JPEG XL", CONVERT),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "JPEG XL", CONVERT),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "JPEG 2000", CONVERT),
    (b"\xff\x4f\xff\x51", "JPEG 2000", CONVERT),
    (b"8BPS", "Photoshop", CONVERT),
    (b"\x00\x00\x01\x00", "ICO", CONVERT),
    (b"%PDF-", "PDF", FRAME),
    (b"PK\x03\x04", "ZIP", NOT_A_PICTURE),
    (b"PK\x05\x06", "ZIP", NOT_A_PICTURE),
    (b"\x1f\x8b", "gzip", NOT_A_PICTURE),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip", NOT_A_PICTURE),
    (b"Rar!\x1a\x07", "RAR", NOT_A_PICTURE),
    (b"\x1aE\xdf\xa3", "Matroska or WebM video", FRAME),
    (b"\x7fELF", "a program", NOT_A_PICTURE),
    (b"MZ", "a program", NOT_A_PICTURE),
)
BRANDS: Final[tuple[tuple[tuple[bytes, ...], str, str], ...]] = (
    ((b"avif", b"avis"), "AVIF", CONVERT),
    ((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), "HEIC", HEIF),
    ((), "MP4 or QuickTime video", FRAME),
)
MARKUP: Final[tuple[tuple[bytes, str, str], ...]] = (
    (b"<svg", "SVG", CONVERT),
    (b"<!doctype html", "HTML", NOT_A_PICTURE),
    (b"<html", "HTML", NOT_A_PICTURE),
    (b"<?xml", "XML", NOT_A_PICTURE),
    (b"<", "HTML or XML", NOT_A_PICTURE),
)
LOOKED_AT: Final = 1024


def sniffed(data: bytes) -> PictureFormat:
    """The format of a file that is not empty. Raises UnsupportedFormat for all but JPEG, PNG and WebP."""
    if data.startswith(b"\xff\xd8"):
        return PictureFormat.JPEG
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return PictureFormat.PNG
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return PictureFormat.WEBP
    raise UnsupportedFormat(*named(data))


def named(data: bytes) -> tuple[str, str]:
    """The name of a format that is not supported, and what to do."""
    for signature, name, advice in SIGNATURES:
        if data.startswith(signature):
            return name, advice
    if data[4:8] == b"ftyp":
        return next((name, advice) for brands, name, advice in BRANDS if not brands or branded(data, brands))
    if data.startswith(b"RIFF"):
        return "AVI or WAV", FRAME
    start = data[:LOOKED_AT].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith(b"<") and b"<svg" in start:
        return "SVG", CONVERT
    for signature, name, advice in MARKUP:
        if start.startswith(signature):
            return name, advice
    return ("plain text" if is_text(data[:LOOKED_AT]) else "This kind of file"), NOT_A_PICTURE


def branded(data: bytes, brands: tuple[bytes, ...]) -> bool:
    """Whether the ISO media file says one of `brands`: major brand first, then the compatible ones."""
    size = min(int.from_bytes(data[:4], "big"), LOOKED_AT)
    said = [data[8:12], *(data[at : at + 4] for at in range(16, size, 4))]
    return any(brand in brands for brand in said)


def is_text(start: bytes) -> bool:
    """Whether the beginning of a file is UTF-8 without control characters; its last character may be cut."""
    try:
        text = getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return False
    return all(letter.isprintable() or letter in "\t\n\r\f" for letter in text)
