"""Challenges answered in other ways, and beside other factors, tenants and embedders: see test_challenges.py."""

import asyncio
import json
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import cv2
import pytest
from fastapi import FastAPI

from db.tables import DEFAULT_TENANT
from embeddings.deepface_package import DeepFaceUnusable
from embeddings.embed import DLIB_SPEC
from embeddings.fused import MODEL_ID as FUSED
from embeddings.liveness.observation import Observation
from embeddings.liveness.steps import Step
from embeddings.types import Pixels
from service.app import create_app
from service.asgi import Message
from service.bootstrap import Application, build, lockout
from service.errors import ChallengeInvalid, Locked, NotRecognised, Stopped
from service.settings import Settings
from service.workflows.challenges import Purpose
from service.workflows.enrol import Enrolled, EnrolRequest
from service.workflows.login import LoggedIn, LoginRequest
from tests.db.people import Clock
from tests.embeddings.traces import PEAKS, RATE
from tests.portraits import Portraits
from tests.service.asgi_client import call, scope
from tests.service.bodies import BOUNDARY, multipart, part
from tests.service.scripted_head import Head
from tests.service.test_challenges import HERE, answer, shown

WORDS = "correct horse battery"
REST, TURN = 2.2, 0.6  # seconds; longer than the longest pause before a step is told


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, clock: Clock) -> Iterator[Application]:
    home = tmp_path_factory.mktemp("home")
    settings = Settings(home=home, login_requires="live", attributes=("none",), challenge_at_once=True)
    built = build(settings, clock)
    built.storage.tenants().create("acme", clock())
    yield built
    built.close()


@pytest.fixture(scope="module")
def enrolled(live: Application, people: Portraits) -> Enrolled:
    return live.enrol(EnrolRequest([people.obama.read_bytes()], consent=True, passphrase=WORDS))


def small(photo: Path) -> bytes:
    """As a camera would send it."""
    pixels = cv2.imread(str(photo))
    assert pixels is not None
    done, data = cv2.imencode(".jpg", cv2.resize(pixels, None, fx=0.35, fy=0.35, interpolation=cv2.INTER_AREA))
    assert done
    return data.tobytes()


class Prepared(Head):
    """Knows every step, and does each after a rest, whatever it is told."""

    def __init__(self, steps: list[str]) -> None:
        super().__init__()
        self.steps = steps

    def look(self, pixels: Pixels, at: float) -> Observation:
        number, within = divmod(at, REST + TURN)
        acting = within >= REST and int(number) < len(self.steps)
        self.yaw, self.pitch = PEAKS[Step(self.steps[int(number)])] if acting else (0.0, 0.0)
        return super().look(pixels, at)


def post(app: FastAPI, path: str, **members: str) -> dict[str, Any]:
    headers = (("Host", "localhost"), ("Content-Type", "application/json"))
    answered: dict[str, Any] = json.loads(call(app, "POST", path, headers, [json.dumps(members).encode()]).body)
    return answered


def at_once(app: FastAPI, live: Application, photo: Path, *, mistake: bool = False) -> dict[str, str]:
    opened = post(app, "/v1/challenges", purpose="login", told="at_once")
    steps = list(opened["steps"])
    live.of().challenges.watch = lambda: Prepared(steps[::-1] if mistake else steps)
    image, count = small(photo), int((len(steps) * (REST + TURN) + REST) * RATE)
    fields = [part("nonce", opened["nonce"].encode())]
    for number in range(count):
        fields.append(part("captured_at", str(round(1000 * number / RATE)).encode()))
        fields.append(part("image", image, f"{number}.jpg"))
    headers = (("Host", "localhost"), ("Content-Type", f"multipart/form-data; boundary={BOUNDARY}"))
    where = f"/v1/challenges/{opened['challenge_id']}"
    told: dict[str, str] = json.loads(call(app, "POST", where, headers, [multipart(*fields)]).body)
    return told | {"challenge_id": opened["challenge_id"], "nonce": opened["nonce"]}


def test_all_steps_answered_in_one_post_log_in_once(live: Application, enrolled: Enrolled, people: Portraits) -> None:
    app = create_app(live)
    told = at_once(app, live, people.obama2)
    assert told.get("phase") == "passed", told
    shown = {"challenge_id": told["challenge_id"], "nonce": told["nonce"]}
    body = shown | {"user_id": str(enrolled.user_id), "passphrase": WORDS}
    assert post(app, "/v1/login", **body)["user_id"] == str(enrolled.user_id)
    assert post(app, "/v1/login", **body)["code"] == "challenge_invalid"
    assert at_once(app, live, people.obama2, mistake=True)["code"] == "wrong_movement"


async def exchanging(app: FastAPI, opened: dict[str, Any], image: bytes) -> list[tuple[str, bool]]:
    """The step that is asked for, and whether another may be, before each of three askings for another."""
    said: asyncio.Queue[Message] = asyncio.Queue()
    heard: asyncio.Queue[Message] = asyncio.Queue()
    where = scope("GET", f"/v1/challenges/{opened['challenge_id']}", (("Host", "localhost"),), "websocket")
    where.update({"scheme": "ws", "subprotocols": []})
    running = asyncio.ensure_future(app(where, said.get, heard.put))

    def say(**message: Any) -> None:
        said.put_nowait({"type": "websocket.receive", "text": None, "bytes": None} | message)

    async def hear() -> dict[str, Any]:
        while (message := await asyncio.wait_for(heard.get(), 60))["type"] != "websocket.send":
            assert message["type"] == "websocket.accept"
        told: dict[str, Any] = json.loads(message["text"])
        return told

    said.put_nowait({"type": "websocket.connect"})
    say(text=json.dumps({"nonce": opened["nonce"], "purpose": "login"}))
    found: list[tuple[str, bool]] = []
    told, began = await hear(), time.monotonic()
    while len(found) < 3:
        if told.get("step") is not None:
            found.append((told["step"], bool(told.get("exchange"))))
            say(text=json.dumps({"exchange": True}))
        say(text=json.dumps({"at": 1000 * (time.monotonic() - began)}))
        say(bytes=image)
        told = await hear()
        assert told["phase"] != "failed", told
    said.put_nowait({"type": "websocket.disconnect", "code": 1000})
    await running
    return found


def test_a_step_is_exchanged_once_over_the_service(live: Application, people: Portraits) -> None:
    app = create_app(live)
    live.of().challenges.watch = Head
    opened = post(app, "/v1/challenges", purpose="login")
    (first, may), (second, again), (third, _) = asyncio.run(exchanging(app, opened, small(people.obama)))
    assert (may, again) == (True, False)
    assert first != second
    assert second == third  # and no further one


def log_in(live: Application, photo: Path, claim: Enrolled, passphrase: str | None = None) -> LoggedIn:
    opened = live.of().challenges.open(Purpose.LOGIN, HERE)
    assert answer(live, opened, photo.read_bytes()).phase == "passed"
    return live.login(LoginRequest([], claim.user_id, challenge=shown(opened), passphrase=passphrase))


def test_a_passphrase_is_asked_for_beside_a_challenge(live: Application, enrolled: Enrolled, people: Portraits) -> None:
    for wrong in (None, "wrong horse battery"):
        with pytest.raises(NotRecognised):
            log_in(live, people.obama2, enrolled, wrong)
    with pytest.raises(NotRecognised):
        log_in(live, people.biden, enrolled, WORDS)
    assert log_in(live, people.obama2, enrolled, WORDS).acr == "live+passphrase"


def test_ten_failures_are_free_and_a_hundred_are_all_where_liveness_was_passed(
    live: Application, clock: Clock, enrolled: Enrolled, people: Portraits
) -> None:
    limits = lockout(live.storage, live.settings)
    attempt = limits.attempt(enrolled.user_id, None)

    def fail(times: int, pause: timedelta = timedelta(0)) -> None:
        for _ in range(times):
            with live.storage.begin() as work:
                limits.failed(work, attempt)
                work.commit()
            clock.advance(seconds=pause.total_seconds())

    fail(9)  # by pictures, five would have to wait
    log_in(live, people.obama2, enrolled, WORDS)
    fail(10)
    with pytest.raises(Locked):
        log_in(live, people.obama2, enrolled, WORDS)
    clock.advance(hours=1)
    fail(89, timedelta(hours=1))
    log_in(live, people.obama2, enrolled, WORDS)
    fail(100, timedelta(hours=1))
    with pytest.raises(Stopped):
        log_in(live, people.obama2, enrolled)
    log_in(live, people.obama2, enrolled, WORDS)


def test_a_challenge_of_one_tenant_is_none_at_another(live: Application, people: Portraits) -> None:
    image, acme = people.obama.read_bytes(), live.of("acme")
    opened = acme.challenges.open(Purpose.LOGIN, HERE)
    with pytest.raises(ChallengeInvalid):
        live.of(DEFAULT_TENANT).challenges.begin(shown(opened), Purpose.LOGIN)
    acme.challenges.watch = Head
    begun = acme.challenges.begin(shown(opened), Purpose.LOGIN)
    begun.close()
    passed = live.of().challenges.open(Purpose.LOGIN, HERE)
    assert answer(live, passed, image).phase == "passed"
    with pytest.raises(ChallengeInvalid):
        acme.login(LoginRequest([], None, challenge=shown(passed)))
    assert live.of().challenges.take(shown(passed), Purpose.LOGIN)  # that try has not used it up


def test_a_passive_detector_without_its_weights_stops_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEEPFACE_HOME", str(tmp_path))
    with pytest.raises(DeepFaceUnusable):
        build(Settings(home=tmp_path / "home", pad="deepface"))


def test_a_change_of_the_embedder_takes_people_over_by_challenges(tmp_path: Path, people: Portraits) -> None:
    home = tmp_path / "home"
    before = build(Settings(home=home, attributes=("none",), embedder="onnx"))
    enrolled = before.enrol(EnrolRequest([people.obama.read_bytes()], consent=True))
    before.close()
    during = build(Settings(home=home, attributes=("none",), previous_embedder="onnx", login_requires="live"))
    try:
        assert models(during) == {DLIB_SPEC.model_id}
        with pytest.raises(NotRecognised):
            log_in(during, people.biden, enrolled)
        assert models(during) == {DLIB_SPEC.model_id}
        assert log_in(during, people.obama2, enrolled).acr == "live"
        assert models(during) == {FUSED}
        assert log_in(during, people.obama3, enrolled).acr == "live"
    finally:
        during.close()


def models(application: Application) -> set[str]:
    with application.storage.begin() as work:
        return {row.model_id for row in work.all_templates()}
