"""The crowd is what drawing without end would give; scores and distances decide by one mechanism."""

from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embeddings.captures import Template
from embeddings.cohort import SMALLEST_GROUP, TAIL, Cohort
from embeddings.comparison import ByDistance, ByScore
from embeddings.index import VectorIndex
from embeddings.matching import identify, verify
from embeddings.operating import Measure, Mode, OperatingPoint, of_measure
from embeddings.types import FaceVector
from tests.embeddings.vectors import MODEL, at_distance, random_vector

DIMENSION = 24


def people(seed: int = 1, each: int = 400) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    centres = random.standard_normal((3, DIMENSION))
    groups = np.repeat(np.arange(3), each)
    values = 3 * centres[groups] / np.linalg.norm(centres, axis=1)[groups][:, None]
    values += random.standard_normal((len(groups), DIMENSION)) / np.sqrt(DIMENSION)
    return values / np.linalg.norm(values, axis=1, keepdims=True), groups


def crowded() -> ByScore:
    return ByScore(Cohort.fit(*people()))


def test_the_crowd_is_where_drawn_people_would_put_it() -> None:
    vectors, groups = people()
    cohort = Cohort.fit(vectors, groups)
    strangers = np.stack([random_vector(seed, DIMENSION).values for seed in range(11, 16)])
    cosines = strangers @ vectors.T
    for row, answer in zip(cosines, cohort.crowd(strangers), strict=True):
        drawn = max(row[groups == name].mean() + TAIL * row[groups == name].std() for name in range(3))
        assert answer == pytest.approx(drawn, abs=0.03)


def test_a_face_like_many_needs_to_be_more_like_its_template() -> None:
    vectors, groups = people()
    cohort = Cohort.fit(vectors, groups)
    common = vectors[groups == 0].mean(axis=0)
    common /= np.linalg.norm(common)
    assert cohort.crowd(common[None])[0] > cohort.crowd(random_vector(3, DIMENSION).values[None])[0] + 0.2


def test_the_file_gives_the_same_crowd_and_the_same_bytes() -> None:
    cohort = Cohort.fit(*people())
    content = cohort.to_bytes()
    again = Cohort.from_bytes(content)
    probes = people(2, 5)[0]
    np.testing.assert_allclose(again.crowd(probes), cohort.crowd(probes), atol=2e-3)
    assert again.to_bytes() == content


def test_a_group_too_small_to_hide_in_is_refused() -> None:
    vectors, groups = people(each=SMALLEST_GROUP - 1)
    with pytest.raises(ValueError, match="at least 20"):
        Cohort.fit(vectors, groups)


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="in common"):
        Cohort(np.zeros((2, 5)), np.zeros((1, 4)), np.zeros(5))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.sampled_from(["distance", "score"]), st.integers(1, 6))
def test_search_ranks_as_the_comparison_does(seed: int, kind: str, limit: int) -> None:
    comparison = ByDistance() if kind == "distance" else crowded()
    index = VectorIndex(MODEL, DIMENSION, comparison)
    vectors = [random_vector(seed + place, DIMENSION) for place in range(1, 30)]
    for place, vector in enumerate(vectors):
        index.put(UUID(int=place), Template(vector, 1))
    assert index.remove(UUID(int=3))
    index.put(UUID(int=50), Template(random_vector(seed + 77, DIMENSION), 1))
    probe = random_vector(seed, DIMENSION)
    found = index.search(probe, limit)
    known = {UUID(int=place): vector for place, vector in enumerate(vectors) if place != 3}
    known[UUID(int=50)] = random_vector(seed + 77, DIMENSION)
    values = sorted((index.compare(probe, vector) for vector in known.values()), reverse=kind == "score")[:limit]
    assert [candidate.value for candidate in found] == pytest.approx(values, abs=1e-6)
    for candidate in found:
        assert candidate.value == pytest.approx(index.compare(probe, known[candidate.key]), abs=1e-6)


def point(threshold: float, measure: Measure) -> OperatingPoint:
    return OperatingPoint(Mode(1, 1), 1e-4, 0.1, threshold, 50, "nobody", measure)


def test_verification_takes_the_points_of_its_measure() -> None:
    person = random_vector(1, DIMENSION)
    probe = Template(at_distance(person, 0.4, seed=2), 1)
    comparison = crowded()
    index = VectorIndex(MODEL, DIMENSION, comparison)
    index.put(UUID(int=1), Template(person, 1))
    score = index.compare(probe.vector, person)
    never = point(0.0, Measure.DISTANCE)
    for room, accepted in ((-1e-6, True), (1e-6, False)):
        points = (never, point(score + room, Measure.SCORE))
        assert verify(index, UUID(int=1), probe, points).accepted is accepted
        assert identify(index, probe, points, fpir=1e-4).accepted is accepted
        assert not verify(index, UUID(int=2), probe, points).accepted
    with pytest.raises(ValueError, match="score"):
        verify(index, UUID(int=1), probe, (never,))


@given(st.floats(-1, 1), st.floats(-1, 1), st.sampled_from(Measure))
def test_the_stricter_point_accepts_less(one: float, other: float, measure: Measure) -> None:
    strict, loose = point(one, measure), point(other, measure)
    if strict.stricter_than(loose):
        assert strict.room(one) == 0
        assert loose.room(one) > 0
        assert strict.room(other) < 0
    assert of_measure((strict,), measure) == (strict,)


def test_a_score_follows_from_a_vector_alone() -> None:
    vectors = np.stack([random_vector(seed, DIMENSION).values for seed in range(4)])
    comparison = crowded()
    own = comparison.own(vectors)
    np.testing.assert_allclose(own, [comparison.own(vector[None])[0] for vector in vectors], atol=1e-12)
    assert comparison.values(np.array([0.0]), own[0], own[:1])[0] == pytest.approx(1 - 2 * own[0])
    assert FaceVector(vectors[0], MODEL).distance(FaceVector(vectors[0], MODEL)) == 0
