"""Nets on several cores: only where these are the lone picture's, and with the same answers."""

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from importlib import resources

import numpy as np
import pytest

from embeddings.centerface import MODEL_FILE
from embeddings.onnx import Runtime
from embeddings.side_by_side import Cores, SideBySide

USABLE = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
needs_cores = pytest.mark.skipif(USABLE < 2, reason="there is one core, or threads cannot be told where to run")
MODEL = resources.files("embeddings").joinpath("models", MODEL_FILE).read_bytes()
INPUTS = {"input.1": np.random.default_rng(0).uniform(0, 255, (1, 3, 96, 128)).astype(np.float32)}


@pytest.fixture
def cores() -> Cores:
    return Cores(USABLE)


@pytest.fixture
def picture(cores: Cores) -> Iterator[SideBySide]:
    with SideBySide(cores, whole=True) as steps:
        yield steps


def ours(cores: Cores) -> bool:
    with cores.wide() as found:
        return found


@needs_cores
def test_helpers_are_a_lone_pictures(cores: Cores) -> None:
    assert not ours(cores)
    with SideBySide(cores, whole=True):
        assert cores.spare == len(cores.helpers) > 0
        assert ours(cores)
        assert not os.sched_getaffinity(0) & frozenset().union(*cores.helpers)
        found: list[bool] = []
        thread = threading.Thread(target=lambda: found.append(ours(cores)))
        thread.start()
        thread.join()
        assert found == [False]
    assert not ours(cores)


@needs_cores
def test_while_a_net_has_them_nothing_else_begins_there(cores: Cores, picture: SideBySide) -> None:
    with cores.wide() as found:
        assert found
        assert not ours(cores)
        assert cores.spare == 0
        others = list(iter(lambda: cores.take(here=False), None))
        assert len(others) == USABLE - 1 - len(cores.helpers)
        for place in others:
            assert not place.processors & frozenset().union(*cores.helpers)
            cores.give(place)
    assert picture.begin(pow, 2, 5)() == 32
    assert ours(cores)


@needs_cores
def test_not_beside_a_step_that_is_on_one_of_them(cores: Cores, picture: SideBySide) -> None:
    may_end = threading.Event()
    begun = [picture.try_begin(may_end.wait, 10) for _ in range(USABLE - 1)]
    assert all(begun)
    assert not ours(cores)
    may_end.set()


@needs_cores
def test_the_second_picture_has_none(cores: Cores) -> None:
    with ExitStack() as pictures:
        pictures.enter_context(SideBySide(cores, whole=True))
        thread_found: list[bool] = []

        def second() -> None:
            with SideBySide(cores, whole=True):
                thread_found.append(ours(cores))

        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
        assert thread_found == [False]


@pytest.mark.parametrize("count", [1, 10_000])
def test_where_cores_cannot_be_told_apart_there_are_no_helpers(count: int) -> None:
    cores = Cores(count)
    with SideBySide(cores, whole=True):
        assert (cores.helpers, cores.spare, ours(cores)) == ([], 0, False)
    assert Runtime(cores=count).wide(MODEL).try_run(INPUTS) is None


@needs_cores
def test_a_net_gives_the_same_on_several_cores() -> None:
    runtime = Runtime(cores=USABLE)
    narrow, wide = runtime.load(MODEL), runtime.wide(MODEL)
    assert wide.try_run(INPUTS) is None
    with SideBySide(runtime.cores, whole=True):
        found = wide.try_run(INPUTS)
    assert found is not None
    for one, other in zip(found, narrow.run(INPUTS), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
