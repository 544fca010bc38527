"""The authorization code flow as Authlib carries it, with what is asked here on top: PKCE by S256 of everybody, and
codes kept in the database, so that any worker can finish what another began."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from authlib.oauth2.rfc6749 import InvalidRequestError
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import AuthorizationCodeMixin
from authlib.oidc.core.errors import RequestNotSupportedError, RequestURINotSupportedError
from authlib.oidc.core.grants import OpenIDCode

from db.grants import Grant
from service.oauth.clients import WITH_SECRET, WITHOUT, Client, digest
from service.oauth.levels import wanted

CODE_LIFETIME: Final = timedelta(seconds=60)
LONGEST: Final = 512
"""Characters of a nonce or a state, which are kept or sent back."""


class Code(AuthorizationCodeMixin):
    """A code that was given out, as Authlib asks about one."""

    code_challenge_method = "S256"

    def __init__(self, grant: Grant) -> None:
        self.grant = grant
        self.code_challenge = grant.challenge

    def get_redirect_uri(self) -> str:
        return self.grant.redirect_uri

    def get_scope(self) -> str:
        return "openid"


class CodeGrant(AuthorizationCodeGrant):
    """`server` is a `service.oauth.server.Server`."""

    TOKEN_ENDPOINT_AUTH_METHODS: Final = [*WITH_SECRET, WITHOUT]

    def save_authorization_code(self, code: str, request: Any) -> None:
        """`request.user` is the `SignedIn` of the person."""
        record, person, data = request.client.record, request.user, request.payload.data
        with self.server.storage.of(record.tenant).begin() as work:
            grant = Grant(
                code=digest(code),
                client_id=record.client_id,
                user_id=person.user_id,
                redirect_uri=data["redirect_uri"],
                challenge=data["code_challenge"],
                nonce=data.get("nonce"),
                acr=person.acr,
                signed_in_at=work.now,
                expires_at=work.now + CODE_LIFETIME,
            )
            work.grants.add(grant)
            work.note("signed_in", person.user_id, client=record.client_id, acr=person.acr)
            work.commit()

    def query_authorization_code(self, code: str, client: Client) -> Code | None:
        """None for one of another client or that has expired, and for one that was used: then what was given for it is
        worth nothing any more either, since one of the two who show it has stolen it (RFC 6749, section 10.5)."""
        with self.server.storage.of(client.record.tenant).begin() as work:
            grant = work.grants.by_code(digest(code))
            if grant is None or grant.client_id != client.record.client_id:
                return None
            if grant.used:
                work.grants.drop(grant.code)
                work.note("code_reused", grant.user_id, client=grant.client_id)
                work.commit()
                return None
            return Code(grant) if work.now < grant.expires_at else None

    def delete_authorization_code(self, authorization_code: Code) -> None:
        """It stays, used, as long as the token that was given for it."""

    def authenticate_user(self, authorization_code: Code) -> Any:
        return authorization_code.grant.user_id


class Pkce(CodeChallenge):
    """RFC 7636, by S256 alone, also for clients that have a secret (RFC 9700, section 2.1.1)."""

    SUPPORTED_CODE_CHALLENGE_METHOD: Final = ["S256"]

    def validate_code_challenge(self, grant: Any, redirect_uri: str | None) -> None:
        data = grant.request.payload.data
        if "code_challenge" not in data or data.get("code_challenge_method") != "S256":
            raise InvalidRequestError("PKCE is required: code_challenge, with code_challenge_method=S256.")
        super().validate_code_challenge(grant, redirect_uri)


class OpenId(OpenIDCode):
    """An ID token beside the access token; `make` signs one."""

    def __init__(self, make: Callable[[Client, Grant, str], str]) -> None:
        super().__init__(require_nonce=False)
        self._make = make

    def exists_nonce(self, nonce: str, request: Any) -> bool:  # noqa: ARG002
        """False: it is for the application, which finds it in the ID token."""
        return False

    def encode_id_token(self, token: Mapping[str, str], request: Any) -> str:
        return self._make(request.client, request.authorization_code.grant, token["access_token"])


class Demands:
    """What else an authorization request may hold."""

    def __call__(self, grant: Any) -> None:
        grant.register_hook("after_validate_authorization_request_payload", self.check)

    def check(self, grant: Any, _: None) -> None:
        """Raises OAuth2Error, with which the browser goes back to the application."""
        data = grant.request.payload.data
        if "request" in data:
            raise RequestNotSupportedError
        if "request_uri" in data:
            raise RequestURINotSupportedError
        if data.get("response_mode", "query") != "query":
            raise InvalidRequestError("The only response_mode is query.")
        age = data.get("max_age", "0")
        if not (age.isascii() and age.isdigit()):
            raise InvalidRequestError("max_age is a number of seconds.")
        for name in ("nonce", "state"):
            if len(data.get(name, "")) > LONGEST or not data.get(name, "").isprintable():
                raise InvalidRequestError(f"The {name} is too long, or not of printable characters.")
        wanted(data.get("acr_values"))
