"""A challenge from its first frame to its verdict: all must hold, and what cannot be told is no pass."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest

from embeddings.deepface_package import DeepFaceUnusable
from embeddings.embed import DLIB_SPEC
from embeddings.embedders import face_embedder
from embeddings.liveness.judge import Judge, Limits
from embeddings.liveness.observation import Look, Observation
from embeddings.liveness.pad import UnknownPad, load_pad
from embeddings.liveness.reading import Reading
from embeddings.liveness.referee import Phase
from embeddings.liveness.solid import Parallax
from embeddings.liveness.steps import Challenge, Step
from embeddings.liveness.verdict import LOGIN_FRAMES, Outcome, Verdict
from embeddings.liveness.watcher import Nets, Watcher
from embeddings.onnx import Runtime
from embeddings.types import Box, Face, FaceVector, HeadPose, Pixels
from tests.drawn_faces import drawn_face
from tests.embeddings.traces import PITCH, RATE, YAW, Person
from tests.embeddings.vectors import random_vector

STEPS = (Step.TURN_LEFT, Step.LOOK_UP, Step.TURN_RIGHT)
LIMITS = Limits(same_person=0.46)
SOMEBODY, OTHER = random_vector(1), random_vector(2)
Change = Callable[[Observation], Observation]


@dataclass
class Camera:
    """In the place of a referee for `Person`: turns readings into observations and feeds a judge."""

    judge: Judge
    change: Change = lambda frame: frame

    @property
    def asked(self) -> Step | None:
        return self.judge.referee.asked

    @property
    def finished(self) -> bool:
        return self.judge.finished

    def feed(self, at: float, reading: Reading | None) -> None:
        number = round(at * RATE)
        look = None
        if reading is not None:
            turned = max(abs(reading.yaw - YAW), abs(reading.pitch - PITCH)) > 12
            parallax = Parallax(1.3, 0.04, 60, YAW, PITCH, at - 0.3) if turned else None
            vector = SOMEBODY if number % 12 == 0 and not turned else None
            pose = HeadPose(reading.yaw, reading.pitch, 0.0)
            look = Look(Box(200, 100, 150, 190), pose, reading, 0.08, 120.0, vector, parallax, 0.9 if vector else None)
        noise = np.random.default_rng(number).integers(100, 104, (36, 48)).astype(np.uint8)
        self.judge.feed(self.change(Observation(at, 640, 480, look, 0, noise, number)))


def tried(change: Change = lambda frame: frame, limits: Limits = LIMITS) -> tuple[Verdict, Judge]:
    judge = Judge(Challenge(STEPS, (0.3, 0.0, 0.6)), limits)
    list(Person(Camera(judge, change)).answer())  # type: ignore[arg-type]
    return judge.verdict(), judge


def looking(**changed: object) -> Change:
    def change(frame: Observation) -> Observation:
        return replace(frame, look=replace(frame.look, **changed)) if frame.look is not None else frame  # type: ignore[arg-type]

    return change


def test_who_does_the_steps_passes_and_brings_frames() -> None:
    verdict, judge = tried()
    assert (verdict.outcome, verdict.reasons, judge.phase) == (Outcome.PASSED, (), Phase.PASSED)
    assert 1 <= len(verdict.frames) <= LOGIN_FRAMES
    assert all(frame.vector is SOMEBODY and abs(frame.pose.yaw - YAW) < 10 for frame in verdict.frames)
    assert {check.outcome for check in verdict.checks} == {Outcome.PASSED}


def somebody_else(frame: Observation) -> Observation:
    look = frame.look
    if look is None or look.vector is None or frame.at < 3:
        return frame
    return replace(frame, look=replace(look, vector=OTHER))


def flat(frame: Observation) -> Observation:
    look = frame.look
    if look is None or look.parallax is None:
        return frame
    return replace(frame, look=replace(look, parallax=replace(look.parallax, ratio=0.5)))


def turned_reference(frame: Observation) -> Observation:
    look = frame.look
    if look is None or look.parallax is None:
        return frame
    return replace(frame, look=replace(look, parallax=replace(look.parallax, yaw=YAW + 20)))


@pytest.mark.parametrize(
    ("change", "outcome", "reason"),
    [
        (somebody_else, Outcome.FAILED, "another_person"),
        (flat, Outcome.FAILED, "head_looks_flat"),
        (lambda frame: replace(frame, others=1), Outcome.FAILED, "several_faces"),
        (lambda frame: replace(frame, fingerprint=7), Outcome.FAILED, "frozen_picture"),
        (turned_reference, Outcome.UNDECIDED, "head_not_measured"),
        (looking(parallax=None), Outcome.UNDECIDED, "head_not_measured"),
        (looking(vector=None), Outcome.UNDECIDED, "face_not_recognised"),
        (looking(sharpness=0.02), Outcome.UNDECIDED, "too_soft"),
        (looking(brightness=10.0), Outcome.UNDECIDED, "too_dark"),
        (looking(brightness=240.0), Outcome.UNDECIDED, "too_bright"),
    ],
)
def test_whatever_does_not_hold_is_no_pass(change: Change, outcome: Outcome, reason: str) -> None:
    verdict, _ = tried(change)
    assert verdict.outcome is outcome
    assert reason in verdict.reasons
    assert verdict.frames == ()


def test_a_passive_detector_can_only_refuse() -> None:
    assert tried(limits=Limits(0.46, pad=0.5))[0].outcome is Outcome.PASSED
    verdict, _ = tried(looking(pad=0.2), Limits(0.46, pad=0.5))
    assert verdict.reasons == ("looks_presented",)
    verdict, _ = tried(looking(pad=None), Limits(0.46, pad=0.5))
    assert (verdict.outcome, verdict.reasons) == (Outcome.UNDECIDED, ("face_not_recognised",))
    for check in tried(flat, Limits(0.46, pad=0.5))[0].checks:
        assert (check.outcome is Outcome.FAILED) == (check.name == "solid_head")


def test_before_the_end_nothing_is_decided() -> None:
    judge = Judge(Challenge(STEPS, (0.0,) * 3), LIMITS)
    person = Person(Camera(judge))  # type: ignore[arg-type]
    person.wait()
    verdict = judge.verdict()
    assert verdict.outcome is Outcome.UNDECIDED
    assert "not_finished" in verdict.reasons


def test_a_line_that_breaks_asks_again() -> None:
    judge = Judge(Challenge(STEPS, (0.0,) * 3), LIMITS)
    person = Person(Camera(judge))  # type: ignore[arg-type]
    person.wait()
    person.at += 2
    person.show(0.1)
    assert judge.phase is Phase.FAILED
    assert judge.verdict().outcome is Outcome.UNDECIDED
    assert "frames_missing" in judge.verdict().reasons


def test_the_same_person_is_judged_at_the_models_own_threshold() -> None:
    limits = Limits.of(DLIB_SPEC)
    assert 0.2 < limits.same_person < 0.6
    assert limits.pad is None


def test_a_detector_that_is_not_there_stops_the_start() -> None:
    assert load_pad(None) is None
    with pytest.raises(UnknownPad) as refused:
        load_pad("looks-fine")
    assert refused.value.code == "unknown_pad"
    with pytest.raises(DeepFaceUnusable):
        load_pad("deepface")


class AlwaysSure:
    """A passive detector for tests."""

    model_id, threshold = "always-sure", 0.5

    def score(self, pixels: Pixels, face: Face) -> float:  # noqa: ARG002
        return 1.0


def test_a_drawn_face_that_stays_is_watched_and_never_passes() -> None:
    runtime = Runtime(1)
    nets = Nets.load(runtime, face_embedder("onnx", runtime), AlwaysSure())
    watcher, random = Watcher(nets), np.random.default_rng(4)
    judge = Judge(Challenge(STEPS, (0.0,) * 3), Limits.of(DLIB_SPEC))
    picture = np.full((300, 400, 3), 90, np.uint8)
    picture[40:260, 90:310] = drawn_face(220)
    seen: list[Observation] = []
    while not judge.finished and len(seen) < 250:
        noisy = np.clip(picture + random.normal(0, 2, picture.shape), 0, 255).astype(np.uint8)
        seen.append(watcher.look(noisy, len(seen) / 12))
        judge.feed(seen[-1])
    looks = [frame.look for frame in seen if frame.look is not None]
    assert len(looks) == len(seen)
    vectors: list[FaceVector] = [look.vector for look in looks if look.vector is not None]
    assert 2 <= len(vectors) < len(looks) / 3
    assert {look.pad for look in looks} == {None, 1.0}
    assert all(look.parallax is None for look in looks)
    assert max(abs(look.pose.yaw) for look in looks) < 8
    assert judge.verdict().outcome is Outcome.FAILED
    assert "step_timed_out" in judge.verdict().reasons
    assert watcher.look(np.zeros((300, 400, 3), np.uint8), 60.0).look is None
