"""multipart/form-data (RFC 7578) read into memory, piece by piece, never into a file.

The framework's own parser moves uploads above 1 MB to a temporary file on disk. This one drives python-multipart's
callback parser and keeps the parts in bytearrays; the size of the whole request is limited by whoever feeds it.
File names are dropped: they may name people, and nothing here needs them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from service.forms import Form, InvalidField, MalformedBody, RequestTooLarge, TooManyImages

if TYPE_CHECKING:  # it exists for type checkers only
    from python_multipart.multipart import MultipartCallbacks

IMAGE_FIELDS: Final = frozenset({"image", "images", "film"})
MAX_FIELD_BYTES: Final = 64 * 1024
"""All simple fields together, names included."""
MAX_PARTS: Final = 100
"""Or as many as pictures may be sent with a field beside each."""
MAX_HEADERS: Final = 8
MAX_HEADER_BYTES: Final = 4096
BOUNDARY: Final = re.compile(rb"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]")
"""RFC 2046, section 5.1.1: at most 70 of these characters, the last one no space."""
PLAIN_ENCODINGS: Final = frozenset({b"", b"7bit", b"8bit", b"binary"})
"""RFC 7578, section 4.7, deprecates transfer encodings; nobody sends the others."""
SHOWABLE: Final = re.compile(r"[A-Za-z0-9_.-]{1,40}")


@dataclass(slots=True)
class _Part:
    name: str = ""
    is_image: bool = False
    unnamed_file: bool = False
    data: bytearray = field(default_factory=bytearray)


class MultipartReader:
    """Feed it the body in pieces of any size, then `finish`. Raises the errors of `service.forms`."""

    def __init__(self, boundary: bytes, max_images: int) -> None:
        if not BOUNDARY.fullmatch(boundary):
            raise MalformedBody("the boundary of the multipart body is missing or not valid")
        self._start = b"--" + boundary
        self._head = bytearray()
        self._parser = MultipartParser(
            boundary, self._callbacks(), max_header_count=MAX_HEADERS, max_header_size=MAX_HEADER_BYTES
        )
        self._max_images = max_images
        self._max_parts = max(MAX_PARTS, 2 * max_images + MAX_PARTS // 2)
        self._images: list[bytes] = []
        self._fields: dict[str, list[str]] = {}
        self._field_bytes = 0
        self._parts = 0
        self._ended = False
        self._part = _Part()
        self._header_name = bytearray()
        self._header_value = bytearray()
        self._headers: dict[bytes, bytes] = {}

    def _callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._part_begin,
            "on_part_data": self._part_data,
            "on_part_end": self._part_end,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value_piece,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_end": self._end,
        }

    def feed(self, data: bytes) -> None:
        """Takes the next piece of the body."""
        if len(self._head) < len(self._start):
            data = self._check_start(data)
        if not data:
            return
        try:
            self._parser.write(data)
        except FormParserError:
            raise MalformedBody("the multipart body is not well-formed") from None

    def _check_start(self, data: bytes) -> bytes:
        """Holds back the first bytes until the boundary is there. A preamble is refused: nobody sends one, and the
        parser reads it differently depending on where the pieces are cut."""
        self._head += data
        size = len(self._start)
        if bytes(self._head[:size]) != self._start[: len(self._head)]:
            raise MalformedBody("the multipart body does not begin with its boundary")
        if len(self._head) < size:
            return b""
        held, self._head = bytes(self._head), self._head[:size]
        return held

    def finish(self) -> Form:
        """The form, once the whole body was fed."""
        if not self._ended:
            raise MalformedBody("the multipart body ends too early")
        fields: Mapping[str, tuple[str, ...]] = {name: tuple(values) for name, values in self._fields.items()}
        return Form(tuple(self._images), fields)

    def _part_begin(self) -> None:
        self._parts += 1
        if self._parts > self._max_parts:
            raise RequestTooLarge
        self._part = _Part()
        self._headers = {}
        self._header_name.clear()
        self._header_value.clear()

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _header_value_piece(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _header_end(self) -> None:
        name = bytes(self._header_name).lower()
        if name in self._headers:
            raise MalformedBody("a part repeats a header")
        self._headers[name] = bytes(self._header_value)
        self._header_name.clear()
        self._header_value.clear()

    def _headers_finished(self) -> None:
        if self._headers.get(b"content-transfer-encoding", b"").strip().lower() not in PLAIN_ENCODINGS:
            raise MalformedBody("parts must not be transfer encoded")
        kind, options = parse_options_header(self._headers.get(b"content-disposition", b"").decode("latin-1"))
        if kind != b"form-data" or b"name" not in options:
            raise MalformedBody("a part has no name")
        name = _decoded(options[b"name"])
        is_image = name in IMAGE_FIELDS
        if b"filename" in options and not is_image:
            raise InvalidField(name if SHOWABLE.fullmatch(name) else "?")
        if is_image and len(self._images) >= self._max_images:
            raise TooManyImages
        self._part = _Part(name, is_image, unnamed_file=options.get(b"filename") == b"")
        if not is_image:
            self._count(len(options[b"name"]))

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if not self._part.is_image:
            self._count(end - start)
        self._part.data += data[start:end]

    def _count(self, size: int) -> None:
        self._field_bytes += size
        if self._field_bytes > MAX_FIELD_BYTES:
            raise RequestTooLarge

    def _part_end(self) -> None:
        part, self._part = self._part, _Part()
        if not part.is_image:
            self._fields.setdefault(part.name, []).append(_decoded(bytes(part.data)))
        elif part.data or not part.unnamed_file:  # a browser sends an empty file without a name when none was chosen
            self._images.append(bytes(part.data))

    def _end(self) -> None:
        self._ended = True


def _decoded(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise MalformedBody("fields must be UTF-8") from None
