"""Login tokens: short-lived JWTs signed with Ed25519 (RFC 7519, RFC 8037)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from db.tables import DEFAULT_TENANT
from service.errors import TokenInvalid

ISSUER: Final = "facewarden"
ACR_PHOTO: Final = "photo"
"""Authentication context: a face was shown; that it was alive was not checked."""
ACR_PHOTO_AND_PASSPHRASE: Final = "photo+passphrase"  # noqa: S105 - a kind of evidence
ACR_RECOVERY: Final = "recovery"
"""A recovery code alone."""
METHODS: Final = {
    ACR_PHOTO: ("face",),
    ACR_PHOTO_AND_PASSPHRASE: ("face", "pwd", "mfa"),
    ACR_RECOVERY: ("otp",),
}
"""`amr` values (RFC 8176)."""
FRESH: Final = timedelta(minutes=5)
SKEW: Final = timedelta(minutes=1)
"""Clocks of two nodes may differ by so much; a token from further ahead was issued before the clock was set back, and
would live longer than it should."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A signed token and its life in seconds."""

    token: str
    expires_in: int

    def __repr__(self) -> str:
        return f"Issued(expires_in={self.expires_in})"


@dataclass(frozen=True, slots=True)
class Claims:
    """What a valid token says: whose, how sure (`acr`), whether issued within FRESH, and at which tenant."""

    user_id: UUID
    acr: str
    fresh: bool
    tenant: str


class Tokens:
    """Issues and checks tokens of one tenant. `secret` is 32 bytes, the Ed25519 private key."""

    def __init__(
        self, secret: bytes, lifetime: timedelta, now: Callable[[], datetime], tenant: str = DEFAULT_TENANT
    ) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(secret)
        self._lifetime = lifetime
        self._now = now
        self._tenant = tenant

    def issue(self, user_id: UUID, acr: str) -> Issued:
        """A token for `user_id`. Raises KeyError for an unknown `acr`."""
        now = self._now()
        claims = {
            "iss": ISSUER,
            "sub": str(user_id),
            "iat": now,
            "exp": now + self._lifetime,
            "jti": str(uuid4()),
            "acr": acr,
            "amr": list(METHODS[acr]),
            "tenant": self._tenant,
        }
        return Issued(jwt.encode(claims, self._key, algorithm="EdDSA"), int(self._lifetime.total_seconds()))

    def check(self, token: str) -> Claims:
        """The claims of a token of ours. Raises TokenInvalid for any other, whatever is wrong with it."""
        claims = self.read(token)
        if claims.tenant != self._tenant:
            raise TokenInvalid
        return claims

    def read(self, token: str) -> Claims:
        """The same for a token of any tenant."""
        try:
            claims = jwt.decode(
                token,
                self._key.public_key(),
                algorithms=["EdDSA"],
                issuer=ISSUER,
                options={
                    "require": ["exp", "iat", "sub", "jti", "acr", "tenant"],
                    "verify_exp": False,
                    "verify_iat": False,
                },
            )
            now, issued_at = self._now(), datetime.fromtimestamp(claims["iat"], UTC)
            if not now < datetime.fromtimestamp(claims["exp"], UTC) or issued_at > now + SKEW:
                raise TokenInvalid
            fresh = now < issued_at + FRESH
            return Claims(UUID(claims["sub"]), str(claims["acr"]), fresh, str(claims["tenant"]))
        except (jwt.InvalidTokenError, ValueError, TypeError, OverflowError):
            raise TokenInvalid from None
