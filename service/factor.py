"""What somebody knows, beside their face: a passphrase or PIN, and a recovery code for when the face is of no use."""

import hashlib
import hmac
import os
import secrets
import unicodedata
from collections.abc import Mapping
from typing import Any, Final

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from service.errors import PassphraseTooShort

SHORTEST: Final = 8
"""Characters: the least of a password that is not the only factor (NIST SP 800-63B-4, 3.1.1.2)."""
LONGEST: Final = 200
MEMORY_KIB: Final = 19 * 1024
ITERATIONS: Final = 2
"""With one lane, OWASP's Password Storage Cheat Sheet (2025) for Argon2id."""
CODE_GROUPS: Final = 6
"""Of 5 letters from an alphabet of 32: 150 bits, so that a plain hash keeps it."""
_ALPHABET: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def hashed(passphrase: str) -> Mapping[str, Any]:
    """What is kept, sealed, of a passphrase. Raises PassphraseTooShort."""
    words = _normal(passphrase)
    if len(words) < SHORTEST:
        raise PassphraseTooShort
    return {"argon2id": _argon2id(os.urandom(16)).derive_phc_encoded(words.encode())}


def matches(kept: Mapping[str, Any] | None, passphrase: str | None) -> bool:
    """Whether this is the passphrase. The work is done all the same where none is kept or none was given."""
    words = _normal(passphrase or "").encode()
    if kept is None:
        _argon2id(bytes(16)).derive(words)
        return False
    try:
        Argon2id.verify_phc_encoded(words, kept["argon2id"])
    except InvalidKey:
        return False
    return passphrase is not None


def _argon2id(salt: bytes) -> Argon2id:
    return Argon2id(salt=salt, length=32, iterations=ITERATIONS, lanes=1, memory_cost=MEMORY_KIB)


def recovery_code() -> str:
    """Six groups of five letters, told once."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(CODE_GROUPS))


def digest_of(code: str) -> str:
    """SHA-256, hexadecimal; case, spaces and dashes do not count."""
    letters = "".join(each for each in code.upper() if each in _ALPHABET)
    return hashlib.sha256(b"facewarden recovery 1 " + letters.encode()).hexdigest()


def same_code(kept: str, code: str) -> bool:
    return hmac.compare_digest(kept, digest_of(code))


def _normal(passphrase: str) -> str:
    """NFKC (NIST SP 800-63B-4, 3.1.1.2), so that the same keys give the same bytes on every system."""
    return unicodedata.normalize("NFKC", passphrase)
