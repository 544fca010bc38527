"""Who has logged in, told from a token alone: no call to the service but for its public keys, now and then."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

import jwt

from facewarden.acr import is_as_sure

Acr = Literal["photo", "photo+passphrase", "live", "live+passphrase"]
ALGORITHM: Final = "EdDSA"
TYPES: Final = {True: "at+jwt", False: "JWT"}
"""`typ` of a login token, and of an ID token, which is meant for one application alone."""


class NotLoggedIn(Exception):
    """The token is none of this service, or not for this application, or has expired. Why is nobody's business."""


class NotSureEnough(Exception):
    """The login is good, and shows less than is asked for: `acr`."""

    def __init__(self, acr: str) -> None:
        super().__init__(acr)
        self.acr = acr


class KeysUnavailable(Exception):
    """The service's public keys cannot be fetched: nothing is known of the token."""


@dataclass(frozen=True, slots=True)
class Person:
    """`user_id`: the person's ID at the service, or in an ID token the one for this application alone (`sub`).

    `acr`, `amr`: how sure the login was, and by what; it was at `logged_in_at`. `tenant`: None in an ID token.
    """

    user_id: str
    acr: str
    amr: tuple[str, ...]
    logged_in_at: datetime
    expires_at: datetime
    tenant: str | None


class Verifier:
    """Checks tokens of the service at `service`, its address as `FACEWARDEN_PUBLIC_URL` has it.

    Without `audience` it takes login tokens, those of POST /v1/login; with `audience`, an application's client ID, the
    ID tokens made for it. Tokens given back (POST /v1/logout) are taken until they expire, 15 minutes after the login
    at most. Safe for several threads. The keys are kept for five minutes; a key that is not among them is asked for
    at most twice a minute.
    """

    def __init__(self, service: str, audience: str | None = None, *, acr: Acr = "photo", seconds: float = 10) -> None:
        self._issuer = service.rstrip("/")
        self._audience = audience or self._issuer
        self._type = TYPES[audience is None]
        self._acr = acr
        self._keys = jwt.PyJWKClient(f"{self._issuer}/.well-known/jwks.json", timeout=seconds)

    def __call__(self, token: str) -> Person:
        """Raises NotLoggedIn, NotSureEnough, KeysUnavailable."""
        try:
            claims = self._claims(token)
            person = _person(claims)
        except jwt.PyJWKClientConnectionError:
            raise KeysUnavailable from None
        except (jwt.PyJWTError, KeyError, TypeError, ValueError, OverflowError):
            raise NotLoggedIn from None
        if not is_as_sure(person.acr, self._acr):
            raise NotSureEnough(self._acr)
        return person

    def _claims(self, token: str) -> dict[str, Any]:
        if jwt.get_unverified_header(token).get("typ") != self._type:
            raise jwt.InvalidTokenError
        return jwt.decode(
            token,
            self._keys.get_signing_key_from_jwt(token),
            algorithms=[ALGORITHM],
            issuer=self._issuer,
            audience=self._audience,
            options={"require": ["exp", "iat", "sub", "acr"]},
            leeway=5,
        )


def _person(claims: dict[str, Any]) -> Person:
    at = claims.get("auth_time", claims["iat"])
    return Person(
        user_id=str(claims["sub"]),
        acr=str(claims["acr"]),
        amr=tuple(str(each) for each in claims.get("amr", ())),
        logged_in_at=datetime.fromtimestamp(at, UTC),
        expires_at=datetime.fromtimestamp(claims["exp"], UTC),
        tenant=claims.get("tenant"),
    )
