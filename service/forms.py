"""What a request brought: pictures and simple fields, in memory, and how a field becomes a value.

UploadRefused
├── MalformedBody          malformed_body
├── UnsupportedMediaType   unsupported_media_type
├── RequestTooLarge        request_too_large
├── TooManyImages          too_many_images
├── MissingImage           missing_image
├── OneImageOnly           one_image_only
└── InvalidField           invalid_field          carries field, the name; never the value
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeVar
from unicodedata import category
from uuid import UUID

from service.errors import ServiceError

YES: Final = frozenset({"true", "1", "yes", "on"})
NO: Final = frozenset({"false", "0", "no", "off", ""})
UUID_LENGTHS: Final = (32, 36)
"""With and without hyphens; `UUID` alone would take braces and `urn:uuid:` too."""
LAST_MILLISECOND: Final = 253_402_300_799_999
"""The end of the year 9999, the last moment that `datetime` knows."""

Choice = TypeVar("Choice", bound=StrEnum)


class UploadRefused(ServiceError):
    """A request body that is not taken; no message quotes it."""


class MalformedBody(UploadRefused):
    code = "malformed_body"

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail or "malformed body")
        self.detail = detail


class UnsupportedMediaType(UploadRefused):
    code = "unsupported_media_type"


class RequestTooLarge(UploadRefused):
    code = "request_too_large"


class TooManyImages(UploadRefused):
    code = "too_many_images"


class MissingImage(UploadRefused):
    code = "missing_image"


class OneImageOnly(UploadRefused):
    code = "one_image_only"


class InvalidField(UploadRefused):
    code = "invalid_field"

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


@dataclass(frozen=True, slots=True, repr=False)
class Form:
    """`images`: encoded pictures in the order sent; `fields`: every other field, all its values in that order."""

    images: tuple[bytes, ...]
    fields: Mapping[str, tuple[str, ...]]

    def __repr__(self) -> str:
        return f"Form({len(self.images)} images, {len(self.fields)} fields)"


def one_image(form: Form) -> bytes:
    """The only picture. Raises MissingImage or OneImageOnly."""
    if not form.images:
        raise MissingImage
    if len(form.images) > 1:
        raise OneImageOnly
    return form.images[0]


def single(form: Form, name: str) -> str | None:
    """The value as it was sent, None when the field is absent. Raises InvalidField when it came more than once."""
    values = form.fields.get(name, ())
    if len(values) > 1:
        raise InvalidField(name)
    return values[0] if values else None


def boolean(form: Form, name: str) -> bool:
    """True for true, 1, yes, on; False for false, 0, no, off, nothing and absence. Raises InvalidField."""
    value = (single(form, name) or "").strip().lower()
    if value in YES:
        return True
    if value in NO:
        return False
    raise InvalidField(name)


def text(form: Form, name: str, longest: int) -> str | None:
    """At most `longest` characters, no control characters but line ends and tabs; None when empty or absent.

    Raises InvalidField.
    """
    value = (single(form, name) or "").strip()
    if len(value) > longest or any(category(each) == "Cc" and each not in "\r\n\t" for each in value):
        raise InvalidField(name)
    return value or None


def secret(form: Form, name: str, longest: int) -> str | None:
    """What only the person knows, as it was typed; None when empty or absent. Raises InvalidField."""
    value = single(form, name) or ""
    if len(value) > longest:
        raise InvalidField(name)
    return value or None


def identifier(form: Form, name: str) -> UUID | None:
    """A UUID, None when absent. Raises InvalidField, also when empty: an empty claim must not become no claim."""
    value = single(form, name)
    if value is None:
        return None
    try:
        if len(value) in UUID_LENGTHS:
            return UUID(value)
    except ValueError:
        pass
    raise InvalidField(name)


def identifiers(form: Form, name: str, most: int) -> frozenset[UUID]:
    """At most so many UUIDs, none when absent. Raises InvalidField."""
    values = form.fields.get(name, ())
    if len(values) > most:
        raise InvalidField(name)
    each = (identifier(Form((), {name: (value,)}), name) for value in values)
    return frozenset(value for value in each if value is not None)


def integer(form: Form, name: str, least: int, most: int) -> int | None:
    """A whole number from `least` to `most`, None when absent. Raises InvalidField."""
    value = single(form, name)
    if value is None:
        return None
    if value.isascii() and value.removeprefix("-").isdigit() and len(value) <= 20 and least <= int(value) <= most:
        return int(value)
    raise InvalidField(name)


def choice(form: Form, name: str, kind: type[Choice]) -> Choice | None:
    """A member of `kind` by its value, None when absent. Raises InvalidField."""
    value = single(form, name)
    if value is None:
        return None
    try:
        return kind(value)
    except ValueError:
        raise InvalidField(name) from None


def kinds(form: Form, name: str, known: frozenset[str]) -> frozenset[str] | None:
    """Some of `known`, comma separated, or `none`; None when the field is absent. Raises InvalidField."""
    value = single(form, name)
    if value is None:
        return None
    chosen = frozenset(part.strip() for part in value.split(",") if part.strip())
    if chosen == {"none"}:
        return frozenset()
    if not chosen or not chosen <= known:
        raise InvalidField(name)
    return chosen


def captured_at(form: Form, name: str = "captured_at") -> tuple[float | None, ...] | None:
    """When each picture was taken, seconds since 1970, None where the value is empty; None when the field is absent.

    The field holds milliseconds and comes once for each picture, in their order. Raises InvalidField.
    """
    values = form.fields.get(name, ())
    if not values:
        return None
    if len(values) != len(form.images):
        raise InvalidField(name)
    return tuple(_moment(value, name) for value in values)


def _moment(value: str, name: str) -> float | None:
    if not value:
        return None
    try:
        milliseconds = float(value)
    except ValueError:
        raise InvalidField(name) from None
    if not math.isfinite(milliseconds) or not 0 <= milliseconds <= LAST_MILLISECOND:
        raise InvalidField(name)
    return milliseconds / 1000
