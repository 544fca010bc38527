"""Decisions at the threshold are those of float64, and the figures of the bench are of real searches."""

import os
from uuid import UUID

import pytest

from evaluation.bench.searched import different, filled, make_case, truth


@pytest.mark.parametrize(("people", "dimension", "probes"), [(20_000, 128, 2000), (4000, 1152, 500), (3000, 96, 500)])
def test_decisions_near_the_threshold_are_those_of_float64(people: int, dimension: int, probes: int) -> None:
    if "FACEWARDEN_TEST_LONG" in os.environ:
        people, probes = 100_000, 10_000
    case = make_case(people, dimension, probes)
    known = (truth(case) >= 0).mean()
    assert 0.2 < known < 0.95  # else they would not lie on both sides of the threshold
    assert different(case, filled(case)) == 0


def test_a_wrong_index_is_noticed() -> None:
    case = make_case(500, 128, 200)
    index = filled(case)
    for number in range(0, 500, 2):
        index.remove(UUID(int=number))
    assert different(case, index) > 20
