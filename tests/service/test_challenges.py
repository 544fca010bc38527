"""Challenges in the service: who may use one, what counts as failed, and what a login by one is worth. The head is
scripted (tests/service/scripted_head.py); pictures, vectors, databases and tokens are real."""

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import jwt
import pytest
from fastapi import FastAPI

from service.app import create_app
from service.bootstrap import Application, build
from service.errors import ChallengeInvalid, LivenessRequired, NotAtOnce, TooManyChallenges, UnsafeSettings
from service.liveness.told import Failure, Told
from service.settings import Settings, read
from service.workflows.challenges import Challenger, Opened, Purpose, Shown
from service.workflows.enrol import Enrolled, EnrolRequest
from service.workflows.login import LoginRequest
from tests.db.people import Clock
from tests.portraits import Portraits
from tests.service.asgi_client import call
from tests.service.scripted_head import Actor, Head

HERE = Challenger("192.0.2.7")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def live(tmp_path: Path, clock: Clock) -> Iterator[Application]:
    built = build(Settings(home=tmp_path / "home", login_requires="live"), clock)
    yield built
    built.close()


@pytest.fixture
def enrolled(live: Application, people: Portraits) -> Enrolled:
    return live.enrol(EnrolRequest([people.obama.read_bytes()], consent=True))


def answer(
    live: Application,
    opened: Opened,
    image: bytes,
    purpose: Purpose = Purpose.LOGIN,
    head: Head | None = None,
    **how: Any,
) -> Told:
    """Everything that a page sends for one challenge; `seconds`: at most."""
    head, seconds, wrong = head or Head(), how.get("seconds", 60), how.get("wrong", False)
    challenges = live.of().challenges
    challenges.watch = lambda: head
    begun = challenges.begin(shown(opened), purpose)
    actor, told = Actor(head, wrong=wrong), Told("settling")
    while not told.finished and actor.at < seconds:
        at = actor.move(told)
        told = begun.feed(image, at, at, actor.lit)
    return begun.close()


def shown(opened: Opened, who: Challenger = HERE) -> Shown:
    return Shown(opened.challenge_id, opened.nonce, who)


def test_a_passed_challenge_logs_in_once(live: Application, enrolled: Enrolled, people: Portraits) -> None:
    image, challenges = people.obama.read_bytes(), live.of().challenges
    with pytest.raises(LivenessRequired):
        live.login(LoginRequest([image], enrolled.user_id))
    opened = challenges.open(Purpose.LOGIN, HERE)
    assert answer(live, opened, image).phase == "passed"
    done = live.login(LoginRequest([], enrolled.user_id, challenge=shown(opened)))
    claims = jwt.decode(done.issued.token, options={"verify_signature": False})
    assert (done.user_id, done.acr, claims["acr"], claims["amr"]) == (
        enrolled.user_id,
        "live",
        "live",
        ["face", "user"],
    )
    with pytest.raises(ChallengeInvalid):
        live.login(LoginRequest([], enrolled.user_id, challenge=shown(opened)))


def test_a_challenge_is_bound_to_client_purpose_nonce_and_a_minute(
    live: Application, clock: Clock, people: Portraits
) -> None:
    image, challenges = people.obama.read_bytes(), live.of().challenges
    opened = challenges.open(Purpose.LOGIN, HERE)
    right = shown(opened)
    wrong = [
        (replace(right, challenger=Challenger("192.0.2.8")), Purpose.LOGIN),
        (right, Purpose.ENROLMENT),
        (replace(right, nonce="0" * 32), Purpose.LOGIN),
    ]
    for other, purpose in wrong:
        with pytest.raises(ChallengeInvalid):
            challenges.begin(other, purpose)
    with pytest.raises(ChallengeInvalid):
        challenges.take(right, Purpose.LOGIN)  # not passed yet
    assert answer(live, opened, image).phase == "passed"
    with pytest.raises(ChallengeInvalid):
        challenges.begin(right, Purpose.LOGIN)  # answered already
    for other, purpose in wrong:
        with pytest.raises(ChallengeInvalid):
            challenges.take(other, purpose)
    clock.advance(seconds=61)
    with pytest.raises(ChallengeInvalid):
        challenges.take(right, Purpose.LOGIN)
    live.sessions.tidy()
    with live.storage.begin() as work:
        assert work.challenges.tally(live.of().challenges._claim(right, Purpose.LOGIN).subject, work.now).of_a_day == 0


@pytest.mark.parametrize(
    ("head", "how", "code"),
    [
        (Head(), {"wrong": True}, Failure.WRONG_MOVEMENT),
        (Head(ratio=0.6), {}, Failure.NOT_ALIVE),
        (Head(), {"seconds": 3}, Failure.CONNECTION),  # goes away once a step was told
    ],
)
def test_what_is_not_passed_opens_nothing_is_told_kindly_and_counts(
    live: Application, people: Portraits, head: Head, how: dict[str, Any], code: Failure
) -> None:
    challenges = live.of().challenges
    opened = challenges.open(Purpose.LOGIN, HERE)
    told = answer(live, opened, people.obama.read_bytes(), head=head, **how)
    assert told.members() == {"phase": "failed", "done": 0, "of": 0, "code": code}  # no score
    with pytest.raises(ChallengeInvalid):
        challenges.take(shown(opened), Purpose.LOGIN)
    with live.storage.begin() as work:
        assert work.challenges.tally(challenges._claim(shown(opened), Purpose.LOGIN).subject, work.now).in_a_row == 1
    entry = [each for each in live.storage.audit.entries() if each.kind == "challenge"][-1]
    assert entry.details["outcome"] == "failed"
    assert entry.details["reasons"]


def fail(live: Application, clock: Clock) -> None:
    """Written down as a challenge of which a step was told is."""
    challenges = live.of().challenges
    opened = challenges.open(Purpose.LOGIN, HERE)
    with live.storage.begin() as work:
        work.challenges.begin(challenges._claim(shown(opened), Purpose.LOGIN), work.now)
        work.challenges.told(opened.challenge_id, work.now)
        work.commit()
    clock.advance(seconds=1)


def test_five_failures_are_free_then_there_is_a_wait_and_after_fifteen_a_day_nothing(
    live: Application, clock: Clock
) -> None:
    challenges = live.of().challenges
    for _ in range(5):
        fail(live, clock)
    with pytest.raises(TooManyChallenges) as refusal:
        challenges.open(Purpose.LOGIN, HERE)
    assert refusal.value.retry_after == 29
    challenges.open(Purpose.LOGIN, Challenger("192.0.2.8"))  # others are not held up
    challenges.open(Purpose.LOGIN, Challenger("fw_12345678", counted=False))
    for _ in range(10):
        clock.advance(hours=1)
        fail(live, clock)
    clock.advance(hours=1)
    with pytest.raises(TooManyChallenges) as refusal:
        challenges.open(Purpose.LOGIN, HERE)
    assert refusal.value.retry_after > timedelta(hours=12).total_seconds()
    clock.advance(hours=24)
    challenges.open(Purpose.LOGIN, HERE)


def test_who_asks_again_and_again_without_beginning_is_held_up(live: Application) -> None:
    for _ in range(10):
        live.of().challenges.open(Purpose.LOGIN, HERE)
    with pytest.raises(TooManyChallenges):
        live.of().challenges.open(Purpose.LOGIN, HERE)


def test_what_a_passed_challenge_keeps_opens_with_its_nonce_alone(live: Application, people: Portraits) -> None:
    opened = live.of().challenges.open(Purpose.LOGIN, HERE)
    answer(live, opened, people.obama.read_bytes())
    everything = b"".join(path.read_bytes() for path in live.settings.home.iterdir() if path.is_file())
    assert opened.nonce.encode() not in everything
    assert bytes.fromhex(opened.nonce) not in everything
    with pytest.raises(ChallengeInvalid):
        live.of().challenges.take(replace(shown(opened), nonce="f" * 32), Purpose.LOGIN)


def test_an_enrolment_with_liveness_gives_three_templates_of_one_moment(tmp_path: Path, people: Portraits) -> None:
    live = build(Settings(home=tmp_path / "home", enrolment_requires="live"))
    try:
        image, challenges = people.obama.read_bytes(), live.of().challenges
        with pytest.raises(LivenessRequired):
            live.enrol(EnrolRequest([image], consent=True))
        opened = challenges.open(Purpose.ENROLMENT, HERE)
        assert answer(live, opened, image, Purpose.ENROLMENT).phase == "passed"
        done = live.enrol(EnrolRequest([], consent=True, challenge=shown(opened)))
        assert (done.photos, done.captures) == (3, 1)
        assert done.attributes.keys() == {"age", "gender", "emotion"}
        assert live.login(LoginRequest([people.obama2.read_bytes()], done.user_id)).acr == "photo"
    finally:
        live.close()


@pytest.fixture
def lit(tmp_path: Path, clock: Clock) -> Iterator[Application]:
    built = build(Settings(home=tmp_path / "home", login_requires="live", challenge_light=True), clock)
    yield built
    built.close()


def test_the_light_of_the_screen_is_answered_after_the_steps(lit: Application, people: Portraits) -> None:
    image, challenges = people.obama.read_bytes(), lit.of().challenges
    person = lit.enrol(EnrolRequest([image], consent=True))
    opened = challenges.open(Purpose.LOGIN, HERE)
    assert opened.light
    assert answer(lit, opened, image).phase == "passed"
    done = lit.login(LoginRequest([], person.user_id, challenge=shown(opened)))
    assert (done.user_id, done.acr) == (person.user_id, "live")
    opened = challenges.open(Purpose.ENROLMENT, HERE)
    assert answer(lit, opened, image, Purpose.ENROLMENT, seconds=80).phase == "passed"  # the poses come after it


def test_who_does_not_answer_the_light_is_not_let_in(lit: Application, people: Portraits) -> None:
    image, challenges = people.obama.read_bytes(), lit.of().challenges
    opened = challenges.open(Purpose.LOGIN, HERE)
    told = answer(lit, opened, image, head=Head(answers=False))
    assert told.members() == {"phase": "failed", "done": 0, "of": 0, "code": Failure.LIGHT_UNSEEN}
    with pytest.raises(ChallengeInvalid):
        challenges.take(shown(opened), Purpose.LOGIN)
    (entry,) = [each for each in lit.storage.audit.entries() if each.kind == "challenge"]
    assert entry.details["reasons"] == "light_too_weak"


def test_light_and_steps_at_once_exclude_each_other(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    monkeypatch.setenv("FACEWARDEN_CHALLENGE_LIGHT", "true")
    assert read({}).challenge_light
    monkeypatch.setenv("FACEWARDEN_CHALLENGE_AT_ONCE", "true")
    with pytest.raises(UnsafeSettings, match="CHALLENGE_LIGHT"):
        read({})


def test_steps_at_once_need_the_setting(live: Application) -> None:
    with pytest.raises(NotAtOnce):
        live.of().challenges.open(Purpose.LOGIN, HERE, at_once=True)


def test_a_tenant_can_leave_steps_out_but_not_too_many(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    monkeypatch.setenv("FACEWARDEN_CHALLENGE_WITHOUT", "acme:look_up")
    assert "look_up" not in read({}).steps_of("acme")
    assert "look_up" in read({}).steps_of("default")
    monkeypatch.setenv("FACEWARDEN_CHALLENGE_WITHOUT", "acme:look_up,acme:look_down")
    with pytest.raises(UnsafeSettings, match="acme"):
        read({})


def post(app: FastAPI, path: str, **members: str) -> dict[str, Any]:
    headers = (("Host", "localhost"), ("Content-Type", "application/json"))
    answered: dict[str, Any] = json.loads(call(app, "POST", path, headers, [json.dumps(members).encode()]).body)
    return answered


def test_over_http(live: Application, enrolled: Enrolled, people: Portraits) -> None:
    app, image = create_app(live), people.obama.read_bytes()
    encoded = base64.b64encode(image).decode()
    assert post(app, "/v1/login", image=encoded)["code"] == "liveness_required"
    assert post(app, "/v1/challenges", purpose="entry")["field"] == "purpose"
    assert post(app, "/v1/challenges", purpose="login", told="at_once")["code"] == "not_at_once"
    given = post(app, "/v1/challenges", purpose="login")
    assert given["count"] == 3
    assert "steps" not in given
    body = {"challenge_id": given["challenge_id"], "nonce": given["nonce"], "user_id": str(enrolled.user_id)}
    assert post(app, "/v1/login", **body)["code"] == "challenge_invalid"
    assert post(app, "/v1/login", **body, image=encoded)["field"] == "challenge_id"
    opened = Opened(UUID(given["challenge_id"]), given["nonce"], live.storage.now(), 3)
    assert answer(live, opened, image).phase == "passed"
    session = post(app, "/v1/login", **body)
    assert (session["user_id"], session["assurance"]["acr"]) == (str(enrolled.user_id), "live")
