"""Sealed records: AES-256-GCM, bound to the place they belong to. docs/format.md is the specification."""

import os
import struct
from dataclasses import dataclass, field
from typing import Final, Protocol
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from db.errors import Fault, RecordUnreadable

VERSION: Final = 1
KEY_BYTES: Final = 32
KEY_ID_BYTES: Final = 16
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
HEADER_BYTES: Final = 1 + KEY_ID_BYTES + NONCE_BYTES
_DOMAIN: Final = b"facewarden record 1"


class Cipher(Protocol):
    """AES-256-GCM under one key, for opening alone."""

    def decrypt(self, nonce: bytes, sealed: bytes, associated: bytes, /) -> bytes:
        """Raises InvalidTag or RecordUnreadable where the tag does not verify."""


class Aead(Protocol):
    """AES-256-GCM under one key, wherever that key is: in memory or in a hardware module."""

    @property
    def key_id(self) -> bytes:
        """The 16 bytes by which records name the key."""

    def encrypt(self, nonce: bytes, payload: bytes, associated: bytes) -> bytes:
        """Ciphertext and tag of 16 bytes; `nonce` is 12 bytes and must never serve one key twice."""

    def decrypt(self, nonce: bytes, sealed: bytes, associated: bytes) -> bytes:
        """Raises RecordUnreadable where the tag does not verify."""


@dataclass(frozen=True, slots=True)
class SealingKey:
    """A 32-byte AES key and the 16 random bytes by which records name it."""

    key_id: bytes
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.key_id) != KEY_ID_BYTES or len(self.secret) != KEY_BYTES:
            raise ValueError("a sealing key is 32 bytes with an ID of 16")

    @classmethod
    def fresh(cls) -> "SealingKey":
        return cls(os.urandom(KEY_ID_BYTES), os.urandom(KEY_BYTES))

    def encrypt(self, nonce: bytes, payload: bytes, associated: bytes) -> bytes:
        return AESGCM(self.secret).encrypt(nonce, payload, associated)

    def decrypt(self, nonce: bytes, sealed: bytes, associated: bytes) -> bytes:
        try:
            return AESGCM(self.secret).decrypt(nonce, sealed, associated)
        except InvalidTag:
            raise RecordUnreadable(Fault.PAYLOAD) from None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record belongs: its kind, whose it is, which row, which model (empty for none)."""

    kind: str
    person: UUID
    row: bytes = b""
    model_id: str = ""

    def associated_data(self) -> bytes:
        """The domain and the four parts, each behind its length (16 bit, big endian)."""
        parts = (self.kind.encode(), self.person.bytes, self.row, self.model_id.encode())
        return _DOMAIN + b"".join(struct.pack(">H", len(part)) + part for part in parts)


class Places:
    """The associated data of many records of one kind and model, whose row names all have the same length."""

    def __init__(self, kind: str, row_bytes: int = 0, model_id: str = "") -> None:
        model = model_id.encode()
        self._before = _DOMAIN + struct.pack(">H", len(kind.encode())) + kind.encode() + struct.pack(">H", 16)
        self._between = struct.pack(">H", row_bytes)
        self._after = struct.pack(">H", len(model)) + model

    def associated_data(self, person: bytes, row: bytes = b"") -> bytes:
        """As `Place` gives it; `person`: the 16 bytes of the ID."""
        return self._before + person + self._between + row + self._after


def seal(key: Aead, place: Place, payload: bytes) -> bytes:
    """A record that opens with this key, at this place only."""
    return _seal_with(key, place, payload, os.urandom(NONCE_BYTES))


def _seal_with(key: Aead, place: Place, payload: bytes, nonce: bytes) -> bytes:
    """`seal` with the nonce given, for golden vectors; a nonce must never serve one key twice."""
    header = bytes([VERSION]) + key.key_id + nonce
    return header + key.encrypt(nonce, payload, header + place.associated_data())


def key_id_of(record: bytes) -> bytes:
    """The ID of the key that a record was sealed with. Raises RecordUnreadable for what is no record."""
    if len(record) < HEADER_BYTES + TAG_BYTES or record[0] != VERSION:
        raise RecordUnreadable(Fault.HEADER)
    return record[1 : 1 + KEY_ID_BYTES]


def open_record(key: Aead, place: Place, record: bytes) -> bytes:
    """The payload. Raises RecordUnreadable, whatever is wrong."""
    return open_with(key, key.key_id, place.associated_data(), record)


def cipher(secret: bytes) -> AESGCM:
    """What `open_with` opens with; setting it up takes longer than opening a record."""
    return AESGCM(secret)


def for_many(key: Aead) -> Cipher:
    """What `open_with` opens many records with that one key holds."""
    return cipher(key.secret) if isinstance(key, SealingKey) else key


def open_with(key: Cipher, key_id: bytes, associated_data: bytes, record: bytes) -> bytes:
    """`open_record` with its parts given, for many records at once. Raises RecordUnreadable, whatever is wrong."""
    if key_id_of(record) != key_id:
        raise RecordUnreadable(Fault.KEY)
    header = record[:HEADER_BYTES]
    try:
        return key.decrypt(header[-NONCE_BYTES:], record[HEADER_BYTES:], header + associated_data)
    except InvalidTag:
        raise RecordUnreadable(Fault.PAYLOAD) from None
