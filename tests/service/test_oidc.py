"""OpenID Connect at the door: what the flow gives, and what it gives to nobody else. The whole way in a browser, with a
client library, is in tests/story/test_oidc.py."""

import base64
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

from service.app import create_app
from service.bootstrap import build, provider
from service.bootstrap import tokens as tokens_of
from service.databases import open_storage
from service.oauth.metadata import metadata
from service.oauth.requests import Answer as Outcome
from service.settings import Settings
from service.workflows import tenancy
from service.workflows.clients import ClientRegistry
from service.workflows.people import By
from service.workflows.sessions import Sessions
from tests.db.people import Clock
from tests.portraits import portraits
from tests.service.asgi_client import call
from tests.service.bodies import BOUNDARY, multipart, part
from tests.service.oidc import (
    BACK,
    ISSUER,
    VERIFIER,
    House,
    active,
    asked,
    basic,
    came_back,
    claims_of,
    exchange,
    send,
    signed_in,
)


def test_the_whole_way(house: House) -> None:
    person = house.person()
    back = signed_in(house, person)
    assert (back["state"], back["from"], back["iss"]) == ("a state, “quoted”", "login", ISSUER)
    status, tokens = exchange(house, back["code"])
    assert (status, tokens["token_type"], tokens["expires_in"], tokens["scope"]) == (200, "Bearer", 900, "openid")
    claims = claims_of(house, tokens["id_token"], house.client.client_id)
    assert (claims["nonce"], claims["acr"], claims["amr"]) == ("n-0S6_WzA2Mj", "photo", ["face"])
    assert claims["auth_time"] == claims["iat"] == int(house.clock.now.timestamp())
    assert claims["exp"] - claims["iat"] == 900
    half = hashlib.sha512(tokens["access_token"].encode()).digest()[:32]
    assert claims["at_hash"] == base64.urlsafe_b64encode(half).rstrip(b"=").decode()
    for method in ("GET", "POST"):
        answer = send(house, method, "/oauth/userinfo", f"Bearer {tokens['access_token']}")
        assert json.loads(answer.body) == {"sub": claims["sub"]}
    assert str(person) not in json.dumps(claims)


def test_who_somebody_is_differs_from_sector_to_sector(house: House) -> None:
    person, subjects = house.person(), []
    others = [
        (house.client, BACK),
        (house.neighbour, "https://app.example/other"),
        (house.stranger, "https://stranger.example/back"),
    ]
    for client, uri in others:
        code = signed_in(house, person, client_id=client.client_id, redirect_uri=uri)["code"]
        tokens = exchange(house, code, basic(client), redirect_uri=uri)[1]
        subjects.append(claims_of(house, tokens["id_token"], client.client_id)["sub"])
    assert subjects[0] == subjects[1] != subjects[2]
    again = exchange(house, signed_in(house, person)["code"])[1]
    assert claims_of(house, again["id_token"], house.client.client_id)["sub"] == subjects[0]


def test_a_face_signs_in_at_the_tenant_of_the_application(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", public_url=ISSUER)
    with_tenant = build(settings)
    tenancy.create(with_tenant.storage, "other")
    made = ClientRegistry(with_tenant.storage.of("other")).add("Theirs", [BACK], public=False)
    own = ClientRegistry(with_tenant.storage).add("Ours", [BACK], public=False)
    house = House(with_tenant, create_app(with_tenant), Clock(), made, made, made, made, "")
    people = portraits()
    body = multipart(part("consent", b"true"), part("image", people.obama.read_bytes(), "a.jpg"))
    headers = [("Host", "login.example"), ("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")]
    assert call(house.app, "POST", "/v1/users", headers, [body]).status == 201
    seen = multipart(part("image", people.obama3.read_bytes(), "b.jpg"))
    stranger = call(house.app, "POST", f"/oauth/sign-in?{urlencode(asked(house))}", headers, [seen])
    assert (stranger.status, stranger.code) == (401, "not_recognised")
    house = replace(house, client=own)
    answer = call(house.app, "POST", f"/oauth/sign-in?{urlencode(asked(house))}", headers, [seen])
    assert answer.status == 200
    code = came_back(json.loads(answer.body)["redirect"])["code"]
    assert exchange(house, code)[0] == 200
    kinds = [entry.kind for entry in with_tenant.storage.audit.entries()]
    assert kinds[-2:] == ["login", "signed_in"]
    with_tenant.close()


def test_another_worker_finishes_what_one_began_and_hears_what_another_ended(house: House) -> None:
    settings = house.application.settings
    storage = open_storage(settings, house.clock)
    other = provider(storage, settings, house.clock)
    person = house.person()
    pairs = [("grant_type", "authorization_code"), ("redirect_uri", BACK), ("code_verifier", VERIFIER)]
    outcome = other.exchange([*pairs, ("code", signed_in(house, person)["code"])], basic(house.client))
    assert isinstance(outcome.body, dict)
    assert active(house, outcome.body["access_token"])
    login = house.application.tokens.issue(person, "photo").token
    theirs = Sessions(storage, tokens_of(storage, settings, house.clock), other)
    assert theirs.introspect(login, "default")["active"]
    house.application.sessions.log_out(login)
    assert theirs.introspect(login, "default") == {"active": False}
    house.application.people.erase([person], by=By.OPERATOR)
    assert theirs.introspect(outcome.body["access_token"], "default") == {"active": False}
    storage.close()


def test_the_discovery_document_names_what_there_is(house: House) -> None:
    answer = send(house, "GET", "/.well-known/openid-configuration")
    found = json.loads(answer.body)
    assert found == metadata(ISSUER)
    paths = create_app(house.application).openapi()["paths"]
    places = [value for name, value in found.items() if name.endswith("_endpoint") or name == "jwks_uri"]
    assert len(places) == 4
    assert [each for each in places if each.removeprefix(ISSUER) not in paths] == []
    assert send(house, "GET", "/oauth/jwks").body == send(house, "GET", "/.well-known/jwks.json").body


def test_an_outcome_without_a_place_to_go_on_to_has_none() -> None:
    assert Outcome(400, {}).location is None
