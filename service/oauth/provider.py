"""OpenID Connect as this service provides it: what its routes call, in the order in which a sign-in calls them."""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc6749 import InvalidClientError, OAuth2Error

from service.errors import TokenInvalid
from service.oauth.clients import Client
from service.oauth.levels import require, wanted
from service.oauth.requests import Answer, Pairs, Request
from service.oauth.server import Server
from service.tokens import METHODS

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Somebody recognised a moment ago, and how."""

    user_id: UUID
    acr: str


@dataclass(frozen=True, slots=True)
class Asked:
    """For the page: which application asks, to which host the browser goes back, and how sure it wants to be."""

    name: str
    host: str
    acr_values: tuple[str, ...]


class Provider:
    """Safe for several threads. Nothing of a sign-in is remembered before there is a code for it: each call brings the
    whole request, which is checked anew."""

    def __init__(self, server: Server, issuer: str) -> None:
        self._server = server
        self._issuer = issuer

    def ask(self, pairs: Pairs) -> Asked | Answer:
        """An authorization request comes in: what to show, or where the browser goes at once. An answer without a
        `location` is for the person: nobody knows an application there to tell."""
        return self._checked("GET", pairs, self._asked)

    def sign_in(self, pairs: Pairs, recognise: Callable[[str], SignedIn]) -> Answer:
        """`recognise` is called with the tenant where the person must be enrolled; what it raises is raised."""

        def finish(grant: Any) -> Answer:
            person = recognise(grant.client.record.tenant)
            require(person.acr, wanted(grant.request.payload.data.get("acr_values")))
            return self._granted(grant, person)

        return self._checked("POST", pairs, finish)

    def decline(self, pairs: Pairs) -> Answer:
        """The person would rather not: the application is told so."""
        return self._checked("POST", pairs, lambda grant: self._granted(grant, None))

    def exchange(self, pairs: Pairs, authorization: str | None) -> Answer:
        """A code for tokens."""
        request = Request("POST", pairs)
        try:
            request.payload.require_plain()
            if authorization is not None:
                request.headers = {"Authorization": _basic(authorization)}
        except OAuth2Error as error:
            return self._refused(request, error)
        answer: Answer = self._server.create_token_response(request)
        return answer

    def user_info(self, access_token: str) -> Mapping[str, str]:
        """Who the person is to the application that shows this. Raises TokenInvalid."""
        found = self._server.granted(access_token)
        if found is None:
            raise TokenInvalid
        record, grant = found
        return {"sub": self._server.subject(Client(record), grant)}

    def introspect(self, access_token: str, tenant: str) -> Mapping[str, object]:
        """As RFC 7662 has it, for that tenant's applications alone."""
        found = self._server.granted(access_token)
        if found is None or found[0].tenant != tenant:
            return {"active": False}
        record, grant = found
        return {
            "active": True,
            "token_type": "Bearer",
            "client_id": record.client_id,
            "scope": "openid",
            "iss": self._issuer,
            "sub": self._server.subject(Client(record), grant),
            "exp": int(grant.expires_at.timestamp()),
            "auth_time": int(grant.signed_in_at.timestamp()),
            "acr": grant.acr,
            "amr": list(METHODS[grant.acr]),
        }

    def _checked(self, method: str, pairs: Pairs, follow: Callable[[Any], T]) -> T | Answer:
        """What `follow` makes of a request that is in order; the refusal of any other."""
        request = Request(method, pairs)
        grant = None
        try:
            request.payload.require_plain()
            grant = self._server.get_consent_grant(request)
            return follow(grant)
        except OAuth2Error as error:
            if grant is not None:
                error.redirect_uri, error.state = grant.redirect_uri, request.payload.state
            return self._refused(request, error)

    def _asked(self, grant: Any) -> Asked:
        host = urlsplit(grant.redirect_uri).netloc or grant.client.record.name
        return Asked(grant.client.record.name, host, tuple(wanted(grant.request.payload.data.get("acr_values"))))

    def _granted(self, grant: Any, person: SignedIn | None) -> Answer:
        answer: Answer = self._server.create_authorization_response(grant.request, grant_user=person, grant=grant)
        return answer

    def _refused(self, request: Request, error: OAuth2Error) -> Answer:
        answer: Answer = self._server.handle_error_response(request, error)
        if answer.location is not None:
            answer.location = add_params_to_uri(answer.location, [("iss", self._issuer)])
        return answer


def _basic(authorization: str) -> str:
    """Raises InvalidClientError for what Authlib would stumble over."""
    scheme, _, encoded = authorization.partition(" ")
    try:
        given = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        given = ""
    if scheme.lower() != "basic" or ":" not in given:
        raise InvalidClientError(status_code=401, description="The Authorization header is not understood.")
    return authorization
