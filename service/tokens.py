"""Login tokens: short-lived JWTs signed with Ed25519 (RFC 7519, RFC 8037), made as RFC 9068 has it: `typ` and `aud`
keep them apart from the ID tokens that the same keys sign for applications."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

import jwt

from db.tables import DEFAULT_TENANT
from service.errors import TokenInvalid
from service.token_keys import SKEW, TokenKey, TokenKeys

ALGORITHM: Final = "EdDSA"
TYPE: Final = "at+jwt"
ACR_PHOTO: Final = "photo"
"""Authentication context: a face was shown; that it was alive was not checked."""
ACR_PHOTO_AND_PASSPHRASE: Final = "photo+passphrase"  # noqa: S105 - a kind of evidence
ACR_LIVE: Final = "live"
"""A face passed a challenge of liveness."""
ACR_LIVE_AND_PASSPHRASE: Final = "live+passphrase"  # noqa: S105 - a kind of evidence
ACR_RECOVERY: Final = "recovery"
"""A recovery code alone."""
METHODS: Final = {
    ACR_PHOTO: ("face",),
    ACR_PHOTO_AND_PASSPHRASE: ("face", "pwd", "mfa"),
    ACR_LIVE: ("face", "user"),
    ACR_LIVE_AND_PASSPHRASE: ("face", "user", "pwd", "mfa"),
    ACR_RECOVERY: ("otp",),
}
"""`amr` values (RFC 8176)."""
FRESH: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Issued:
    """A signed token and its life in seconds."""

    token: str
    expires_in: int

    def __repr__(self) -> str:
        return f"Issued(expires_in={self.expires_in})"


@dataclass(frozen=True, slots=True)
class Claims:
    """What a valid token says: whose, how sure (`acr`), whether issued within FRESH, at which tenant; `token_id` names
    it, from `issued_at` until `expires_at`."""

    user_id: UUID
    acr: str
    fresh: bool
    tenant: str
    token_id: str
    issued_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Kind:
    """`issuer`: the address of this installation, for which its own tokens are meant as well; how long they live."""

    issuer: str
    lifetime: timedelta


class Tokens:
    """Issues and checks tokens of one tenant. `is_revoked`: whether a token was given back, by its ID."""

    def __init__(
        self,
        keys: TokenKeys,
        kind: Kind,
        now: Callable[[], datetime],
        *,
        is_revoked: Callable[[str], bool],
        tenant: str = DEFAULT_TENANT,
    ) -> None:
        self._keys = keys
        self._kind = kind
        self._now = now
        self._is_revoked = is_revoked
        self._tenant = tenant

    @property
    def issuer(self) -> str:
        return self._kind.issuer

    def issue(self, user_id: UUID, acr: str) -> Issued:
        """A token for `user_id`. Raises KeyError for an unknown `acr`."""
        now, key, kind = self._now(), self._keys.signing(), self._kind
        claims = {
            "iss": kind.issuer,
            "aud": kind.issuer,
            "sub": str(user_id),
            "iat": now,
            "exp": now + kind.lifetime,
            "jti": str(uuid4()),
            "acr": acr,
            "amr": list(METHODS[acr]),
            "tenant": self._tenant,
        }
        return Issued(signed(claims, key, TYPE), int(kind.lifetime.total_seconds()))

    def check(self, token: str) -> Claims:
        """The claims of a token of ours. Raises TokenInvalid for any other, whatever is wrong with it."""
        claims = self.read(token)
        if claims.tenant != self._tenant:
            raise TokenInvalid
        return claims

    def read(self, token: str) -> Claims:
        """The same for a token of any tenant."""
        try:
            header = jwt.get_unverified_header(token)
            key = self._keys.get(header.get("kid"))
            if key is None or header.get("typ") != TYPE:
                raise TokenInvalid
            claims = self._claims(token, key)
        except (jwt.InvalidTokenError, ValueError, TypeError, OverflowError):
            raise TokenInvalid from None
        if self._is_revoked(claims.token_id):
            raise TokenInvalid
        return claims

    def _claims(self, token: str, key: TokenKey) -> Claims:
        claims = jwt.decode(
            token,
            key.private.public_key(),
            algorithms=[ALGORITHM],
            issuer=self._kind.issuer,
            audience=self._kind.issuer,
            options={
                "require": ["exp", "iat", "sub", "jti", "acr", "tenant"],
                "verify_exp": False,
                "verify_iat": False,
            },
        )
        now = self._now()
        issued_at, expires_at = (datetime.fromtimestamp(claims[name], UTC) for name in ("iat", "exp"))
        # From further ahead: issued before the clock was set back, and would live longer than it should.
        if not now < expires_at or issued_at > now + SKEW:
            raise TokenInvalid
        return Claims(
            user_id=UUID(claims["sub"]),
            acr=str(claims["acr"]),
            fresh=now < issued_at + FRESH,
            tenant=str(claims["tenant"]),
            token_id=str(claims["jti"]),
            issued_at=issued_at,
            expires_at=expires_at,
        )


def signed(claims: Mapping[str, object], key: TokenKey, kind: str) -> str:
    """A JWT; `kind`: its `typ`."""
    return jwt.encode(dict(claims), key.private, algorithm=ALGORITHM, headers={"kid": key.kid, "typ": kind})
