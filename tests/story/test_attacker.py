"""What somebody tries who means harm, over real connections to a service with two tenants."""

import json
import os
import re
import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit
from uuid import uuid4

import httpx
import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from db.api_keys import Role
from embeddings.image import PictureFormat, encode
from service.databases import open_storage
from service.settings import Settings
from service.workflows.clients import ClientRegistry
from service.workflows.tenancy import create
from tests.evaluation_data import folder
from tests.films import film, passing
from tests.portraits import portraits
from tests.service.api_keys import key
from tests.story.server import Service, running_service
from tests.story.test_what_others_get_wrong import SAYING_TOO_MUCH

SETTINGS: Final = {
    "FACEWARDEN_EMBEDDER": "onnx",
    "FACEWARDEN_ATTRIBUTES": "none",
    "FACEWARDEN_FREE_FAILURES": "10",
    "FACEWARDEN_TRUSTED_PROXIES": "127.0.0.1",
}
BACK: Final = "https://app.example/back"
REFERENCE: Final = "staff-4711"
LONG: Final = os.environ.get("FACEWARDEN_TEST_LONG") == "1"
ENDING: Final = {("/v1/me", "delete"), ("/v1/logout", "post"), ("/v1/me/consent/{use}", "delete")}
"""After these the token of the one enrolled would open nothing more."""
BOMBS: Final = {
    "png_bomb_20000x20000_1bit.png": "too_many_pixels",
    "png_bomb_50000x50000_header_only.png": "too_many_pixels",
    "zip_named.jpg": "unsupported_format",
    "svg_script.svg": "unsupported_format",
}
Told = tuple[int, str, frozenset[tuple[str, str]]]


@dataclass(frozen=True)
class Target:
    """Obama is enrolled at `default`, Biden was there and is erased; nobody is at `acme`."""

    service: Service
    client: httpx.Client
    keys: dict[tuple[str, Role], str]
    client_id: str
    obama: dict[str, Any]
    session: dict[str, Any]
    biden: dict[str, Any]
    ended: dict[str, Any]
    pictures: dict[str, bytes]
    addresses: Iterator[int] = field(default_factory=count)

    def send(self, method: str, path: str, shown: str | None = None, **how: Any) -> httpx.Response:
        """From an address of its own each time, so that no wait of another try is met."""
        one, two = divmod(next(self.addresses), 250)
        headers = {"X-Forwarded-For": f"198.18.{one}.{two + 1}", **how.pop("headers", {})}
        if shown is not None:
            headers["Authorization"] = f"Bearer {shown}"
        return self.client.request(method, path, headers=headers, **how)

    def picture(self, name: str) -> dict[str, tuple[str, bytes]]:
        return {"image": ("face.jpg", self.pictures[name])}

    def sign_in(self, **changed: str) -> str:
        """The address of a sign-in with everything that is needed."""
        usual = {
            "client_id": self.client_id,
            "redirect_uri": BACK,
            "response_type": "code",
            "scope": "openid",
            "state": "s",
            "nonce": "n",
            "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
            "code_challenge_method": "S256",
        }
        return urlencode({**usual, **changed})


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    home = tmp_path_factory.mktemp("attacker") / "home"
    people = portraits()
    pictures = {name: getattr(people, name).read_bytes() for name in ("obama", "obama2", "biden")}
    with closing(open_storage(Settings(home=home))) as storage:
        create(storage, "acme")
        keys = {(name, role): key(storage.of(name), role) for name in ("default", "acme") for role in Role}
        client_id = ClientRegistry(storage).add("App", [BACK], public=True).client_id
    with (
        running_service(home, command=(), **SETTINGS) as service,
        httpx.Client(base_url=service.base_url, timeout=60) as client,
    ):
        there = Target(service, client, keys, client_id, {}, {}, {}, {}, pictures)
        for name, made, session in (("obama", there.obama, there.session), ("biden", there.biden, there.ended)):
            enroller = keys["default", Role.ENROLLER]
            fields = {"consent": "true", "reference": f"{REFERENCE}-{name}"}
            made.update(there.send("POST", "/v1/users", enroller, files=there.picture(name), data=fields).json())
            session.update(there.send("POST", "/v1/login", files=there.picture(name)).json())
        assert there.send("DELETE", "/v1/me", there.ended["token"]).status_code in {200, 202}
        yield there


def told(answer: httpx.Response) -> Told:
    """All that an answer says, but the request's own ID and the date."""
    headers = {(name, value) for name, value in answer.headers.items() if name not in {"x-request-id", "date"}}
    return answer.status_code, answer.text.replace(answer.headers["x-request-id"], ""), frozenset(headers)


def test_nobody_learns_by_an_answer_who_is_enrolled(target: Target) -> None:
    known, erased, unknown = target.obama["user_id"], target.biden["user_id"], str(uuid4())
    verifier, page = target.keys["default", Role.VERIFIER], f"/oauth/sign-in?{target.sign_in()}"
    seen: dict[str, set[Told]] = {}
    for claim in (known, erased, unknown):
        data = {"user_id": claim}
        for name, answer in {
            "login": target.send("POST", "/v1/login", files=target.picture("biden"), data=data),
            "login with passphrase": target.send(
                "POST", "/v1/login", files=target.picture("biden"), data={**data, "passphrase": "wrong words"}
            ),
            "sign-in": target.send("POST", page, files=target.picture("biden"), data=data),
            "recover": target.send("POST", "/v1/recover", json={**data, "recovery_code": "A"}),
            "another tenant's": target.send(
                "POST", "/v1/login", target.keys["acme", Role.VERIFIER], files=target.picture("obama"), data=data
            ),
            "unlock elsewhere": target.send("POST", "/v1/admin/unlock", target.keys["acme", Role.ADMIN], json=data),
            "log elsewhere": target.send(
                "GET", "/v1/admin/audit", target.keys["acme", Role.AUDITOR], params={**data, "after": 10**6}
            ),
        }.items():
            seen.setdefault(name, set()).add(told(answer))
    seen["erase"] = {
        told(target.send("DELETE", "/v1/me", token)) for token in (target.ended["token"], "a.b.c", str(uuid4()))
    }
    seen["introspect"] = {
        told(target.send("POST", "/oauth/introspect", verifier, data={"token": token}))
        for token in (target.ended["token"], "a.b.c", str(uuid4()))
    }
    acme = target.keys["acme", Role.VERIFIER]
    seen["introspect elsewhere"] = {
        told(target.send("POST", "/oauth/introspect", acme, data={"token": token}))
        for token in (target.session["token"], target.ended["token"], str(uuid4()))
    }
    assert {name: len(answers) for name, answers in seen.items()} == dict.fromkeys(seen, 1)
    for name in ("login", "login with passphrase", "sign-in", "recover", "another tenant's"):
        assert next(iter(seen[name]))[0] == 401, name


def test_a_reference_is_no_news_to_another_tenant(target: Target) -> None:
    """Nor to who has no key; who enrols for a tenant may know its own."""
    fields = {"consent": "true", "reference": f"{REFERENCE}-obama"}
    nobody = target.send("POST", "/v1/users", files=target.picture("biden"), data=fields)
    assert nobody.json()["code"] == "api_key_required"
    elsewhere = target.send(
        "POST", "/v1/users", target.keys["acme", Role.ENROLLER], files=target.picture("biden"), data=fields
    )
    assert elsewhere.status_code == 201
    token = target.send("POST", "/v1/login", target.keys["acme", Role.VERIFIER], files=target.picture("biden")).json()[
        "token"
    ]
    assert target.send("DELETE", "/v1/me", token).status_code in {200, 202}


def test_no_refusal_of_any_route_says_how_near_it_was(target: Target) -> None:
    """Every route of the document, by several callers, where it takes a picture with another's face."""
    document = target.send("GET", "/openapi.json").json()
    callers = [None, target.session["token"], target.keys["default", Role.VERIFIER]]
    callers += target.keys.values() if LONG else ()
    claim, refused = {"user_id": target.obama["user_id"], "consent": "true"}, 0
    for path, method, operation in (
        (path, method, operation) for path, its in document["paths"].items() for method, operation in its.items()
    ):
        if (path, method) in ENDING:
            continue
        takes_picture = "binary" in json.dumps(operation.get("requestBody", {}))
        for shown in callers:
            body: dict[str, Any] = {} if method == "get" else {"data": claim}
            if takes_picture:
                body["files"] = target.picture("biden")
            answer = target.send(method.upper(), path.replace("{", "").replace("}", ""), shown, **body)
            assert answer.status_code < 500, (path, answer.text)
            if answer.status_code >= 400 and "json" in answer.headers["content-type"]:
                refused += 1
                assert not [word for word in SAYING_TOO_MUCH if word in answer.text.lower()], (path, answer.text)
                assert not re.search(r"[0-9][.][0-9]", answer.text), (path, answer.text)
            if path == "/v1/users" and answer.status_code == 201:
                erase_again(target, shown)
    assert refused > 60


def erase_again(target: Target, shown: str | None) -> None:
    acme = {value for (name, _), value in target.keys.items() if name == "acme"}
    verifier = target.keys["acme" if shown in acme else "default", Role.VERIFIER]
    token = target.send("POST", "/v1/login", verifier, files=target.picture("biden")).json()["token"]
    assert target.send("DELETE", "/v1/me", token).status_code in {200, 202}


def test_a_key_of_one_tenant_does_nothing_to_another(target: Target) -> None:
    user_id = target.obama["user_id"]
    admin = target.keys["acme", Role.ADMIN]
    assert target.send("POST", "/v1/login", admin.replace("~", ""), files=target.picture("obama2")).status_code == 403
    own = {each["prefix"] for each in target.send("GET", "/v1/admin/api-keys", admin).json()["keys"]}
    others = {value[:11] for (name, _), value in target.keys.items() if name == "default"}
    assert own.isdisjoint(others)
    for prefix in others:
        assert target.send("DELETE", f"/v1/admin/api-keys/{prefix}", admin).json()["code"] == "unknown_api_key"
    only = target.send("POST", "/v1/overlays", admin, files=target.picture("obama2"), data={"only": user_id})
    assert only.json()["code"] == "unknown_user"
    for entry in target.send("GET", "/v1/admin/audit", admin).json()["entries"]:
        assert user_id not in json.dumps(entry)
    assert target.send("GET", "/v1/admin/stats", admin).json()["people"] == 0
    for shown in target.keys.values():  # a key is no token
        assert target.send("GET", "/v1/me", shown).status_code in {401, 403}


def test_a_challenge_is_worth_nothing_to_another_tenant_and_odd_words_end_it_politely(target: Target) -> None:
    verifier, acme = target.keys["default", Role.VERIFIER], target.keys["acme", Role.VERIFIER]
    opened = target.send("POST", "/v1/challenges", verifier, json={"purpose": "login"}).json()
    challenge, nonce = opened["challenge_id"], opened["nonce"]
    where = f"ws://{urlsplit(target.service.base_url).netloc}/v1/challenges/{challenge}"
    shown = {"challenge_id": challenge, "nonce": nonce}
    for other in (acme, target.keys["default", Role.ADMIN], None):
        answer = target.send("POST", "/v1/login", other, json=shown)
        assert answer.status_code in {401, 403, 410, 422}
        if other != target.keys["default", Role.ADMIN]:
            assert answer.json()["code"] == "challenge_invalid"
    for said in ('{"nonce": "\\ud800"}', "[]", '{"nonce": 1}', "{" * 150, '{"nonce": "' + "é" * 32 + '"}'):
        with connect(where, additional_headers={"Authorization": f"Bearer {verifier}"}) as line:
            line.send(said)
            assert json.loads(line.recv(timeout=30))["phase"] == "refused"
    with connect(where, additional_headers={"Authorization": f"Bearer {acme}"}) as line:
        line.send(json.dumps({"nonce": nonce}))
        assert json.loads(line.recv(timeout=30))["problem"]["code"] == "challenge_invalid"
    with pytest.raises(InvalidStatus):
        connect(where, origin=Origin("https://evil.example"))
    with connect(where, additional_headers={"Authorization": f"Bearer {verifier}"}) as line:
        line.send(json.dumps({"nonce": nonce}))
        assert json.loads(line.recv(timeout=30))["phase"] == "settling"


def test_a_film_is_his_who_holds_its_secret_whatever_key_or_token_another_shows(target: Target) -> None:
    begun = target.send(
        "POST", "/v1/overlays/films", target.keys["default", Role.VERIFIER], files={"film": ("a.mp4", film(passing(3)))}
    ).json()
    path, secret = f"/v1/overlays/films/{begun['id']}", begun["secret"]
    assert len(begun["id"]) >= 22
    assert len(secret) >= 22
    nobody = told(target.send("GET", f"/v1/overlays/films/{'A' * 22}", headers={"X-Job-Secret": secret}))
    for shown in (None, target.session["token"], *target.keys.values()):
        for method, where in (("GET", path), ("GET", f"{path}/film"), ("DELETE", path)):
            for tried in ({}, {"X-Job-Secret": secret[:-1]}, {"X-Job-Secret": secret.swapcase()}):
                assert told(target.send(method, where, shown, headers=tried)) == nobody
        assert target.send("GET", f"{path}?secret={secret}&X-Job-Secret={secret}", shown).status_code == 404
    assert target.send("DELETE", path, headers={"X-Job-Secret": secret}).status_code == 204


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_wherever_a_picture_is_taken(target: Target, name: str) -> None:
    bomb = (folder("hostile") / name).read_bytes()
    files, good = {"image": (name, bomb)}, ("face.jpg", target.pictures["obama"])
    tries = {
        "/v1/login": None, "/v1/users": target.keys["acme", Role.ENROLLER], "/v1/analyze": None, "/v1/overlays": None,
        "/v1/overlays/faces": None, f"/oauth/sign-in?{target.sign_in()}": None,
        "/v1/me/photos": target.session["token"],
    }  # fmt: skip
    for path, shown in tries.items():
        answer = target.send("POST", path, shown, files=files, data={"consent": "true"})
        assert answer.json()["code"] == BOMBS[name], path
    sticker = [("image", good), ("image", (name, bomb))]
    answer = target.send("POST", "/v1/overlays", files=sticker, data={"style": "sticker"})
    assert answer.json()["code"] == BOMBS[name]
    begun = target.send("POST", "/v1/overlays/films", files={"film": (name, bomb)})
    assert begun.status_code in {202, 413, 415, 422}
    with connect(f"ws://{urlsplit(target.service.base_url).netloc}/v1/live") as opened:
        opened.send(bomb)
        with pytest.raises(ConnectionClosed) as ended:
            opened.recv(timeout=60)
    assert ended.value.rcvd is not None
    assert ended.value.rcvd.reason == BOMBS[name]


def test_nothing_that_is_sent_becomes_a_header(target: Target) -> None:
    breaks = "x\r\nSet-Cookie: a=b\r\n\r\n<p>"
    admin = target.keys["acme", Role.ADMIN]
    answers = [
        target.send("GET", f"/v1/consent?a={quote(breaks)}"),
        target.send("GET", f"/{quote(breaks)}"),
        target.send("DELETE", f"/v1/admin/api-keys/{quote(breaks)}", admin),
        target.send("POST", "/v1/login", json={"image": "", "user_id": breaks}),
        target.send("POST", "/v1/users", admin, files=target.picture("biden"), data={"consent": "true", "label": breaks,
                                                                                  "reference": breaks}),
        target.send("GET", f"/oauth/authorize?{target.sign_in(state=breaks, response_type='token')}"),
        target.send("GET", f"/oauth/authorize?{target.sign_in(state=breaks, prompt='none')}"),
        target.send("POST", f"/oauth/decline?{target.sign_in(state=breaks)}"),
        target.send("GET", "/oauth/userinfo", quote(breaks)),
    ]  # fmt: skip
    assert any("location" in answer.headers for answer in answers)
    for answer in answers:
        assert "set-cookie" not in answer.headers
        assert "\n" not in "".join(answer.headers.values())
    where = urlsplit(target.service.base_url)
    with socket.create_connection((where.hostname, where.port), timeout=30) as raw:
        raw.sendall(b"GET /v1/consent HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: f0rged\r\nConnection: close\r\n\r\n")
        whole = b""
        while piece := raw.recv(65536):
            whole += piece
    assert b"x-request-id" in whole.lower()
    assert b"f0rged" not in whole
    assert "f0rged" not in target.service.log.read_text()


def test_a_key_or_token_in_an_address_opens_nothing_and_is_not_written_down(target: Target) -> None:
    admin, token = target.keys["default", Role.ADMIN], target.session["token"]
    for path in ("/v1/admin/stats", "/v1/me", "/v1/me/export", "/metrics", "/oauth/userinfo"):
        for name in ("access_token", "token", "api_key", "key", "Authorization"):
            for shown in (admin, token):
                forwarded = {"X-Forwarded-For": "203.0.113.7"}
                answer = target.send("GET", f"{path}?{name}={shown}", headers=forwarded)
                assert answer.status_code == 401, path
                assert shown not in answer.text
    assert target.send("GET", f"/{admin}/{token}").status_code == 404
    user_info = target.send("POST", "/oauth/userinfo", data={"access_token": token})
    assert user_info.status_code == 401
    log = target.service.log.read_text()
    for shown in (*target.keys.values(), token):
        assert shown not in log
        assert shown[-16:] not in log


def test_a_token_does_nothing_where_a_key_is_asked_for_and_after_logout_nothing_at_all(target: Target) -> None:
    token = target.send("POST", "/v1/login", files=target.picture("obama2")).json()["token"]
    routes = ("/v1/admin/stats", "/v1/admin/audit", "/v1/admin/settings", "/v1/admin/api-keys")
    assert {target.send("GET", path, token).status_code for path in routes} == {401}
    assert target.send("GET", "/oauth/userinfo", token).status_code == 401
    assert target.send("POST", "/v1/logout", token).status_code == 204
    for method, path in (
        ("GET", "/v1/me"), ("GET", "/v1/me/export"), ("POST", "/v1/me/recovery-code"), ("DELETE", "/v1/me/passphrase"),
        ("POST", "/v1/logout"), ("DELETE", "/v1/me"),
    ):  # fmt: skip
        assert target.send(method, path, token).json()["code"] == "token_invalid"
    verifier = target.keys["default", Role.VERIFIER]
    asked = target.send("POST", "/oauth/introspect", verifier, data={"token": token})
    assert asked.json() == {"active": False}
    assert target.send("GET", "/v1/me", target.session["token"]).status_code == 200


def test_a_picture_of_noise_or_nobody_teaches_nothing(target: Target) -> None:
    """What differs between refusals is the picture's own quality, told alike for everybody."""
    black = encode(np.zeros((200, 200, 3), np.uint8), PictureFormat.PNG)
    answers = {
        told(target.send("POST", "/v1/login", files={"image": black}, data={"user_id": claim}))
        for claim in (target.obama["user_id"], str(uuid4()))
    }
    assert len(answers) == 1


def test_the_service_wrote_no_traceback_and_failed_nowhere(target: Target) -> None:
    log = target.service.log.read_text()
    assert "Traceback" not in log
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    assert not [line for line in lines if line["event"] == "request" and line.get("code") == "internal"]
    assert {line["event"] for line in lines} <= {"request", "socket", "library"}


def test_the_home_is_the_owners_alone(target: Target) -> None:
    home = Path(target.service.log.parent / "home")
    assert all(path.stat().st_mode & 0o077 == 0 for path in (home, *home.rglob("*")))
