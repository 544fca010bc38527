"""The index finds exactly who float64 finds, through bytes, and keeps nothing of who left."""

from functools import cache
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from embeddings import fused
from embeddings.axes import Axes, axes_of
from embeddings.blocks import ROWS
from embeddings.captures import Template
from embeddings.coarse import Coarsener
from embeddings.cohort import Cohort
from embeddings.comparison import ByDistance, ByScore, Comparison
from embeddings.embed import DLIB_SPEC, ModelSpec
from embeddings.fused_points import FUSED_POINTS
from embeddings.index import VectorIndex
from embeddings.types import FaceVector
from tests.embeddings.vectors import MODEL, random_vector

Rows = NDArray[np.float32]


@cache
def cohort() -> Cohort:
    return Cohort.load(fused.COHORT)


@cache
def coarsener(kind: str) -> Coarsener:
    if kind == "fused":
        return Coarsener(axes_of(ModelSpec(fused.MODEL_ID, fused.DIMENSION, FUSED_POINTS)))
    return Coarsener(axes_of(DLIB_SPEC) if kind == "dlib" else Axes.plain(int(kind)))


def units(values: NDArray[np.float64]) -> Rows:
    scaled: Rows = (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)
    return scaled


def gallery(random: np.random.Generator, count: int, dimension: int, spread: float) -> Rows:
    """From all alike (spread 0) to all directions; one of them far out along one coordinate."""
    values = random.standard_normal(dimension) + spread * random.standard_normal((count, dimension))
    values[0] = 0
    values[0, random.integers(dimension)] = 1
    return units(values)


KINDS = st.sampled_from(["fused", "dlib", "128", "20"])
SPREADS = st.sampled_from([1e-4, 1e-2, 0.1, 0.3, 1.0, 10.0])


@settings(max_examples=60, deadline=None)
@given(KINDS, SPREADS, st.integers(0, 10**6))
def test_the_bound_of_the_bytes_is_never_above_the_truth(kind: str, spread: float, seed: int) -> None:
    random, dull = np.random.default_rng(seed), coarsener(kind)
    rows = gallery(random, 50, dull.axes.centre.size, spread)
    templates = dull.templates(rows)
    for probe in (rows[0], rows[-1], units(random.standard_normal((1, rows.shape[1])))[0]):
        question = dull.question(probe)
        least = dull.least(question, templates) + question.offset
        apart = rows.astype(np.float64) - probe.astype(np.float64)
        truth = (apart**2).sum(axis=1) / 2
        assert (least - dull.rounding <= truth).all()


def test_the_bound_is_near_the_truth_for_people() -> None:  # one that says nothing would also hold
    random = np.random.default_rng(5)
    crowd = cohort()
    people = crowd.means[random.integers(0, 8, 400)] + random.standard_normal((400, 64)) @ crowd.directions
    rows = units(people[:, :128])
    dull = coarsener("dlib")
    question = dull.question(rows[0])
    least = dull.least(question, dull.templates(rows)) + question.offset
    apart = (rows.astype(np.float64) - rows[0]) ** 2
    assert np.median(apart.sum(axis=1) / 2 - least) < 0.02


def brute(people: dict[UUID, FaceVector], comparison: Comparison, probe: FaceVector) -> list[tuple[float, UUID]]:
    own = comparison.own(np.stack([vector.values for vector in people.values()]))
    costs = [vector.distance(probe) ** 2 / 2 + its for vector, its in zip(people.values(), own, strict=True)]
    return sorted(zip(costs, people, strict=True))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["fused", "dlib", "20"]), SPREADS, st.integers(0, 10**6), st.integers(1, 12), st.floats(0, 1))
def test_it_finds_who_float64_finds(kind: str, spread: float, seed: int, limit: int, share: float) -> None:
    random, axes = np.random.default_rng(seed), coarsener(kind).axes
    comparison: Comparison = ByScore(cohort()) if kind == "fused" else ByDistance()
    rows = gallery(random, 150, axes.centre.size, spread)
    index = VectorIndex(MODEL, axes.centre.size, comparison, axes)
    index.put_all([UUID(int=i).bytes for i in range(150)], rows, np.ones(150, np.int32))
    people = {UUID(int=i): FaceVector(row, MODEL) for i, row in enumerate(rows)}
    for number in random.choice(150, 20, replace=False):
        assert index.remove(UUID(int=int(number)))
        del people[UUID(int=int(number))]
    probe = FaceVector(
        units((rows[3] + random.uniform(0, 0.05) * random.standard_normal(len(rows[3])))[None])[0], MODEL
    )
    truth = brute(people, comparison, probe)
    found = index.search(probe, limit)
    costs = {key: cost for cost, key in truth}
    assert [costs[each.key] for each in found] == pytest.approx([cost for cost, _ in truth[:limit]], abs=1e-12)
    own = float(comparison.own(probe.values[None])[0])
    worst = float(comparison.values(np.array([np.sqrt(2 * share)]), own, np.zeros(1))[0])  # costs `share`
    within = {each.key for each in index.search(probe, limit, worst=worst)}
    assert {key for cost, key in truth[:limit] if cost < share - 1e-9} <= within


def test_people_of_several_blocks_are_found_moved_and_forgotten() -> None:
    count = ROWS + 300
    rows = units(np.random.default_rng(2).standard_normal((count, 8)))
    index = VectorIndex(MODEL, 8)
    for start in range(0, count, 5000):
        keys = [UUID(int=i).bytes for i in range(start, min(count, start + 5000))]
        index.put_all(keys, rows[start : start + 5000], np.full(len(keys), 2, np.int32))
    for number in (0, ROWS - 1, ROWS, count - 1):
        (found,) = index.search(FaceVector(rows[number], MODEL), 1)
        assert (found.key.int, found.captures) == (number, 2)
    gone = [0, ROWS - 1, *range(ROWS, count), 5]
    assert all(index.remove(UUID(int=number)) for number in gone)
    assert len(index) == count - len(gone)
    for number in gone:
        assert index.search(FaceVector(rows[number], MODEL), 1)[0].key.int != number
    index.put(UUID(int=7), Template(random_vector(3, 8), 1))  # replaced
    assert index.search(random_vector(3, 8), 1)[0].key.int == 7
    assert sum(np.count_nonzero(block.rows.any(axis=1)) for block in index._blocks) == len(index)


def test_a_removed_vector_is_no_longer_in_memory() -> None:
    vectors = [random_vector(seed) for seed in range(40)]
    index = VectorIndex(MODEL, 128)
    for number in range(16):
        index.put(UUID(int=number), Template(vectors[number], 1))
    block = index._blocks[0]
    first = block.coarse
    for number in range(16, 40):  # more than the first bytes' room, so that these have moved
        index.put(UUID(int=number), Template(vectors[number], 1))
    assert block.coarse is not first
    assert not any(part.any() for part in (first.codes, first.costs, first.starts, first.slack))
    before = {number: block.coarse.codes[:, number].tobytes() for number in range(40)}
    for number in (0, 39, 20):
        assert index.remove(UUID(int=number))
        assert not (block.rows[:64] == vectors[number].values).all(axis=1).any()
        assert before[number] not in {column.tobytes() for column in block.coarse.codes.T}
        assert not index.remove(UUID(int=number))
    for part in block.parts()[:-1]:
        assert not part[..., 37:].any()
    assert np.isinf(block.coarse.starts[37:]).all()
    assert np.count_nonzero(block.rows.any(axis=1)) == len(index) == 37


@pytest.mark.parametrize(
    ("rows", "captures"),
    [
        (np.zeros((2, 8), np.float32), [1, 1]),
        (np.eye(2, 9, dtype=np.float32), [1, 1]),
        (np.eye(2, 8), [1, 1]),
        (np.eye(2, 8, dtype=np.float32), [1, 0]),
        (np.full((2, 8), np.nan, np.float32), [1, 1]),
    ],
)
def test_many_that_do_not_fit_are_refused(rows: Rows, captures: list[int]) -> None:
    index = VectorIndex(MODEL, 8)
    with pytest.raises(ValueError, match="vector"):
        index.put_all([UUID(int=1).bytes, UUID(int=2).bytes], rows, np.array(captures, np.int32))
    with pytest.raises(ValueError, match="one template"):
        index.put_all([UUID(int=1).bytes] * 2, np.eye(2, 8, dtype=np.float32), np.ones(2, np.int32))
    assert len(index) == 0
