"""Decisions at the threshold are those of float64, and the figures of the bench are of real searches."""

import os
from uuid import UUID

import numpy as np
import pytest

from embeddings.axes import axes_of
from embeddings.index import VectorIndex
from evaluation.bench_search import Case, different, make_case, measure, truth


def filled(case: Case, dimension: int) -> VectorIndex:
    index = VectorIndex(case.spec.model_id, dimension, case.spec.comparison, axes_of(case.spec))
    keys = [UUID(int=number) for number in range(len(case.gallery))]
    index.put_all(keys, case.gallery, np.ones(len(keys), np.int32))
    return index


@pytest.mark.parametrize(("people", "dimension", "probes"), [(20_000, 128, 2000), (4000, 1152, 500), (3000, 96, 500)])
def test_decisions_near_the_threshold_are_those_of_float64(people: int, dimension: int, probes: int) -> None:
    if "FACEWARDEN_TEST_LONG" in os.environ:
        people, probes = 100_000, 10_000
    case = make_case(people, dimension, probes)
    known = (truth(case) >= 0).mean()
    assert 0.2 < known < 0.95  # else they would not lie on both sides of the threshold
    assert different(case, filled(case, dimension)) == 0


def test_a_wrong_index_is_noticed() -> None:
    case = make_case(500, 128, 200)
    index = filled(case, 128)
    for number in range(0, 500, 2):
        index.remove(UUID(int=number))
    assert different(case, index) > 20


def test_the_bench_measures() -> None:
    found = measure(600, 128, probes=20, rounds=1)
    assert found["different"] == 0
    assert found["ratios"].keys() >= {"numpy"}
    assert min(found["ms"].values()) > 0
