"""Authlib's authorization server over our database, our keys and our words."""

import base64
import hmac
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from authlib.oauth2.rfc6749 import AuthorizationServer, InvalidGrantError
from authlib.oauth2.rfc9207 import IssuerParameter
from authlib.oidc.core.util import create_half_hash

from db.clients import ClientRecord
from db.grants import Grant
from db.storage import Storage
from service.oauth.clients import Client, digest
from service.oauth.grants import CodeGrant, Demands, OpenId, Pkce
from service.oauth.requests import Answer, Request
from service.token_keys import TokenKeys
from service.tokens import ALGORITHM, METHODS, Kind, signed

SUBJECTS: Final = "pairwise subjects"
"""Purpose of the secret that a person's `sub` at an application is made with."""
ID_TOKEN: Final = "JWT"  # noqa: S105 - a type of token


class Server(AuthorizationServer):
    """Of every tenant; a client names its own."""

    def __init__(self, storage: Storage, keys: TokenKeys, kind: Kind) -> None:
        super().__init__()
        self.storage = storage
        self._keys = keys
        self._kind = kind
        self._subjects = storage.secret(SUBJECTS)
        self.register_grant(CodeGrant, [Pkce(required=True), OpenId(self.id_token), Demands()])
        self.register_token_generator("default", self._access_token)
        self.register_extension(_Issuer(kind.issuer))

    # What Authlib asks for

    def query_client(self, client_id: str) -> Client | None:
        with self.storage.begin() as work:
            record = work.clients.get(client_id)
        return None if record is None else Client(record)

    def create_oauth2_request(self, request: Request) -> Request:
        return request

    def handle_response(self, status: int, body: object, headers: Any) -> Answer:
        return Answer(status, body, dict(headers))

    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Nobody listens."""

    def save_token(self, token: Mapping[str, Any], request: Any) -> None:
        """Raises InvalidGrantError where the code was used this moment, or its person erased."""
        lifetime = timedelta(seconds=token["expires_in"])
        with self.storage.begin() as work:
            code: bytes = request.authorization_code.grant.code
            if not work.grants.use(code, digest(token["access_token"]), work.now + lifetime):
                raise InvalidGrantError("Invalid 'code' in request.")
            work.commit()

    def _access_token(self, *, scope: str, **_: object) -> dict[str, object]:
        return {
            "token_type": "Bearer",
            "access_token": secrets.token_urlsafe(32),
            "expires_in": int(self._kind.lifetime.total_seconds()),
            "scope": scope,
        }

    # What is told of a person

    def subject(self, client: Client, grant: Grant) -> str:
        """Who it is at this application, and at others of its sector: two sectors cannot tell that they have the same
        person (OpenID Connect Core, section 8.1)."""
        named = f"{client.sector}\0{grant.user_id}".encode()
        return base64.urlsafe_b64encode(hmac.digest(self._subjects, named, "sha256")).rstrip(b"=").decode()

    def id_token(self, client: Client, grant: Grant, access_token: str) -> str:
        """Signed as login tokens are, and told from them by `typ` and `aud`."""
        now = self.storage.now()
        claims = {
            "iss": self._kind.issuer,
            "aud": grant.client_id,
            "sub": self.subject(client, grant),
            "iat": now,
            "exp": now + self._kind.lifetime,
            "auth_time": int(grant.signed_in_at.timestamp()),
            "acr": grant.acr,
            "amr": list(METHODS[grant.acr]),
            "at_hash": create_half_hash(access_token, ALGORITHM).decode(),
        }
        if grant.nonce is not None:
            claims["nonce"] = grant.nonce
        return signed(claims, self._keys.signing(), ID_TOKEN)

    def granted(self, access_token: str) -> tuple[ClientRecord, Grant] | None:
        """What an access token that holds was given for."""
        with self.storage.begin() as work:
            grant = work.grants.by_token(digest(access_token))
            if grant is None or work.now >= grant.expires_at:
                return None
            client = work.clients.of(grant)
        return None if client is None else (client, grant)


class _Issuer(IssuerParameter):
    """RFC 9207: an answer names who gives it."""

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer

    def __call__(self, server: AuthorizationServer) -> "_Issuer":
        super().__call__(server)
        return self

    def get_issuer(self) -> str:
        return self._issuer
