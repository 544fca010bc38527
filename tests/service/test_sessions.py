"""Tokens given back, and asked about, at the door."""

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode
from uuid import UUID

import pytest
from fastapi import FastAPI

from db.api_keys import Role
from service.app import create_app
from service.bootstrap import Application, build
from service.settings import Settings
from service.tokens import ACR_PHOTO
from service.workflows import tenancy
from tests.db.people import enrol
from tests.service.api_keys import key
from tests.service.asgi_client import Answer, call


@pytest.fixture(scope="module")
def application(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    home: Path = tmp_path_factory.mktemp("sessions") / "home"
    built = build(Settings(home=home))
    tenancy.create(built.storage, "other")
    yield built
    built.close()


@pytest.fixture(scope="module")
def keys(application: Application) -> dict[str, str]:
    """A verifier's key of each tenant."""
    return {tenant: key(application.storage.of(tenant), Role.VERIFIER) for tenant in ("default", "other")}


@pytest.fixture
def app(application: Application) -> FastAPI:
    return create_app(application)


def enrolled(application: Application) -> UUID:
    return enrol(application.storage, transform=application.of().turning.generation)


@pytest.fixture
def person(application: Application) -> UUID:
    return enrolled(application)


def send(app: FastAPI, method: str, path: str, bearer: str | None = None, **form: str) -> Answer:
    headers = [("Host", "localhost"), ("Content-Type", "application/x-www-form-urlencoded")]
    if bearer is not None:
        headers.append(("Authorization", f"Bearer {bearer}"))
    return call(app, method, path, headers, [urlencode(form).encode()])


def asked(app: FastAPI, key: str, token: str) -> dict[str, object]:
    answer = send(app, "POST", "/oauth/introspect", key, token=token)
    assert answer.status == 200, answer.body
    assert answer.headers["cache-control"] == "no-store"
    found: dict[str, object] = json.loads(answer.body)
    return found


def test_the_public_keys_may_be_kept(app: FastAPI) -> None:
    answer = send(app, "GET", "/.well-known/jwks.json")
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert [key["crv"] for key in json.loads(answer.body)["keys"]] == ["Ed25519"]


def test_a_token_given_back_opens_nothing(
    app: FastAPI, application: Application, person: UUID, keys: dict[str, str]
) -> None:
    token = application.tokens.issue(person, ACR_PHOTO).token
    other = application.tokens.issue(person, ACR_PHOTO).token
    said = asked(app, keys["default"], token)
    assert (said["active"], said["sub"], said["acr"], said["amr"]) == (True, str(person), "photo", ["face"])
    assert send(app, "POST", "/v1/logout", token).status == 204
    assert asked(app, keys["default"], token) == {"active": False}
    for method, path in (("GET", "/v1/me"), ("POST", "/v1/logout"), ("DELETE", "/v1/me")):
        assert send(app, method, path, token).code == "token_invalid"
    assert send(app, "GET", "/v1/me", other).status == 200


def test_erasure_and_consent_taken_back_end_every_token(
    app: FastAPI, application: Application, keys: dict[str, str]
) -> None:
    for path in ("/v1/me", "/v1/me/consent/login"):
        person = enrolled(application)
        token, other = (application.tokens.issue(person, ACR_PHOTO).token for _ in range(2))
        assert send(app, "DELETE", path, token).status in {200, 202}
        for each in (token, other):
            assert asked(app, keys["default"], each) == {"active": False}
            assert send(app, "GET", "/v1/me", each).code == "token_invalid"
            assert send(app, "POST", "/v1/logout", each).code == "token_invalid"


def test_a_tenant_asks_about_its_own_tokens_alone(
    app: FastAPI, application: Application, person: UUID, keys: dict[str, str]
) -> None:
    token = application.tokens.issue(person, ACR_PHOTO).token
    assert asked(app, keys["default"], token)["active"] is True
    assert asked(app, keys["other"], token) == {"active": False}


@pytest.mark.parametrize("token", ["", "x", "a.b.c"])
def test_what_is_no_token_is_not_active(app: FastAPI, token: str, keys: dict[str, str]) -> None:
    answer = send(app, "POST", "/oauth/introspect", keys["default"], token=token)
    assert json.loads(answer.body)["error" if not token else "active"] in {"invalid_request", False}


def test_nobody_asks_without_a_key(app: FastAPI, application: Application, person: UUID) -> None:
    token = application.tokens.issue(person, ACR_PHOTO).token
    for shown in (None, "wrong", token):
        answer = send(app, "POST", "/oauth/introspect", shown, token=token)
        assert (answer.status, json.loads(answer.body)["error"]) == (401, "invalid_client")
        assert answer.headers["www-authenticate"] == "Bearer"
    auditor = key(application.storage, Role.AUDITOR)
    assert send(app, "POST", "/oauth/introspect", auditor, token=token).status == 403


def test_what_has_expired_is_forgotten(application: Application, person: UUID) -> None:
    token = application.tokens.issue(person, ACR_PHOTO).token
    claims = application.tokens.check(token)
    with application.storage.begin() as work:
        work.revoked.add("long ago", work.now.replace(year=2020))
        work.revoked.add(claims.token_id, claims.expires_at)
        work.commit()
    assert application.sessions.tidy() == 1
    with application.storage.begin() as work:
        assert work.revoked.has(claims.token_id)
