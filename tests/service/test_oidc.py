"""OpenID Connect at the door: what the flow gives, and what it gives to nobody else. The whole way in a browser, with a
client library, is in tests/story/test_oidc.py."""

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import UUID

import jwt
import pytest
from fastapi import FastAPI

from db.api_keys import Role
from service.app import create_app
from service.bootstrap import Application, build, open_storage, provider
from service.bootstrap import tokens as tokens_of
from service.oauth.metadata import metadata
from service.oauth.provider import SignedIn
from service.oauth.requests import Answer as Outcome
from service.settings import Settings
from service.workflows import tenancy
from service.workflows.clients import ClientRegistry, Registered
from service.workflows.people import By
from service.workflows.sessions import Sessions
from tests.db.people import Clock, enrol
from tests.portraits import portraits
from tests.service.api_keys import key
from tests.service.asgi_client import Answer, call
from tests.service.bodies import BOUNDARY, multipart, part

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


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    clock = Clock()
    settings = Settings(home=tmp_path_factory.mktemp("oidc") / "home", public_url=ISSUER)
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


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"scope": None}, "invalid_scope"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain", "code_challenge": VERIFIER}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"response_mode": "form_post"}, "invalid_request"),
        ({"request": "e30.e30."}, "request_not_supported"),
        ({"request_uri": "https://app.example/request"}, "request_uri_not_supported"),
        ({"nonce": "n" * 513}, "invalid_request"),
        ({"nonce": "\0"}, "invalid_request"),
        ({"acr_values": "live+key"}, "unmet_authentication_requirements"),
        ({"acr_values": "recovery nonsense"}, "unmet_authentication_requirements"),
    ],
)
def test_a_request_out_of_order_goes_back_with_its_reason(
    house: House, changed: dict[str, str | None], error: str
) -> None:
    answer = send(house, "GET", f"/oauth/authorize?{urlencode(asked(house, **changed))}")
    assert (answer.status, answer.body) == (303, b"")
    back = came_back(answer.headers["location"])
    assert answer.headers["location"].startswith("https://app.example/back?from=login&")
    assert (back["error"], back["state"], back["iss"]) == (error, "a state, “quoted”", ISSUER)

    def never(_: str) -> SignedIn:
        raise AssertionError

    outcome = house.application.provider.sign_in(asked(house, **changed), never)
    assert came_back(outcome.location)["error"] == error


@pytest.mark.parametrize(
    "changed",
    [
        {"redirect_uri": "https://app.example/back"},
        {"redirect_uri": BACK + "&more=1"},
        {"redirect_uri": "https://app.example/back?from=login#"},
        {"redirect_uri": "https://APP.example/back?from=login"},
        {"redirect_uri": "https://stranger.example/back"},
        {"redirect_uri": "javascript:alert(1)"},
        {"redirect_uri": 'https://"<é>\\'},
        {"redirect_uri": None},
        {"client_id": "nobody"},
        {"client_id": "\0"},
        {"client_id": None},
        {"response_type": "token", "redirect_uri": "https://stranger.example/back"},
    ],
    ids=str,
)
def test_nobody_is_sent_to_an_address_that_is_not_registered(house: House, changed: dict[str, str | None]) -> None:
    answer = send(house, "GET", f"/oauth/authorize?{urlencode(asked(house, **changed))}")
    assert (answer.status, answer.headers.get("location")) == (400, None)
    assert answer.headers["content-type"].startswith("text/html")
    assert b"<script" not in answer.body
    decided = send(house, "POST", f"/oauth/decline?{urlencode(asked(house, **changed))}")
    assert (decided.status, set(json.loads(decided.body)) <= {"error", "error_description", "state"}) == (400, True)


def test_a_parameter_given_twice_is_refused(house: House) -> None:
    for name, value in asked(house):
        answer = send(house, "GET", f"/oauth/authorize?{urlencode([*asked(house), (name, value)])}")
        assert (answer.status, answer.headers.get("location")) == (400, None)
    code = signed_in(house, house.person())["code"]
    pairs = [("grant_type", "authorization_code"), *[("code", code)] * 2, ("code_verifier", VERIFIER)]
    outcome = house.application.provider.exchange(pairs, basic(house.client))
    assert (outcome.status, isinstance(outcome.body, dict) and outcome.body["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("body", [b"\xff", b"&" * 100, b"a=1&" * 100, b"x" * 200_000])
def test_what_is_no_form_is_refused_in_the_words_of_oauth(house: House, body: bytes) -> None:
    headers = [("Host", "login.example"), ("Content-Type", "application/x-www-form-urlencoded")]
    answer = call(house.app, "POST", "/oauth/token", headers, [body])
    assert (answer.status, json.loads(answer.body)["error"]) in {
        (400, "invalid_request"),
        (400, "unsupported_grant_type"),
    }


def test_the_page_names_the_application_as_text(house: House) -> None:
    answer = send(house, "GET", f"/oauth/authorize?{urlencode(asked(house))}")
    assert answer.status == 200
    assert b"<title>Sign in to An &lt;App&gt;</title>" in answer.body
    assert b"<b>app.example</b>" in answer.body
    assert b"{{" not in answer.body
    assert "form-action 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_who_would_rather_not_goes_back(house: House) -> None:
    answer = send(house, "POST", f"/oauth/decline?{urlencode(asked(house))}")
    back = came_back(json.loads(answer.body)["redirect"])
    assert (back["error"], back["state"], back["iss"]) == ("access_denied", "a state, “quoted”", ISSUER)


@pytest.mark.parametrize(
    ("acr", "acr_values", "enough"),
    [
        ("photo", "photo", True),
        ("photo", "live photo", True),
        ("photo+passphrase", "photo", True),
        ("photo", "photo+passphrase", False),
        ("photo+passphrase", "photo+passphrase", True),
    ],
)
def test_a_sign_in_is_as_sure_as_was_asked_for(house: House, acr: str, acr_values: str, enough: bool) -> None:
    back = signed_in(house, house.person(), acr, acr_values=acr_values)
    assert ("code" in back) is enough
    if enough:
        token = exchange(house, back["code"])[1]["id_token"]
        assert claims_of(house, token, house.client.client_id)["acr"] == acr
    else:
        assert (back["error"], back["state"]) == ("unmet_authentication_requirements", "a state, “quoted”")


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


def test_nothing_that_opens_anything_is_kept_in_the_open(house: House) -> None:
    code = signed_in(house, house.person())["code"]
    kept = [code, exchange(house, code)[1]["access_token"], house.client.secret or "?"]
    files = [path.read_bytes() for path in house.application.settings.home.iterdir()]
    assert files
    assert not [each for each in kept for content in files if each.encode() in content]


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
