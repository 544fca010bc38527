"""Blocks of products find what a loop over everybody finds, through the shipped ways of comparing."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embeddings.captures import average
from embeddings.cohort import Cohort
from embeddings.comparison import ByDistance, ByScore, Comparison
from embeddings.index import VectorIndex
from embeddings.operating import Measure, Mode, OperatingPoint, verification_point
from embeddings.types import FaceVector
from evaluation.agreement import Agreement, agreement
from evaluation.confusions import Members, PointOf, captures_of, closest, confusions
from tests.embeddings.test_cohort import people as cohort_people
from tests.embeddings.vectors import MODEL, at_distance, random_vector

DIMENSION = 24
SCORE = ByScore(Cohort.fit(*cohort_people()))
POINTS = {
    Measure.DISTANCE: tuple(
        OperatingPoint(Mode(enrolled, captures), 1e-4, 0.1, 1.1 - enrolled / 50 - captures / 30, 9, "nobody")
        for enrolled, captures in itertools.product((1, 2, 3), (1, 2, 3))
    ),
    Measure.SCORE: tuple(
        OperatingPoint(
            Mode(enrolled, captures), 1e-4, 0.1, enrolled / 30 + captures / 20 - 0.2, 9, "nobody", Measure.SCORE
        )
        for enrolled, captures in itertools.product((1, 2, 3), (1, 2, 3))
    ),
}
Kept = tuple[list[FaceVector], list[int]]


def point_of(comparison: Comparison) -> PointOf:
    return lambda mode: verification_point(POINTS[comparison.measure], mode)


def person(seed: int, captures: int, frames: int = 1) -> Kept:
    centre = random_vector(seed, DIMENSION)
    vectors, groups = [], []
    for capture in range(captures):
        for frame in range(frames):
            vectors.append(at_distance(centre, 0.2 + 0.02 * frame, seed=1000 * seed + capture))
            groups.append(capture)
    return vectors, groups


def by_loop(people: list[Kept], comparison: Comparison) -> tuple[set[tuple[int, int]], list[int], int]:
    """Pairs, the nearest of each, and the single captures that pass as somebody else: one comparison after another."""
    index, points = VectorIndex(MODEL, DIMENSION, comparison), POINTS[comparison.measure]
    room = np.full((len(people), len(people)), -math.inf)
    accepted = 0
    for one, other in itertools.permutations(range(len(people)), 2):
        template = average(*people[other])
        whole = average(*people[one])
        probes = [(single, 1) for single in captures_of(*people[one])] + [(whole.vector, whole.captures)]
        for place, (probe, captures) in enumerate(probes):
            beyond = verification_point(points, Mode(template.captures, captures)).room(
                index.compare(probe, template.vector)
            )
            accepted += place < len(probes) - 1 and beyond >= 0
            room[one, other] = max(room[one, other], beyond)
    room = np.maximum(room, room.T)
    pairs = {(one, other) for one, other in itertools.combinations(range(len(people)), 2) if room[one, other] >= 0}
    return pairs, list(room.argmax(axis=1)), accepted


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 40), st.integers(1, 3)), min_size=2, max_size=12, unique_by=lambda each: each[0]),
    st.sampled_from([ByDistance(), SCORE]),
    st.integers(1, 13),
)
def test_blocks_find_what_a_loop_finds(chosen: list[tuple[int, int]], comparison: Comparison, block: int) -> None:
    people = [person(seed, captures) for seed, captures in chosen]
    found = confusions(Members(people, comparison), point_of(comparison), block)
    pairs, nearest, accepted = by_loop(people, comparison)
    assert (set(found.likeliest), found.pairs, found.accepted) == (pairs, len(pairs), accepted)
    assert list(found.nearest) == nearest
    singles = sum(captures for _, captures in chosen)
    assert found.comparisons == singles * (len(people) - 1)
    assert found.expected == pytest.approx(found.comparisons * 1e-4)


def test_some_of_these_people_are_confused_and_some_are_not() -> None:
    people = [person(seed, 1 + seed % 3) for seed in range(1, 30)]
    for comparison in (ByDistance(), SCORE):
        assert 3 < len(by_loop(people, comparison)[0]) < 29 * 14 - 3


def test_the_likeliest_pair_comes_first_and_frames_of_a_moment_count_once() -> None:
    people = [person(seed, 2, frames=2) for seed in (1, 2, 3)]
    twin = [at_distance(vector, 0.05, seed=77) for vector in people[0][0]], people[0][1]
    members = Members([*people, twin], ByDistance())
    assert members.captures.tolist() == [2, 2, 2, 2]
    assert members.behind.tolist() == [1, 1, 2] * 4
    found = confusions(members, point_of(ByDistance()))
    assert found.likeliest[0] == (0, 3)
    assert closest(members, 0, 3, point_of(ByDistance())).value < 0.12


def test_one_person_alone_is_refused() -> None:
    with pytest.raises(ValueError, match="two people"):
        confusions(Members([person(1, 1)], ByDistance()), point_of(ByDistance()))


def test_each_capture_logs_in_against_the_others() -> None:
    vectors, groups = person(5, 3)
    stray = random_vector(99, DIMENSION)
    found = agreement([*vectors, stray], [*groups, 3], ByDistance(), point_of(ByDistance()))
    assert len(found.values) == 4
    assert found.accepted == 3
    assert found.worst == found.values[3] == pytest.approx(stray.distance(average(vectors, groups).vector), abs=1e-6)
    assert found.expected == pytest.approx(4 * 0.9)
    assert found.mean == pytest.approx(sum(found.values) / 4)


def test_one_capture_says_nothing_about_itself() -> None:
    vectors, groups = person(5, 1, frames=3)
    assert agreement(vectors, groups, SCORE, point_of(SCORE)) == Agreement()
