"""An application that people sign in to, as Authlib asks about one."""

import hashlib
import hmac
from typing import Final
from urllib.parse import urlsplit

from authlib.oauth2.rfc6749 import ClientMixin

from db.clients import ClientRecord

SCOPE: Final = "openid"
"""The only one: whatever else is asked for is passed over (OpenID Connect Core, section 3.1.2.1)."""
WITH_SECRET: Final = ("client_secret_basic", "client_secret_post")
WITHOUT: Final = "none"


def digest(secret: str) -> bytes:
    """What is kept of a secret, a code or an access token: 256 random bits each, so that no slow hash is needed."""
    return hashlib.sha256(secret.encode()).digest()


class Client(ClientMixin):
    """A registered one."""

    def __init__(self, record: ClientRecord) -> None:
        self.record = record

    @property
    def sector(self) -> str:
        """Within it one person has one `sub`: the host of the redirect URIs, all of one (section 8.1); the client
        itself where they name none, as those of programs on a phone."""
        host = urlsplit(self.record.redirect_uris[0]).hostname
        return host or self.record.client_id

    def get_client_id(self) -> str:
        return self.record.client_id

    def get_default_redirect_uri(self) -> None:
        """None: each request has to name its own."""

    def get_allowed_scope(self, scope: str | None) -> str | None:
        return SCOPE if SCOPE in (scope or "").split() else None

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri in self.record.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        return self.record.secret is not None and hmac.compare_digest(digest(client_secret), self.record.secret)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:  # noqa: ARG002 - there is one endpoint
        return method == WITHOUT if self.record.secret is None else method in WITH_SECRET

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"
