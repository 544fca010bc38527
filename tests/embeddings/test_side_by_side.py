"""Steps beside each other: the same results, and nothing goes on when the picture has been left."""

import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor

import numpy as np
import pytest

from embeddings.attributes import KINDS
from embeddings.image import ImageLimits
from embeddings.pipeline import FacePipeline
from embeddings.quality import QualityLimits
from embeddings.side_by_side import SideBySide
from tests.portraits import portraits


@pytest.fixture(params=[0, 2], ids=["alone", "beside"])
def executor(request: pytest.FixtureRequest) -> Iterator[Executor | None]:
    if not request.param:
        yield None
        return
    with ThreadPoolExecutor(request.param) as threads:
        yield threads


def test_steps_give_their_results_and_their_errors(executor: Executor | None) -> None:
    with SideBySide(executor) as steps:
        power, broken = steps.begin(pow, 2, 5), steps.begin(int, "no number")
        assert power() == 32
        with pytest.raises(ValueError, match="invalid literal"):
            broken()


def test_what_has_begun_has_ended_when_the_picture_is_left() -> None:
    begun, ended, may_end = threading.Event(), threading.Event(), threading.Event()

    def step() -> None:
        begun.set()
        may_end.wait(10)
        ended.set()

    def refuse() -> None:
        with SideBySide(threads) as steps:
            steps.begin(step)
            begun.wait(10)
            threading.Timer(0.05, may_end.set).start()
            raise LookupError("refused")

    with ThreadPoolExecutor(1) as threads, pytest.raises(LookupError):
        refuse()
    assert ended.is_set()


def test_a_capture_is_the_same_beside_and_one_after_the_other() -> None:
    photo = portraits().obama.read_bytes()
    one, other = (
        FacePipeline.load(ImageLimits(), QualityLimits(), attributes=KINDS, beside=beside).capture(photo)
        for beside in (0, 3)
    )
    assert np.array_equal(one.vector.values, other.vector.values)
    assert (one.quality, one.attributes) == (other.quality, other.attributes)
