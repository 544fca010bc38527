"""The embedder is changed without anybody's pictures: people come over at their own logins, and nobody else does."""

import json
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from db.records import NewTemplate
from embeddings.embed import DLIB_SPEC, AllAtOnce, FaceEmbedder, ModelSpec
from embeddings.fused import MODEL_ID as FUSED
from embeddings.types import Face, FaceVector, Pixels
from service.bootstrap import Application, build
from service.errors import NotRecognised, UnsafeSettings
from service.settings import Settings
from service.workflows.enrol import EnrolRequest
from service.workflows.login import LoggedIn, LoginRequest
from service.workflows.model_change import ModelChange
from service.workflows.people import By
from tests.portraits import Portraits

DLIB = DLIB_SPEC.model_id


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 8, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def later(self, **much: float) -> None:
        self.now += timedelta(**much)


class Counting(AllAtOnce):
    """An embedder that counts how often it is asked; `fails`: and has no answer."""

    def __init__(self, embedder: FaceEmbedder, *, fails: bool = False) -> None:
        self._embedder = embedder
        self._fails = fails
        self.calls = 0

    @property
    def spec(self) -> ModelSpec:
        return self._embedder.spec

    def vector(self, pixels: Pixels, face: Face, chip: Pixels) -> FaceVector:
        self.calls += 1
        if self._fails:
            raise ValueError("the model gives no direction for this face")
        return self._embedder.vector(pixels, face, chip)


@pytest.fixture
def clock() -> Clock:
    return Clock()


Start = Callable[..., Application]


@pytest.fixture
def start(tmp_path: Path, clock: Clock) -> Iterator[Start]:
    """Starts the service over one home, stopping the one before."""
    running: list[Application] = []

    def again(**settings: Any) -> Application:
        while running:
            running.pop().close()
        running.append(build(Settings(home=tmp_path / "home", attributes=("none",), **settings), clock))
        return running[0]

    yield again
    while running:
        running.pop().close()


def enrol(application: Application, *photos: Path) -> UUID:
    return application.enrol(EnrolRequest([photo.read_bytes() for photo in photos], consent=True)).user_id


def log_in(application: Application, photo: Path, claim: UUID | None) -> LoggedIn:
    return application.login(LoginRequest([photo.read_bytes()], claim))


def kept(application: Application, user_id: UUID) -> list[tuple[str, int]]:
    with application.storage.begin() as work:
        return sorted((row.model_id, row.capture) for row in work.templates(user_id))


def change_of(application: Application) -> ModelChange:
    change = application.login._change
    assert change is not None
    return change


def count(application: Application, *, fails: str = "") -> tuple[Counting, Counting]:
    """The previous and the current embedder, counted from now on."""
    change, counted = change_of(application), []
    for side in (change.previous, change.current):
        counting = Counting(side.pipeline._embedder, fails=fails == side.model_id)
        side.pipeline._embedder = counting
        counted.append(counting)
    return counted[0], counted[1]


def test_at_the_next_accepted_claim_the_new_vector_takes_the_place_of_the_old(
    start: Start, people: Portraits, caplog: pytest.LogCaptureFixture
) -> None:
    user_id = enrol(start(embedder="onnx"), people.obama)
    application = start(previous_embedder="onnx")
    assert kept(application, user_id) == [(DLIB, 0)]
    with caplog.at_level(logging.INFO, "facewarden"):
        accepted = log_in(application, people.obama2, user_id)
    assert (accepted.user_id, accepted.mode, accepted.fmr) == (user_id, "1:1", 1e-4)
    assert kept(application, user_id) == [(FUSED, 0)]
    (line,) = [record for record in caplog.records if record.msg == "template_added"]
    assert line.facts == {"model": FUSED, "captures": 1, "wanted": 1, "old_deleted": True}  # type: ignore[attr-defined]
    assert str(user_id) not in json.dumps([str(record.__dict__) for record in caplog.records])

    application = start()
    for claim in (user_id, None):
        assert log_in(application, people.obama3, claim).user_id == user_id
        with pytest.raises(NotRecognised):
            log_in(application, people.biden, claim)


def test_a_refused_claim_and_a_login_by_face_alone_add_nothing(start: Start, people: Portraits) -> None:
    user_id = enrol(start(embedder="onnx"), people.obama)
    application = start(previous_embedder="onnx")
    previous, current = count(application)
    for photo, claim in ((people.biden, user_id), (people.obama2, None), (people.obama2, uuid4())):
        with pytest.raises(NotRecognised):
            log_in(application, photo, claim)
    assert kept(application, user_id) == [(DLIB, 0)]
    assert (previous.calls, current.calls) == (1, 2)  # one model for each, never both


def test_several_old_captures_stay_until_as_many_moments_have_come(
    start: Start, people: Portraits, clock: Clock
) -> None:
    user_id = enrol(start(embedder="onnx"), people.obama, people.obama2)
    application = start(previous_embedder="onnx")
    previous, current = count(application)
    log_in(application, people.obama3, user_id)
    both = [(DLIB, 0), (DLIB, 1), (FUSED, 0)]
    assert kept(application, user_id) == both
    assert (previous.calls, current.calls) == (1, 1)

    clock.later(seconds=5)
    log_in(application, people.obama, user_id)  # hardly another moment
    clock.later(days=1)
    log_in(application, people.obama3, user_id)  # another day, but the same picture
    assert kept(application, user_id) == both
    assert (previous.calls, current.calls) == (1, 3)  # the current one decides, and alone

    log_in(application, people.obama, user_id)
    assert kept(application, user_id) == [(FUSED, 0), (FUSED, 1)]
    assert (previous.calls, current.calls) == (2, 4)
    log_in(application, people.obama2, user_id)
    assert (previous.calls, current.calls) == (2, 5)
    enrolled = application.gallery.index.get(user_id)
    assert enrolled is not None
    assert enrolled.captures == 2
    assert application.storage.sweep()


def test_what_the_old_templates_do_not_accept_is_not_added(start: Start, people: Portraits, clock: Clock) -> None:
    user_id = enrol(start(), people.obama)
    application = start(previous_embedder="onnx")
    pipeline = change_of(application).previous.pipeline
    other = pipeline.capture(people.biden.read_bytes()).vector.values
    for capture in range(2):
        with application.storage.begin() as work:
            added = NewTemplate(other, DLIB, capture, application.gallery.generation)
            assert work.renew_templates(user_id, added, beside=capture, without=None)
            work.commit()
    before = kept(application, user_id)
    clock.later(days=1)
    assert log_in(application, people.obama2, user_id).user_id == user_id
    assert kept(application, user_id) == before == [(DLIB, 0), (DLIB, 1), (FUSED, 0)]


def test_a_login_stands_where_the_current_embedder_has_no_vector(
    start: Start, people: Portraits, caplog: pytest.LogCaptureFixture
) -> None:
    user_id = enrol(start(embedder="onnx"), people.obama)
    application = start(previous_embedder="onnx")
    count(application, fails=FUSED)
    with caplog.at_level(logging.INFO, "facewarden"):
        assert log_in(application, people.obama2, user_id).user_id == user_id
    assert kept(application, user_id) == [(DLIB, 0)]
    assert [record.msg for record in caplog.records] == ["template_not_added"]


def test_of_two_logins_at_once_one_adds_its_vector(start: Start, people: Portraits) -> None:
    user_id = enrol(start(embedder="onnx"), people.obama, people.obama2)
    application = start(previous_embedder="onnx")
    with ThreadPoolExecutor(2) as pool:
        logins = list(pool.map(lambda _: log_in(application, people.obama3, user_id), range(2)))
    assert [each.user_id for each in logins] == [user_id, user_id]
    assert kept(application, user_id) == [(DLIB, 0), (DLIB, 1), (FUSED, 0)]


def test_an_erased_person_is_forgotten_by_both(start: Start, people: Portraits) -> None:
    user_id = enrol(start(embedder="onnx"), people.obama)
    application = start(previous_embedder="onnx")
    change = change_of(application)
    assert change.waits(user_id)
    application.people.erase([user_id], by=By.OPERATOR)
    assert user_id not in change.previous.gallery.index
    assert not change.waits(user_id)
    with pytest.raises(NotRecognised):
        log_in(application, people.obama, user_id)


@pytest.mark.parametrize(("embedder", "previous"), [("fused", "fused"), ("onnx", "dlib")])
def test_a_previous_embedder_of_the_same_vectors_stops_the_start(start: Start, embedder: str, previous: str) -> None:
    with pytest.raises(UnsafeSettings, match="makes the same vectors"):
        start(embedder=embedder, previous_embedder=previous)
