"""Galleries of nobody to search, probes near the threshold, and what float64 decides on them.

Vectors are drawn from the published crowd for the project's models, and in all directions alike for another dimension,
which is the hardest case.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from embeddings import fused
from embeddings.axes import axes_of
from embeddings.cohort import Cohort
from embeddings.comparison import ByDistance, ByScore, Comparison
from embeddings.dlib_points import DLIB_POINTS
from embeddings.embed import DLIB_SPEC, ModelSpec
from embeddings.fused_points import FUSED_POINTS
from embeddings.index import VectorIndex
from embeddings.operating import Mode, of_measure, verification_point
from embeddings.types import FaceVector

Rows = NDArray[np.float32]
FMR: Final = 1e-5
"""Probes are judged at this operating point; the smallest measured, as large galleries need it."""
NEAR: Final = 0.01
"""Probes lie so much nearer or farther than the threshold, in distance."""
SEED: Final = 20_260_101
_CHUNK: Final = 8192


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A gallery [people, dimension] of a model, and probes [n, dimension] near the threshold."""

    spec: ModelSpec
    gallery: Rows
    probes: Rows
    worst: float


def filled(case: Case) -> VectorIndex:
    """The gallery in an index, by number."""
    index = VectorIndex(case.spec.model_id, case.spec.dimension, case.spec.comparison, axes_of(case.spec))
    people = len(case.gallery)
    index.put_all([UUID(int=number).bytes for number in range(people)], case.gallery, np.ones(people, np.int32))
    return index


def make_case(people: int, dimension: int, probes: int, seed: int = SEED) -> Case:
    """Each probe lies within NEAR of the threshold's distance from somebody in the gallery, drawn evenly."""
    random = np.random.default_rng(seed)
    spec = _spec(dimension)
    gallery = np.concatenate(list(_drawn(spec, people, random)))
    worst = verification_point(of_measure(spec.operating_points, spec.comparison.measure), Mode(1, 1), FMR).threshold
    near = gallery[random.integers(0, people, probes)].astype(np.float64)
    aside = np.concatenate(list(_drawn(spec, probes, random))).astype(np.float64)
    aside -= (aside * near).sum(axis=1, keepdims=True) * near
    aside /= np.linalg.norm(aside, axis=1, keepdims=True)
    off = random.uniform(-NEAR, NEAR, probes)
    found = near
    for _ in range(4):  # the probe's own number, hence the distance of the threshold, changes with the probe
        limits = _limits(spec.comparison, worst, found) - spec.comparison.own(near)
        angle = 2 * np.arcsin((np.sqrt(2 * np.maximum(limits, 0)) + off) / 2)[:, None]
        found = np.cos(angle) * near + np.sin(angle) * aside
    return Case(spec, gallery, found.astype(np.float32), worst)


def _limits(comparison: Comparison, worst: float, probes: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([comparison.cost(worst, float(own)) for own in comparison.own(probes)])


def different(case: Case, index: VectorIndex) -> int:
    """How many decisions of the index differ from float64."""
    found = []
    for probe in case.probes:
        candidates = index.search(FaceVector(probe, case.spec.model_id), 1, worst=case.worst)
        passed = [each.key.int for each in candidates if _passes(case, each.value)]
        found.append(passed[0] if passed else -1)
    return int((np.array(found) != truth(case)).sum())


def truth(case: Case) -> NDArray[np.int64]:
    """Who each probe is, or -1: float64, everybody compared."""
    probes = case.probes.astype(np.float64)
    halves = (probes**2).sum(axis=1) / 2
    best, who = np.full(len(probes), np.inf), np.full(len(probes), -1)
    for start in range(0, len(case.gallery), _CHUNK):
        rows = case.gallery[start : start + _CHUNK].astype(np.float64)
        costs = ((rows**2).sum(axis=1) / 2 + case.spec.comparison.own(rows))[:, None] - rows @ probes.T + halves
        nearest = costs.argmin(axis=0)
        least = costs[nearest, np.arange(len(probes))]
        who = np.where(least < best, nearest + start, who)
        best = np.minimum(best, least)
    return np.where(best <= _limits(case.spec.comparison, case.worst, probes), who, -1)


def _passes(case: Case, value: float) -> bool:
    by_distance = isinstance(case.spec.comparison, ByDistance)
    return value <= case.worst if by_distance else value >= case.worst


def _spec(dimension: int) -> ModelSpec:
    if dimension == DLIB_SPEC.dimension:
        return DLIB_SPEC
    if dimension == fused.DIMENSION:
        return ModelSpec(fused.MODEL_ID, dimension, FUSED_POINTS, ByScore(Cohort.load(fused.COHORT)))
    return ModelSpec("nobody", dimension, DLIB_POINTS)


def _drawn(spec: ModelSpec, count: int, random: np.random.Generator) -> Iterator[Rows]:
    """Unit vectors of the crowd, or evenly from all directions; some at a time."""
    crowd = Cohort.load(fused.COHORT) if spec.model_id != "nobody" else None
    for start in range(0, count, _CHUNK):
        some, dimension = min(_CHUNK, count - start), spec.dimension
        values = random.standard_normal((some, dimension), dtype=np.float32)
        if crowd is not None:
            directions = crowd.directions[:, :dimension].astype(np.float32)
            rest = crowd.variances[:dimension] - (crowd.directions[:, :dimension] ** 2).sum(axis=0)
            values *= np.sqrt(np.maximum(rest, 0)).astype(np.float32)
            values += random.standard_normal((some, len(directions)), dtype=np.float32) @ directions
            values += crowd.means[random.integers(0, len(crowd.means), some), :dimension].astype(np.float32)
        yield values / np.linalg.norm(values, axis=1, keepdims=True)
