"""Where the master key comes from, and what is derived from it."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from db.errors import MasterKeyError
from db.sealing import KEY_BYTES, KEY_ID_BYTES, Aead, SealingKey

_PREFIX: Final = b"facewarden "


@dataclass(frozen=True, slots=True)
class MasterKey:
    """32 bytes that open every wrapped key of the installation."""

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != KEY_BYTES:
            raise MasterKeyError("the master key must be 32 bytes, in base64")

    @classmethod
    def from_text(cls, text: bytes) -> "MasterKey":
        """Raises MasterKeyError unless `text` is base64 of 32 bytes; the text is not repeated."""
        try:
            return cls(base64.b64decode(text.strip(), validate=True))
        except binascii.Error:
            raise MasterKeyError("the master key must be 32 bytes, in base64") from None

    def derive(self, purpose: str, length: int = 32) -> bytes:
        """HKDF-SHA256 (RFC 5869) of the master key for one purpose."""
        return HKDF(SHA256(), length, salt=None, info=_PREFIX + purpose.encode()).derive(self.secret)

    def wrapping_key(self) -> SealingKey:
        """The key that person keys are sealed with; its ID is derived too, so that a wrong master key shows."""
        return SealingKey(self.derive("wrapping key id", KEY_ID_BYTES), self.derive("wrapping key"))


class KeyProvider(Protocol):
    """Where the master key is kept, and where it is replaced."""

    def load(self, *, may_create: bool) -> Sequence[Aead]:
        """Every wrapping key there is: one, or two while the master key is being replaced.

        The first is for a store that is begun. A key is made only where there is none and `may_create`.
        Raises MasterKeyError.
        """

    def pending(self, current: bytes) -> Aead | None:
        """The wrapping key that a replacement leads to which was begun and not ended; `current`: ID of the one that
        the store is sealed with now. None where none was begun."""

    def prepare(self, current: bytes) -> Aead:
        """A new wrapping key, safe where the others are kept before this returns; only where none is pending.

        Raises MasterKeyError, also where only the operator can give it.
        """

    def retire(self, keep: bytes) -> bool:
        """Keeps the wrapping key with the ID `keep` and destroys every other for good.

        False where others are left which only the operator can take away. Safe to call again after a crash; calls
        must not overlap. Raises MasterKeyError, and destroys nothing, where there is no key with the ID `keep`.
        """


@dataclass(frozen=True, slots=True)
class EnvironmentKey:
    """A master key handed in as text: base64 of 32 bytes. `previous`: the one before, while it is being replaced."""

    text: str = field(repr=False)
    previous: str | None = field(default=None, repr=False)

    def load(self, *, may_create: bool = False) -> Sequence[SealingKey]:  # noqa: ARG002 - a given key is never made
        """Raises MasterKeyError for text that is no key."""
        texts = [self.text] if self.previous is None else [self.text, self.previous]
        return [MasterKey.from_text(text.encode()).wrapping_key() for text in texts]

    def pending(self, current: bytes) -> SealingKey | None:  # noqa: ARG002 - giving both keys begins it
        return None if self.previous is None else self.load()[0]

    def prepare(self, current: bytes) -> SealingKey:  # noqa: ARG002 - a given key is never made
        """Always raises MasterKeyError: a new key is given from outside."""
        raise MasterKeyError(
            "to replace it, give the new key as FACEWARDEN_MASTER_KEY and the present one as "
            "FACEWARDEN_MASTER_KEY_PREVIOUS, restart the service so, and call this again"
        )

    def retire(self, keep: bytes) -> bool:
        """Nothing here can be destroyed: False where a previous key is still given."""
        ids = [key.key_id for key in self.load()]
        if keep not in ids:
            raise MasterKeyError("the key that the store is sealed with is not given")
        return ids == [keep]


def digest_under(secret: bytes, message: bytes) -> bytes:
    """HMAC-SHA256 (RFC 2104), 32 bytes."""
    code = HMAC(secret, SHA256())
    code.update(message)
    return code.finalize()
