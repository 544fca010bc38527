"""A cohort of one's own people: fitted by group, and what it changes for people it was not fitted on."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from embeddings.cohort import Cohort
from embeddings.comparison import ByDistance, ByScore, Comparison
from embeddings.embed import ModelSpec
from embeddings.operating import Measure, Mode, of_measure, verification_point
from evaluation.faces import Faces

_FEWEST: Final = 2  # for measuring alone, never written


@dataclass(frozen=True, slots=True)
class GroupChange:
    """Within one group, different people accepted at the shipped point for FMR 1e-4: by bare distance, by score."""

    group: str
    people: int
    pairs: int
    fmr_by_distance: float
    fmr_by_score: float


@dataclass(frozen=True, slots=True)
class CohortReport:
    """Fitted on one half of the people and judged on the other, both ways round."""

    people: int
    groups: tuple[GroupChange, ...]
    model_id: str


def grouped(faces: Faces, names: Mapping[str, str]) -> tuple[NDArray[np.float32], tuple[str, ...], tuple[str, ...]]:
    """One vector a person (the first picture), the group and the person of each; who is in no group is left out."""
    chosen: dict[str, tuple[int, str]] = {}
    for row, (person, file) in enumerate(zip(faces.people, faces.files, strict=True)):
        group = names.get(file, names.get(person, ""))
        if group:
            chosen.setdefault(person, (row, group))
    rows = [row for row, _ in chosen.values()]
    return faces.vectors[rows], tuple(group for _, group in chosen.values()), tuple(chosen)


def fit(faces: Faces, names: Mapping[str, str]) -> Cohort:
    """Of everybody who is in a group. Raises ValueError where a group is too small to be published."""
    vectors, groups, _ = grouped(faces, names)
    return Cohort.fit(vectors, _numbers(groups))


def report(faces: Faces, names: Mapping[str, str], spec: ModelSpec) -> CohortReport:
    """Raises ValueError where a half has fewer than two people of a group."""
    vectors, groups, people = grouped(faces, names)
    numbers = _numbers(groups)
    halves = np.array([hashlib.sha256(person.encode()).digest()[-1] % 2 for person in people])
    counts: dict[str, list[int]] = {}
    for half in (0, 1):
        cohort = ByScore(Cohort.fit(vectors[halves != half], numbers[halves != half], _FEWEST))
        for group in sorted(set(groups)):
            rows = np.flatnonzero((halves == half) & (np.array(groups) == group))
            row = counts.setdefault(group, [0, 0, 0, 0])
            row[0] += rows.size
            row[1] += rows.size * (rows.size - 1) // 2
            row[2] += _confused(vectors[rows], spec, ByDistance())
            row[3] += _confused(vectors[rows], spec, cohort)
    changes = tuple(
        GroupChange(group, size, pairs, before / max(1, pairs), after / max(1, pairs))
        for group, (size, pairs, before, after) in counts.items()
    )
    return CohortReport(len(people), changes, spec.model_id)


def _confused(vectors: NDArray[np.float32], spec: ModelSpec, comparison: Comparison) -> int:
    point = verification_point(of_measure(spec.operating_points, comparison.measure), Mode(1, 1))
    own = comparison.own(vectors)
    count = 0
    for row in range(len(vectors) - 1):
        distances = np.linalg.norm(vectors[row + 1 :].astype(np.float64) - vectors[row], axis=1)
        values = comparison.values(distances, float(own[row]), own[row + 1 :])
        within = values <= point.threshold if comparison.measure is Measure.DISTANCE else values >= point.threshold
        count += int(within.sum())
    return count


def _numbers(groups: tuple[str, ...]) -> NDArray[np.int_]:
    return np.unique(np.array(groups), return_inverse=True)[1]


def with_cohort(spec: ModelSpec, cohort: Cohort) -> ModelSpec:
    """The same vectors, compared by score against that cohort."""
    return replace(spec, comparison=ByScore(cohort))
