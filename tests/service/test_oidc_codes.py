"""OpenID Connect: what codes, secrets and tokens of applications are worth, and when they are worth nothing."""

import base64
import json
from dataclasses import replace
from urllib.parse import urlencode

import pytest

from service.workflows.clients import ClientRegistry
from tests.service.asgi_client import call
from tests.service.oidc import (
    House,
    active,
    asked,
    basic,
    exchange,
    send,
    signed_in,
)


def test_a_client_with_a_secret_may_send_it_in_the_form_and_one_without_sends_none(house: House) -> None:
    person = house.person()
    form = {"client_id": house.client.client_id, "client_secret": house.client.secret or ""}
    assert exchange(house, signed_in(house, person)["code"], None, **form)[0] == 200
    page = {"client_id": house.public.client_id, "redirect_uri": "https://app.example/page"}
    code = signed_in(house, person, **page)["code"]
    assert exchange(house, code, None, **page)[0] == 200


@pytest.mark.parametrize("secret", ["wrong", "é", "\udcff"])
def test_a_wrong_client_secret_gets_nothing(house: House, secret: str) -> None:
    code = signed_in(house, house.person())["code"]
    told = base64.b64encode(f"{house.client.client_id}:{secret}".encode(errors="surrogateescape")).decode()
    for authorization in (f"Basic {told}", "Basic", "Basic !", f"Bearer {told}"):
        assert exchange(house, code, authorization)[1]["error"] == "invalid_client"
    form = {"client_id": house.client.client_id, "client_secret": "wrong"}
    assert exchange(house, code, None, **form)[1]["error"] == "invalid_client"
    assert exchange(house, code, None, client_id=house.client.client_id)[1]["error"] == "invalid_client"
    assert exchange(house, code)[0] == 200


def test_a_code_is_worth_nothing_to_another_client(house: House) -> None:
    code = signed_in(house, house.person())["code"]
    assert exchange(house, code, basic(house.stranger))[1]["error"] == "invalid_grant"
    assert exchange(house, code, basic(house.neighbour))[1]["error"] == "invalid_grant"
    assert exchange(house, code)[0] == 200


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"code_verifier": "w" * 43}, "invalid_grant"),
        ({"code_verifier": ""}, "invalid_request"),
        ({"code_verifier": "short"}, "invalid_request"),
        ({"redirect_uri": "https://app.example/other"}, "invalid_grant"),
        ({"redirect_uri": ""}, "invalid_grant"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "refresh_token"}, "unsupported_grant_type"),
        ({"grant_type": '"'}, "invalid_request"),
    ],
)
def test_a_code_that_is_shown_the_wrong_way_gets_nothing(house: House, changed: dict[str, str], error: str) -> None:
    code = signed_in(house, house.person())["code"]
    status, body = exchange(house, code, **changed)
    assert (status, body["error"]) == (400, error)
    assert code not in json.dumps(body)


def test_a_code_lives_a_minute(house: House) -> None:
    person = house.person()
    early, late = signed_in(house, person)["code"], signed_in(house, person)["code"]
    house.clock.advance(seconds=59)
    assert exchange(house, early)[0] == 200
    house.clock.advance(seconds=1)
    assert exchange(house, late)[1]["error"] == "invalid_grant"


def test_a_code_used_twice_takes_back_what_was_given_for_it(house: House) -> None:
    code = signed_in(house, house.person())["code"]
    token = exchange(house, code)[1]["access_token"]
    assert active(house, token)
    assert exchange(house, code)[1]["error"] == "invalid_grant"
    assert not active(house, token)
    assert send(house, "GET", "/oauth/userinfo", f"Bearer {token}").status == 401
    assert exchange(house, code)[1]["error"] == "invalid_grant"
    assert [entry.kind for entry in house.application.storage.audit.entries()][-1] == "code_reused"


def test_erasure_takes_back_codes_and_access_tokens(house: House) -> None:
    person = house.person()
    code, other = signed_in(house, person)["code"], signed_in(house, person)["code"]
    token = exchange(house, code)[1]["access_token"]
    house.application.storage.erase([person])
    assert not active(house, token)
    assert send(house, "GET", "/oauth/userinfo", f"Bearer {token}").status == 401
    assert exchange(house, other)[1]["error"] == "invalid_grant"


def test_an_access_token_expires_and_its_row_goes(house: House) -> None:
    token = exchange(house, signed_in(house, house.person())["code"])[1]["access_token"]
    house.clock.advance(seconds=899)
    assert active(house, token)
    house.clock.advance(seconds=1)
    assert not active(house, token)
    house.clock.advance(minutes=2)
    assert house.application.sessions.tidy() >= 1
    assert house.application.sessions.tidy() == 0


def test_no_token_of_the_flow_opens_our_own_routes(house: House) -> None:
    person = house.person()
    tokens = exchange(house, signed_in(house, person)["code"])[1]
    for token in (tokens["access_token"], tokens["id_token"]):
        for method, path in (("GET", "/v1/me"), ("DELETE", "/v1/me"), ("POST", "/v1/logout")):
            assert send(house, method, path, f"Bearer {token}").code == "token_invalid"
    login = house.application.tokens.issue(person, "photo").token
    for token in (login, tokens["id_token"]):
        answer = send(house, "GET", "/oauth/userinfo", f"Bearer {token}")
        assert (answer.status, json.loads(answer.body)["error"]) == (401, "invalid_token")


@pytest.mark.parametrize("body", [b"\xff", b"&" * 100, b"a=1&" * 100, b"x" * 200_000])
def test_what_is_no_form_is_refused_in_the_words_of_oauth(house: House, body: bytes) -> None:
    headers = [("Host", "login.example"), ("Content-Type", "application/x-www-form-urlencoded")]
    answer = call(house.app, "POST", "/oauth/token", headers, [body])
    assert (answer.status, json.loads(answer.body)["error"]) in {
        (400, "invalid_request"),
        (400, "unsupported_grant_type"),
    }


def test_a_removed_client_and_its_tokens_are_worth_nothing(house: House) -> None:
    registry = ClientRegistry(house.application.storage)
    made = registry.add("Gone soon", ["https://gone.example/"], public=False)
    other = replace(house, client=made)
    uri = "https://gone.example/"
    token = exchange(other, signed_in(other, house.person(), redirect_uri=uri)["code"], redirect_uri=uri)[1]
    assert active(house, token["access_token"])
    registry.remove(made.client_id)
    assert not active(house, token["access_token"])
    answer = send(house, "GET", f"/oauth/authorize?{urlencode(asked(other, redirect_uri=uri))}")
    assert answer.status == 400


def test_nothing_that_opens_anything_is_kept_in_the_open(house: House) -> None:
    code = signed_in(house, house.person())["code"]
    kept = [code, exchange(house, code)[1]["access_token"], house.client.secret or "?"]
    files = [path.read_bytes() for path in house.application.settings.home.iterdir()]
    assert files
    assert not [each for each in kept for content in files if each.encode() in content]
