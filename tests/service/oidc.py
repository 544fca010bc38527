"""A service that provides OpenID Connect, with applications, and their way through it without a browser."""

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import UUID

import jwt
from fastapi import FastAPI

from db.api_keys import Role
from service.app import create_app
from service.bootstrap import Application, build
from service.oauth.provider import SignedIn
from service.settings import Settings
from service.workflows.clients import ClientRegistry, Registered
from tests.db.people import Clock, enrol
from tests.service.api_keys import key
from tests.service.asgi_client import Answer, call

BACK = "https://app.example/back?from=login"
ISSUER = "https://login.example"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


@dataclass(frozen=True)
class House:
    application: Application
    app: FastAPI
    clock: Clock
    client: Registered
    public: Registered
    neighbour: Registered
    """Of the same sector."""
    stranger: Registered
    key: str
    """A verifier's."""

    def person(self, tenant: str = "default") -> UUID:
        service = self.application.of(tenant)
        return enrol(service.storage, transform=service.turning.generation)


def opened(home: Path) -> Iterator[House]:
    """A service with four applications, and its clock at noon."""
    clock = Clock()
    settings = Settings(home=home, public_url=ISSUER)
    application = build(settings, clock)
    registry = ClientRegistry(application.storage)
    yield House(
        application,
        create_app(application),
        clock,
        registry.add("An <App>", [BACK], public=False),
        registry.add("A page", ["https://app.example/page"], public=True),
        registry.add("Its neighbour", ["https://app.example/other"], public=False),
        registry.add("A stranger", ["https://stranger.example/back"], public=False),
        key(application.storage, Role.VERIFIER),
    )
    application.close()


def asked(house: House, **changed: str | None) -> list[tuple[str, str]]:
    """An authorization request; a parameter that is None is left out."""
    usual = {
        "client_id": house.client.client_id,
        "redirect_uri": BACK,
        "response_type": "code",
        "scope": "openid profile",
        "state": "a state, “quoted”",
        "nonce": "n-0S6_WzA2Mj",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    return [(name, value) for name, value in {**usual, **changed}.items() if value is not None]


def came_back(location: str | None) -> dict[str, str]:
    assert location is not None
    return dict(parse_qsl(urlsplit(location).query))


def signed_in(house: House, person: UUID, acr: str = "photo", **changed: str | None) -> dict[str, str]:
    answer = house.application.provider.sign_in(asked(house, **changed), lambda _: SignedIn(person, acr))
    return came_back(answer.location)


def send(house: House, method: str, path: str, authorization: str | None = None, **form: str) -> Answer:
    headers = [("Host", "login.example"), ("Content-Type", "application/x-www-form-urlencoded")]
    if authorization is not None:
        headers.append(("Authorization", authorization))
    return call(house.app, method, path, headers, [urlencode(form).encode()])


def basic(client: Registered, secret: str | None = None) -> str:
    told = f"{client.client_id}:{secret or client.secret}"
    return f"Basic {base64.b64encode(told.encode()).decode()}"


def exchange(house: House, code: str, authorization: str | None = "", **changed: str) -> tuple[int, dict[str, Any]]:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "code_verifier": VERIFIER}
    authorization = basic(house.client) if authorization == "" else authorization
    answer = send(house, "POST", "/oauth/token", authorization, **{**form, **changed})
    assert answer.headers["cache-control"] == "no-store"
    body: dict[str, Any] = json.loads(answer.body)
    return answer.status, body


def claims_of(house: House, id_token: str, audience: str) -> dict[str, Any]:
    """Checked as an application would, at the service's time."""
    keys = jwt.PyJWKSet.from_dict(json.loads(send(house, "GET", "/oauth/jwks").body))
    public = keys[jwt.get_unverified_header(id_token)["kid"]]
    options: Any = {"verify_exp": False, "verify_iat": False, "require": ["exp", "iat", "sub", "auth_time", "nonce"]}
    return jwt.decode(id_token, public, algorithms=["EdDSA"], audience=audience, issuer=ISSUER, options=options)


def active(house: House, token: str) -> bool:
    answer = send(house, "POST", "/oauth/introspect", f"Bearer {house.key}", token=token)
    found: bool = json.loads(answer.body)["active"]
    return found
