"""The Python client and the example application, at the real service."""

import asyncio
import importlib.util
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import cv2
import httpx
import numpy as np
import pytest

from db.api_keys import Role
from embeddings.image import ImageLimits
from embeddings.pipeline import FacePipeline
from embeddings.quality import QualityLimits
from facewarden.client import Client
from facewarden.errors import FacewardenError
from tests.portraits import Portraits, portraits
from tests.story.server import Service, api_key, free_port, running_service

KEY = "fw_abcdefgh_" + "k" * 43
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "login_app.py"


@pytest.fixture(scope="module")
def people() -> Portraits:
    return portraits()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    home = tmp_path_factory.mktemp("client") / "home"
    with running_service(home, FACEWARDEN_OPEN_ENROLMENT="false") as running:
        yield running


@pytest.fixture(scope="module")
def keys(service: Service) -> dict[Role, str]:
    return {role: api_key(service.log.with_suffix(""), role) for role in Role}


@pytest.fixture
def client(service: Service, keys: dict[Role, str]) -> Iterator[Client]:
    """Of an application that logs people in."""
    with Client(service.base_url, keys[Role.VERIFIER]) as client:
        yield client


@pytest.fixture
def admin(service: Service, keys: dict[Role, str]) -> Iterator[Client]:
    with Client(service.base_url, keys[Role.ADMIN]) as client:
        yield client


def refusal(code: str) -> "pytest.RaisesExc[FacewardenError]":
    return pytest.raises(FacewardenError, check=lambda error: error.code == code)


def test_the_whole_way(client: Client, admin: Client, people: Portraits) -> None:
    assert client.is_ready()
    text = client.consent()
    assert [use.use for use in text.uses if use.required] == ["login"]
    enrolled = admin.enrol(
        [people.obama],
        consent=True,
        label="desk 7",
        reference="4711",
        uses={"login", "attributes", "overlays"},
        attributes=["age"],
        consent_digest=text.digest,
        captured_at=[1_700_000_000_000],
    )
    assert (enrolled.photos, enrolled.captures, set(enrolled.attributes)) == (1, 1, {"age"})

    session = client.login([people.obama2.read_bytes(), people.obama2])
    assert (session.user_id, session.mode, session.acr, session.last_login_at) == (
        enrolled.user_id,
        "1:N",
        "photo",
        None,
    )
    claimed = client.login([people.obama2], user_id=enrolled.user_id)
    assert (claimed.mode, claimed.fmr, claimed.enrolled_at) == ("1:1", 1e-4, enrolled.created_at)
    token = claimed.token

    assert client.add_photos(token, [people.obama3], [1_700_100_000_000]).photos == 2
    client.choose_passphrase(token, "a long passphrase")
    me = client.me(token)
    assert (me.user_id, me.photos, me.metadata, me.passphrase) == (
        enrolled.user_id,
        2,
        {"label": "desk 7", "reference": "4711"},
        True,
    )
    assert me.uses == {"login", "attributes", "overlays"}
    with refusal("not_recognised"):
        client.login([people.obama2], user_id=enrolled.user_id)
    sure = client.login([people.obama2], user_id=enrolled.user_id, passphrase="a long passphrase")
    assert sure.acr == "photo+passphrase"
    client.choose_passphrase(sure.token, None)
    assert not client.me(token).passphrase

    recovered = client.recover(enrolled.user_id, client.renew_recovery_code(token))
    assert client.me(recovered.token).acr == "recovery"
    fewer = {"login", "attributes"}
    assert client.agree(sure.token, fewer, text.digest) == fewer == client.me(token).uses
    assert client.me(token).consent_digest == text.digest
    assert client.withdraw(token, "attributes").receipt is None
    assert client.me(token).attributes == {} or client.me(token).attributes is None
    assert len(client.export(token)["templates"]) == 2
    assert admin.stats()["people"] == 1
    erasure = client.erase(token)
    assert erasure.receipt is not None
    assert [each["user_id"] for each in erasure.receipt["erased"]] == [str(enrolled.user_id)]
    with refusal("token_invalid"):
        client.me(token)


def test_pictures_are_looked_at_and_come_back_hidden(client: Client, people: Portraits) -> None:
    seen = client.analyze(people.biden, attributes=["emotion"])
    (face,) = seen.faces
    assert 0 < face.box.x < face.box.x + face.box.width < seen.width
    assert (len(face.points), face.refusals, set(face.attributes)) == (5, (), {"emotion"})
    assert client.analyze(people.biden, attributes=[]).faces[0].attributes == {}
    hidden = client.overlay(people.biden, "pixelate", format="png")
    assert (hidden.media_type, hidden.faces_hidden) == ("image/png", 1)
    pixels = cv2.imdecode(np.frombuffer(hidden.image, np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    assert pixels.shape[:2] == (seen.height, seen.width)
    assert not FacePipeline.load(ImageLimits(), QualityLimits()).analyse(hidden.image).faces


def test_a_refusal_says_what_to_do(client: Client, admin: Client, people: Portraits) -> None:
    with pytest.raises(FacewardenError) as refused:
        client.login([people.biden], user_id=uuid4())
    error = refused.value
    assert (error.code, error.status, error.title) == ("not_recognised", 401, "Not recognised")
    assert error.advice
    assert error.request_id
    assert str(error) == "not_recognised: Not recognised"
    with pytest.raises(FacewardenError) as refused:
        client.overlay(people.biden, "rainbow")
    assert refused.value.code == "unknown_style"
    with refusal("consent_required"):
        admin.enrol([people.biden], consent=False)
    with refusal("role_required"):
        client.enrol([people.biden], consent=True)
    nobody = uuid4()
    for _ in range(5):
        with refusal("not_recognised"):
            client.recover(nobody, "wrong")
    with pytest.raises(FacewardenError) as refused:
        client.recover(nobody, "wrong")
    assert (refused.value.code, refused.value.retry_after) == ("locked", 30)
    assert admin.unlock(nobody)
    assert not admin.unlock(nobody)


def test_without_the_key_enrolment_is_refused(service: Service, people: Portraits) -> None:
    with Client(service.base_url) as client, refusal("api_key_required"):
        client.enrol([people.biden], consent=True)


class Proxy(BaseHTTPRequestHandler):
    """Answers as some proxy does whose service is away: with a page; 200 below /v1/consent."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/v1/consent" else 502)
        self.end_headers()
        self.wfile.write(b'{"unlike": "ours"}' if self.path == "/v1/consent" else b"<html>Bad Gateway</html>")

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def proxy() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Proxy) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_what_is_not_the_services_answer_is_said_to_be_that() -> None:
    with proxy() as url, Client(url, KEY) as client:
        with pytest.raises(FacewardenError) as refused:
            client.stats()
        assert (refused.value.code, refused.value.status) == ("unexpected_answer", 502)
        with refusal("unexpected_answer"):
            client.consent()
        assert not client.is_ready()


def test_nobody_there_is_an_error_like_others() -> None:
    with Client(f"http://127.0.0.1:{free_port()}", KEY) as client:
        with pytest.raises(FacewardenError) as refused:
            client.consent()
        assert (refused.value.code, refused.value.status) == ("unreachable", 0)
        assert not client.is_ready()


@pytest.mark.parametrize("url", ["http://face.example.org", "http://192.168.1.20:8000", "face.example.org", ""])
def test_pictures_and_keys_go_to_no_other_machine_in_clear(url: str) -> None:
    with pytest.raises(ValueError, match="without TLS"):
        Client(url, KEY)
    Client("https://face.example.org", KEY).close()
    Client("http://face.example.org", KEY, without_tls=True).close()


def test_secrets_do_not_show(client: Client, admin: Client, people: Portraits) -> None:
    enrolled = admin.enrol([people.biden], consent=True)
    session = client.login([people.biden])
    client.erase(session.token)
    assert enrolled.recovery_code not in repr(enrolled)
    assert session.token not in repr(session)
    assert {field.name for field in fields(session) if not field.repr} == {"attributes", "emotion", "token"}


def test_people_log_in_to_the_example_application(
    service: Service, admin: Client, keys: dict[Role, str], people: Portraits, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrolled = admin.enrol([people.obama, people.obama2], consent=True)
    monkeypatch.setenv("FACE_URL", service.base_url)
    monkeypatch.setenv("FACE_KEY", keys[Role.VERIFIER])
    spec = importlib.util.spec_from_file_location("login_app", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    assert len(EXAMPLE.read_text().splitlines()) <= 40
    asyncio.run(sign_in(example.app, people, enrolled.user_id))
    example.face.close()


async def sign_in(app: Any, people: Portraits, user_id: UUID) -> None:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="https://app.example.org") as browser:
        assert (await browser.get("/whoami")).status_code == 401
        stranger = await browser.post("/sign-in", files={"picture": people.biden.read_bytes()})
        assert (stranger.status_code, stranger.json()["detail"]) == (401, "Not recognised")
        assert (await browser.get("/whoami")).status_code == 401
        greeting = await browser.post("/sign-in", files={"picture": people.obama3.read_bytes()})
        assert greeting.json() == {"welcome": "for the first time"}
        assert (await browser.get("/whoami")).json() == str(user_id)
