"""Steps beside each other: the same results, and nothing goes on when the picture has been left."""

import threading

import numpy as np
import pytest

from embeddings.attributes import KINDS
from embeddings.image import ImageLimits
from embeddings.onnx import Runtime
from embeddings.pipeline import FacePipeline
from embeddings.quality import QualityLimits
from embeddings.side_by_side import Cores, SideBySide
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


def test_a_capture_is_the_same_beside_and_one_after_the_other() -> None:
    photo = portraits().obama.read_bytes()
    one, other = (
        FacePipeline.load(ImageLimits(), QualityLimits(), attributes=KINDS, runtime=Runtime(cores=cores)).capture(photo)
        for cores in (1, 4)
    )
    assert np.array_equal(one.vector.values, other.vector.values)
    assert (one.quality, one.attributes) == (other.quality, other.attributes)
