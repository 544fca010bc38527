"""Steps beside each other: the same results, and nothing goes on when the picture has been left."""

import os
import threading

import numpy as np
import pytest

from embeddings.attributes import KINDS
from embeddings.embed import DLIB_SPEC, AllAtOnce
from embeddings.image import ImageLimits
from embeddings.onnx import Runtime
from embeddings.pipeline import FacePipeline
from embeddings.quality import FaceRefused, QualityLimits
from embeddings.side_by_side import Cores, SideBySide, run_pair
from embeddings.types import Face, FaceVector, Pixels
from tests.portraits import portraits


@pytest.mark.parametrize("count", [1, 3])
def test_steps_give_their_results_and_their_errors(count: int) -> None:
    with SideBySide(Cores(count), whole=True) as steps:
        power, broken = steps.begin(pow, 2, 5), steps.begin(int, "no number")
        assert power() == 32
        with pytest.raises(ValueError, match="invalid literal"):
            broken()


def test_steps_leave_the_calling_thread_only_while_a_core_is_free() -> None:
    cores, here = Cores(2), threading.get_ident()
    with SideBySide(cores, whole=True) as steps:
        assert steps.begin(threading.get_ident)() != here
    with SideBySide(cores, whole=True), SideBySide(cores, whole=True) as steps:  # as many pictures as cores
        assert steps.try_begin(threading.get_ident) is None
        assert steps.begin(threading.get_ident)() == here
    with SideBySide(cores, whole=True) as steps:
        assert steps.begin(threading.get_ident)() != here


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the system does not tell threads where to run")
def test_steps_that_are_under_way_at_once_are_kept_on_cores_of_their_own() -> None:
    usable = os.sched_getaffinity(0)
    if len(usable) < 2:
        pytest.skip("there is one core")
    with SideBySide(Cores(2), whole=True) as steps:
        beside, mine = steps.begin(os.sched_getaffinity, 0)(), os.sched_getaffinity(0)
        assert mine
        assert beside
        assert not mine & beside
        assert mine | beside == usable
    assert os.sched_getaffinity(0) == usable


@pytest.mark.parametrize("count", [1, 10_000])
def test_threads_may_run_anywhere_where_the_cores_cannot_be_told_apart(count: int) -> None:
    if not hasattr(os, "sched_getaffinity"):
        pytest.skip("the system does not tell threads where to run")
    usable = os.sched_getaffinity(0)
    with SideBySide(Cores(count), whole=True) as steps:
        assert steps.begin(os.sched_getaffinity, 0)() == os.sched_getaffinity(0) == usable


def test_what_has_begun_has_ended_when_the_picture_is_left() -> None:
    begun, ended, may_end = threading.Event(), threading.Event(), threading.Event()

    def step() -> None:
        begun.set()
        may_end.wait(10)
        ended.set()

    def refuse() -> None:
        with SideBySide(Cores(2), whole=True) as steps:
            steps.begin(step)
            begun.wait(10)
            threading.Timer(0.05, may_end.set).start()
            raise LookupError("refused")

    with pytest.raises(LookupError):
        refuse()
    assert ended.is_set()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_steps_of_steps_find_a_thread_also_where_nobody_counts_the_picture(count: int) -> None:
    cores, pair = Cores(count), np.arange(6).reshape(2, 3)

    def nested() -> list[int]:
        return run_pair(cores, lambda half: half + 1, pair).ravel().tolist()

    done: list[list[int]] = []

    def picture() -> None:
        with SideBySide(cores) as steps:
            results = [steps.begin(nested) for _ in range(8)]
            done.extend(result() for result in results)

    thread = threading.Thread(target=picture, daemon=True)
    thread.start()
    thread.join(30)
    assert done == [[1, 2, 3, 4, 5, 6]] * 8


def test_a_capture_is_refused_for_the_same_reasons_on_idle_and_on_busy_cores() -> None:
    photo = portraits().obama.read_bytes()
    strict, reasons = QualityLimits(min_sharpness=1e9, min_eye_distance_px=1e9), []
    for cores in (1, 4):
        with pytest.raises(FaceRefused) as refusal:
            FacePipeline.load(ImageLimits(), strict, runtime=Runtime(cores=cores)).capture(photo)
        reasons.append(refusal.value.reasons)
    assert reasons[0] == reasons[1]
    assert len(reasons[0]) == 2


class Blind(AllAtOnce):
    """An embedder that has no answer for any face."""

    spec = DLIB_SPEC

    def vector(self, pixels: Pixels, face: Face, chip: Pixels) -> FaceVector:  # noqa: ARG002
        raise ValueError("no answer")


def test_a_face_that_an_embedder_has_no_answer_for_is_refused_by_the_gate_where_it_can_be() -> None:
    photo = portraits().obama.read_bytes()
    for limits, answer in ((QualityLimits(min_sharpness=1e9), FaceRefused), (QualityLimits(), ValueError)):
        pipeline = FacePipeline.load(ImageLimits(), limits, runtime=Runtime(cores=4)).with_embedder(Blind())
        with pytest.raises(answer):
            pipeline.capture(photo)


@pytest.mark.parametrize("backend", ["fused", "onnx"])
def test_a_capture_is_the_same_beside_and_one_after_the_other(backend: str) -> None:
    photo, kinds = portraits().obama.read_bytes(), KINDS if backend == "fused" else frozenset[str]()
    one, other = (
        FacePipeline.load(
            ImageLimits(), QualityLimits(), backend, attributes=kinds, runtime=Runtime(cores=cores)
        ).capture(photo)
        for cores in (1, 4)
    )
    assert np.array_equal(one.vector.values, other.vector.values)
    assert (one.quality, one.attributes) == (other.quality, other.attributes)
