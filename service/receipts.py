"""Receipts of erasures, signed with Ed25519 (RFC 8032): docs/format.md has the bytes.

ReceiptRefused   receipt_refused   carries `fault`, what is wrong with it
"""

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar, Final, Literal, NoReturn

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from db.audit_chain import canonical
from service.errors import ServiceError

FORMAT: Final = "facewarden erasure receipt 1"
PUBLIC_KEY_BYTES: Final = 32


class Fault(StrEnum):
    """What is wrong with a receipt, told to whoever checks it."""

    UNREADABLE = "unreadable"
    FORMAT = "format"
    KEY = "key"
    SIGNATURE = "signature"


_WORDS: Final = {
    Fault.UNREADABLE: "it is not whole: the file was cut off or damaged",
    Fault.FORMAT: "it is no receipt of a kind that is known here",
    Fault.KEY: "another installation signed it",
    Fault.SIGNATURE: "it was changed after it was signed",
}


class ReceiptRefused(ServiceError):
    code: ClassVar[str] = "receipt_refused"

    def __init__(self, fault: Fault) -> None:
        super().__init__(_WORDS[fault])
        self.fault = fault


class ErasedPerson(BaseModel):
    """One person erased. `person`, `entry`, `code`: pseudonym, number and code (hexadecimal) in the audit log.

    `templates` and `keys`: how many were erased and destroyed; None where the log is too old to tell. `keys` is 0 where
    they had been destroyed already, by an erasure that was cut off.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    user_id: str
    person: str
    erased_at: str
    by: str | None
    reason: str | None
    templates: int | None
    keys: int | None
    entry: int
    code: str


class Receipt(BaseModel):
    """What was erased, when, and the signature. `key`, `signature`: base64url (RFC 4648, section 5), not padded."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    format: Literal["facewarden erasure receipt 1"]
    issued_at: str
    key: str
    erased: list[ErasedPerson] = Field(min_length=1)
    signature: str


class ReceiptKey:
    """Signs receipts. `secret` is 32 bytes, the Ed25519 private key."""

    def __init__(self, secret: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(secret)

    @property
    def public(self) -> str:
        """The 32 bytes of the public key, base64url, not padded."""
        return _encoded(self._key.public_key().public_bytes_raw())

    def sign(self, erased: Sequence[ErasedPerson], issued_at: datetime) -> Receipt:
        """Raises ValueError without anybody."""
        unsigned = {
            "format": FORMAT,
            "issued_at": issued_at.astimezone(UTC).isoformat(timespec="microseconds"),
            "key": self.public,
            "erased": [each.model_dump() for each in erased],
        }
        signature = _encoded(self._key.sign(_signed_bytes(unsigned)))
        return Receipt.model_validate({**unsigned, "signature": signature})


def verify(content: bytes, key: str) -> Receipt:
    """The receipt in a file, if the holder of the public key `key` signed it. Raises ReceiptRefused, and ValueError
    where `key` is no public key."""
    public = Ed25519PublicKey.from_public_bytes(public_bytes(key))
    try:
        told = json.loads(content, object_pairs_hook=_without_repeats, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise ReceiptRefused(Fault.UNREADABLE) from None
    try:
        receipt = Receipt.model_validate(told)
    except ValidationError:
        raise ReceiptRefused(Fault.FORMAT) from None
    if receipt.key != _encoded(public.public_bytes_raw()):
        raise ReceiptRefused(Fault.KEY)
    try:
        public.verify(_decoded(receipt.signature), _signed_bytes(told))
    except (InvalidSignature, ValueError):
        raise ReceiptRefused(Fault.SIGNATURE) from None
    return receipt


def public_bytes(key: str) -> bytes:
    """The 32 bytes of a public key in base64url. Raises ValueError."""
    found = _decoded(key)
    if len(found) != PUBLIC_KEY_BYTES:
        raise ValueError("a public key is 43 characters of base64url")
    return found


def _signed_bytes(receipt: Mapping[str, Any]) -> bytes:
    return canonical({name: value for name, value in receipt.items() if name != "signature"}).encode()


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    """Raises ValueError, also for a second spelling of the same bytes."""
    found = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if _encoded(found) != text:
        raise ValueError("not base64url as it is written here")
    return found


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member comes twice")
    return found


def _no_number(_: str) -> NoReturn:
    raise ValueError("not a number of JSON")
