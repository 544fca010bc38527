"""Where the master key comes from, and what is derived from it."""

import base64
import binascii
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from db.errors import MasterKeyError
from db.sealing import KEY_BYTES, KEY_ID_BYTES, SealingKey

_PREFIX: Final = b"facewarden "


@dataclass(frozen=True, slots=True)
class MasterKey:
    """32 bytes from which every other secret of the installation follows."""

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != KEY_BYTES:
            raise MasterKeyError("the master key must be 32 bytes, in base64")

    def derive(self, purpose: str, length: int = 32) -> bytes:
        """HKDF-SHA256 (RFC 5869) of the master key for one purpose."""
        return HKDF(SHA256(), length, salt=None, info=_PREFIX + purpose.encode()).derive(self.secret)

    def wrapping_key(self) -> SealingKey:
        """The key that person keys are sealed with; its ID is derived too, so that a wrong master key shows."""
        return SealingKey(self.derive("wrapping key id", KEY_ID_BYTES), self.derive("wrapping key"))


class KeyProvider(Protocol):
    """Where the master key is kept."""

    def load(self, *, may_create: bool) -> MasterKey:
        """The master key; made anew only where there is none and `may_create`. Raises MasterKeyError."""


@dataclass(frozen=True, slots=True)
class EnvironmentKey:
    """A master key handed in as text: base64 of 32 bytes."""

    text: str = field(repr=False)

    def load(self, *, may_create: bool) -> MasterKey:  # noqa: ARG002 - a given key is never made
        """Raises MasterKeyError for text that is no key."""
        return MasterKey(_decode(self.text.encode()))


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A master key in a file that only its owner may read."""

    path: Path

    def load(self, *, may_create: bool) -> MasterKey:
        """Reads the file, or makes it (0600, flushed to the disk) where `may_create`. Raises MasterKeyError."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        except FileNotFoundError:
            return self._create(may_create=may_create)
        except OSError as error:
            raise MasterKeyError(f"{self.path} cannot be read: {error.strerror}") from None
        with os.fdopen(descriptor, "rb") as file:
            mode = os.fstat(file.fileno())
            if stat.S_IMODE(mode.st_mode) & 0o077:
                raise MasterKeyError(f"{self.path} may be read by others: chmod 600 it")
            if hasattr(os, "geteuid") and mode.st_uid not in {os.geteuid(), 0}:
                raise MasterKeyError(f"{self.path} belongs to somebody else")
            return MasterKey(_decode(file.read(4096)))

    def _create(self, *, may_create: bool) -> MasterKey:
        if not may_create:
            raise MasterKeyError(f"{self.path} is missing, and there is data sealed with it: put the key back")
        master = MasterKey(os.urandom(KEY_BYTES))
        temporary = self.path.with_name(self.path.name + ".new")
        temporary.unlink(missing_ok=True)
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(base64.b64encode(master.secret) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            os.link(temporary, self.path)  # fails where another process was first
        except FileExistsError:
            return self.load(may_create=False)
        except OSError as error:
            raise MasterKeyError(f"{self.path} cannot be made: {error.strerror}") from None
        finally:
            temporary.unlink(missing_ok=True)
        return master


def _decode(text: bytes) -> bytes:
    try:
        return base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        raise MasterKeyError("the master key must be 32 bytes, in base64") from None


def digest_under(secret: bytes, message: bytes) -> bytes:
    """HMAC-SHA256 (RFC 2104), 32 bytes."""
    code = HMAC(secret, SHA256())
    code.update(message)
    return code.finalize()
