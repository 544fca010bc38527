"""A request's body becomes a `Form`: multipart/form-data, or JSON with base64 pictures; in memory, under limits."""

import asyncio
import base64
import binascii
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from typing import Final, Protocol
from urllib.parse import parse_qsl

from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect

from service.forms import (
    Form,
    InvalidField,
    MalformedBody,
    MissingImage,
    OneImageOnly,
    RequestTooLarge,
    TooManyImages,
    UnsupportedMediaType,
    UploadRefused,
    boolean,
    captured_at,
    choice,
    identifier,
    identifiers,
    integer,
    kinds,
    one_image,
    secret,
    text,
)
from service.multipart import IMAGE_FIELDS, MAX_FIELD_BYTES, MultipartReader
from service.watch import Stage, stage

__all__ = [
    "Form",
    "InvalidField",
    "MalformedBody",
    "MissingImage",
    "OneImageOnly",
    "RequestTooLarge",
    "TooManyImages",
    "UnsupportedMediaType",
    "UploadRefused",
    "boolean",
    "captured_at",
    "choice",
    "identifier",
    "identifiers",
    "integer",
    "kinds",
    "one_image",
    "read_fields",
    "read_form",
    "read_json",
    "read_pairs",
    "secret",
    "text",
]

FORM: Final = "application/x-www-form-urlencoded"
MOST_FIELDS: Final = 40
"""Of an HTML form; those of OAuth have ten."""
GRACE_SECONDS: Final = 30.0
SLOWEST: Final = 8 * 1024
"""Bytes a second a client must manage beyond the grace; slower ones would hold their connection for nothing."""
MAX_SEPARATORS: Final = MAX_FIELD_BYTES
"""Commas and opening brackets in a JSON body. Base64 has none; a body of them would grow a hundredfold in memory."""
DATA_URL: Final = re.compile(r"data:[^,]{0,100};base64,", re.IGNORECASE)


class Body(Protocol):
    """The part of a Starlette request that is used here."""

    @property
    def headers(self) -> Headers: ...

    def stream(self) -> AsyncIterator[bytes]: ...


async def read_form(
    request: Body,
    max_bytes: int,
    max_images: int,
    *,
    least: int = 1,
    grace: float = GRACE_SECONDS,
    slowest: float = SLOWEST,
) -> Form:
    """Reads the body of `request`, which must hold at least `least` pictures.

    `max_bytes` limits the whole body, `grace` (seconds) and `slowest` (bytes a second) the time it may take. Raises
    UploadRefused: RequestTooLarge, TooManyImages, MissingImage, MalformedBody (also for a client that goes away or is
    too slow), UnsupportedMediaType, InvalidField.
    """
    form = await _read(request, max_bytes, max_images, grace, slowest)
    if len(form.images) < least:
        raise MissingImage
    return form


async def read_fields(
    request: Body, max_bytes: int = MAX_FIELD_BYTES, *, grace: float = GRACE_SECONDS, slowest: float = SLOWEST
) -> Form:
    """Like `read_form` for a body without pictures; raises TooManyImages where there is one."""
    return await _read(request, max_bytes, 0, grace, slowest)


async def read_pairs(
    request: Body, max_bytes: int = MAX_FIELD_BYTES, *, grace: float = GRACE_SECONDS, slowest: float = SLOWEST
) -> list[tuple[str, str]]:
    """Names and values of an HTML form without files (URL standard, section 5.1), in their order. Raises what
    `read_form` raises."""
    kind, _ = parse_options_header(request.headers.get("content-type", ""))
    if kind != FORM.encode():
        raise UnsupportedMediaType
    async with aclosing(_pieces(request, max_bytes, grace, slowest)) as pieces:
        body = await _joined(pieces)
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError:
        raise MalformedBody("the body is not a form") from None


async def _read(request: Body, max_bytes: int, max_images: int, grace: float, slowest: float) -> Form:
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType
    with stage(Stage.BODY):
        async with aclosing(_pieces(request, max_bytes, grace, slowest)) as pieces:
            if kind == b"multipart/form-data":
                return await _read_multipart(pieces, MultipartReader(options.get(b"boundary", b""), max_images))
            if kind == b"application/json":
                return await asyncio.to_thread(read_json, await _joined(pieces), max_images)
    raise UnsupportedMediaType


async def _read_multipart(pieces: AsyncIterator[bytes], reader: MultipartReader) -> Form:
    async for piece in pieces:
        reader.feed(piece)
    return reader.finish()


async def _joined(pieces: AsyncIterator[bytes]) -> bytes:
    body = bytearray()
    async for piece in pieces:
        body += piece
    return bytes(body)


async def _pieces(request: Body, max_bytes: int, grace: float, slowest: float) -> AsyncGenerator[bytes, None]:
    """The body as it comes in, while it is small and quick enough."""
    received, loop = 0, asyncio.get_running_loop()
    start, stream = loop.time(), aiter(request.stream())
    while True:
        try:
            async with asyncio.timeout_at(start + grace + received / slowest):
                piece = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise MalformedBody("the body came too slowly") from None
        except ClientDisconnect:
            raise MalformedBody("the body ends too early") from None
        received += len(piece)
        if received > max_bytes:
            raise RequestTooLarge
        yield piece


def read_json(body: bytes, max_images: int) -> Form:
    """The form in a JSON object: `image` (or `images`) is base64 or a data: URL, or a list of them; every other member
    a string, a number, a boolean, null (as if absent) or a list of these (null: an empty value)."""
    if body.count(b",") + body.count(b"[") + body.count(b"{") > MAX_SEPARATORS:
        raise RequestTooLarge
    try:
        members = json.loads(body.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise MalformedBody("the body is not JSON") from None
    if not isinstance(members, dict):
        raise MalformedBody("the body is not a JSON object")
    images: list[bytes] = []
    fields: dict[str, tuple[str, ...]] = {}
    for name, value in members.items():
        _check_text(name)
        if name in IMAGE_FIELDS:
            for encoded in _encoded_images(value):
                if len(images) >= max_images:
                    raise TooManyImages
                images.append(_picture(encoded))
        elif value is not None:
            fields[name] = tuple(_simple(name, each) for each in (value if isinstance(value, list) else [value]))
    if sum(len(name) + sum(map(len, values)) for name, values in fields.items()) > MAX_FIELD_BYTES:
        raise RequestTooLarge
    return Form(tuple(images), fields)


def _no_constant(_: str) -> float:
    raise ValueError("NaN and Infinity are not JSON")


def _encoded_images(value: object) -> Iterator[str]:
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, str):
            yield each
        elif each is not None:
            raise MalformedBody("pictures in JSON are base64 strings")


def _picture(encoded: str) -> bytes:
    if prefix := DATA_URL.match(encoded):
        encoded = encoded[prefix.end() :]
    try:
        return base64.b64decode("".join(encoded.split()), validate=True)
    except (binascii.Error, ValueError):
        raise MalformedBody("a picture is not valid base64") from None


def _check_text(value: str) -> str:
    """Raises MalformedBody for half a surrogate pair: JSON can spell it, no text has it (RFC 8259, 8.2)."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise MalformedBody("a text is not Unicode") from None
    return value


def _simple(name: str, value: object) -> str:
    match value:
        case str():
            return _check_text(value)
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case None:
            return ""
    raise InvalidField(name if name.isascii() and name.isprintable() and len(name) <= 40 else "?")
