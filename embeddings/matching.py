"""Comparing: an exact index of templates in memory, and the decision on a probe.

A distance or score never leaves this module in a decision, a representation or a message: a caller who was told how
close a refused face came could climb towards somebody else's.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from embeddings.captures import Template
from embeddings.comparison import ByDistance, Comparison
from embeddings.operating import (
    IDENTIFICATION_FPIR,
    VERIFICATION_FMR,
    GalleryTooLarge,
    Measure,
    Mode,
    OperatingPoint,
    identification_point,
    of_measure,
    verification_point,
)
from embeddings.types import FaceVector

AMBIGUITY_MARGIN: Final = 0.04
"""Two people whose distances have so nearly the same room below their thresholds cannot be told apart.

LFW, 1,589 people, one to three photos enrolled, FMR 1e-3 and 1e-4: of 5,417 times that somebody else came within the
threshold beside the right person, they were the nearer 110 times, and by more than .04 five times. Of the times that
the right person was the nearer, the margin gives away 5 to 24 in 100.
"""
AMBIGUITY_MARGINS: Final = {Measure.DISTANCE: AMBIGUITY_MARGIN, Measure.SCORE: 0.02}
"""The same for scores: a cosine changes by the distance times its change, about .45 at the thresholds."""
_DECOY_SEED: Final = 20_260_101
_ROUNDING: Final = 1e-5  # far above what float32 sums of 128 products can lose (about 1e-6)
_FIRST_ROWS: Final = 16


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody enrolled, how far the probe is (Euclidean, 0 to 2), and the captures behind the template.

    `value`: the distance or score that operating points judge.
    """

    key: UUID
    distance: float = field(repr=False)
    captures: int
    value: float = field(repr=False)


class Outcome(StrEnum):
    ACCEPTED = "accepted"
    UNKNOWN = "unknown"
    AMBIGUOUS = "ambiguous"


@dataclass(frozen=True, slots=True)
class Decision:
    """What a probe came to. `key` and `point` (the error rates it was accepted at) only where it was accepted."""

    outcome: Outcome
    key: UUID | None = None
    point: OperatingPoint | None = None

    @property
    def accepted(self) -> bool:
        return self.outcome is Outcome.ACCEPTED


class VectorIndex:
    """Templates of one model, searched exactly: one vector a person, all in one float32 matrix.

    Beside each vector lies its own number of the comparison, made at the first search after it came: for many at
    once that is far cheaper. Safe to share between
    threads. A vector that is removed, replaced or moved is overwritten with zeros.
    """

    def __init__(self, model_id: str, dimension: int, comparison: Comparison | None = None) -> None:
        """`comparison`: by bare distance where it is not given."""
        self.model_id = model_id
        self.dimension = dimension
        self.comparison: Comparison = comparison or ByDistance()
        self._lock = threading.Lock()
        self._rows: NDArray[np.float32] = np.zeros((_FIRST_ROWS, dimension), np.float32)
        self._captures: NDArray[np.int32] = np.zeros(_FIRST_ROWS, np.int32)
        self._own: NDArray[np.float64] = np.zeros(_FIRST_ROWS)
        self._incomplete = False
        self._keys: list[UUID] = []
        self._places: dict[UUID, int] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, key: object) -> bool:
        return key in self._places

    def keys(self) -> set[UUID]:
        """Everybody in the index."""
        with self._lock:
            return set(self._keys)

    def captures(self) -> set[int]:
        """The numbers of captures that stand behind templates."""
        with self._lock:
            return {int(number) for number in np.unique(self._captures[: len(self._keys)])}

    def put(self, key: UUID, template: Template) -> None:
        """Add somebody, or replace their template. Raises ValueError for a vector of another model."""
        self._check(template.vector)
        with self._lock:
            place = self._places.get(key)
            if place is None:
                place = len(self._keys)
                self._make_room(place + 1)
                self._keys.append(key)
                self._places[key] = place
            self._rows[place] = template.vector.values
            self._captures[place] = template.captures
            self._own[place] = np.nan
            self._incomplete = True

    def remove(self, key: UUID) -> bool:
        """Forget somebody: the vector is overwritten. False where there was none."""
        with self._lock:
            place = self._places.pop(key, None)
            if place is None:
                return False
            last = len(self._keys) - 1
            moved = self._keys.pop()
            if place != last:
                self._keys[place] = moved
                self._places[moved] = place
                self._rows[place] = self._rows[last]
                self._captures[place] = self._captures[last]
                self._own[place] = self._own[last]
            self._rows[last] = 0
            self._captures[last] = 0
            self._own[last] = 0
            return True

    def get(self, key: UUID) -> Template | None:
        """A copy of somebody's template."""
        with self._lock:
            place = self._places.get(key)
            if place is None:
                return None
            return Template(FaceVector(self._rows[place].copy(), self.model_id), int(self._captures[place]))

    def search(self, vector: FaceVector, limit: int = 8) -> list[Candidate]:
        """The `limit` most alike people by the comparison, exactly: float32 products choose, float64 values rank."""
        self._check(vector)
        if limit < 1:
            raise ValueError("a search asks for at least one candidate")
        probe = float(self.comparison.own(vector.values[None])[0])
        with self._lock:
            count = len(self._keys)
            if count == 0:
                return []
            self._complete(count)
            rows, own = self._rows[:count], self._own[:count]
            squares = np.einsum("ij,ij->i", rows, rows) - 2 * (rows @ vector.values) + 2 * own
            nearest = np.arange(count)
            if count > limit:
                bound = np.partition(squares, limit - 1)[limit - 1] + _ROUNDING
                nearest = np.flatnonzero(squares <= bound)
            exact = np.linalg.norm(rows[nearest].astype(np.float64) - vector.values.astype(np.float64), axis=1)
            values = self.comparison.values(exact, probe, own[nearest])
            order = np.argsort(exact**2 / 2 + own[nearest], kind="stable")[:limit]
            return [
                Candidate(self._keys[place], float(exact[i]), int(self._captures[place]), float(values[i]))
                for i, place in ((int(i), int(nearest[i])) for i in order)
            ]

    def compare(self, probe: FaceVector, template: FaceVector) -> float:
        """The distance or score of two vectors. Raises ValueError for vectors of another model."""
        distance = probe.distance(template)
        self._check(template)
        own = self.comparison.own(np.stack((probe.values, template.values)))
        return float(self.comparison.values(np.array([distance]), float(own[0]), own[1:])[0])

    def _check(self, vector: FaceVector) -> None:
        if vector.model_id != self.model_id or vector.values.shape != (self.dimension,):
            raise ValueError("a vector of another model does not belong into this index")

    def _complete(self, count: int) -> None:
        if self._incomplete:
            missing = np.flatnonzero(np.isnan(self._own[:count]))
            self._own[missing] = self.comparison.own(self._rows[missing])
            self._incomplete = False

    def _make_room(self, count: int) -> None:
        if count <= len(self._rows):
            return
        old_rows, old_captures, old_own = self._rows, self._captures, self._own
        self._rows = np.zeros((2 * len(old_rows), self.dimension), np.float32)
        self._captures = np.zeros(2 * len(old_rows), np.int32)
        self._own = np.zeros(2 * len(old_rows))
        self._rows[: len(old_rows)] = old_rows
        self._captures[: len(old_rows)] = old_captures
        self._own[: len(old_rows)] = old_own
        old_rows[:] = 0  # the freed memory keeps nobody


def verify(
    index: VectorIndex, key: UUID, probe: Template, points: Sequence[OperatingPoint], fmr: float = VERIFICATION_FMR
) -> Decision:
    """One against one: is the probe the person it claims to be? An unknown key does the same work and is UNKNOWN."""
    enrolled = index.get(key)
    claimed = enrolled or _decoy(index)
    measured = of_measure(points, index.comparison.measure)
    point = verification_point(measured, Mode(claimed.captures, probe.captures), fmr)
    if point.room(index.compare(probe.vector, claimed.vector)) >= 0 and enrolled is not None:
        return Decision(Outcome.ACCEPTED, key, point)
    return Decision(Outcome.UNKNOWN)


def identify(
    index: VectorIndex, probe: Template, points: Sequence[OperatingPoint], fpir: float = IDENTIFICATION_FPIR
) -> Decision:
    """One against everybody in the index: who is it, if anybody?

    Each person is judged at the threshold of their own number of captures, for the size of the gallery. AMBIGUOUS
    where two people pass and their room beyond their thresholds differs by less than the margin of the measure.
    A probe is judged with fewer of its captures where too few impostors carry the threshold for all of them. Raises
    GalleryTooLarge where even for one capture the gallery needs an FMR that was not measured, or too few carry.
    """
    try:
        return _identify(index, probe, points, fpir)
    except GalleryTooLarge:
        fewer = probe.without_last()
        if fewer is None:
            raise
        return identify(index, fewer, points, fpir)


def _identify(index: VectorIndex, probe: Template, points: Sequence[OperatingPoint], fpir: float) -> Decision:
    gallery, measure = len(index), index.comparison.measure
    measured = of_measure(points, measure)
    passed: list[tuple[float, Candidate, OperatingPoint]] = []
    for captures in index.captures() or {1}:  # refuses a gallery too large, match or not
        identification_point(measured, Mode(captures, probe.captures), gallery, fpir)
    for candidate in index.search(probe.vector):
        point = identification_point(measured, Mode(candidate.captures, probe.captures), gallery, fpir)
        room = point.room(candidate.value)
        if room >= 0:
            passed.append((room, candidate, point))
    if not passed:
        return Decision(Outcome.UNKNOWN)
    passed.sort(key=lambda entry: entry[0], reverse=True)
    if len(passed) > 1 and passed[0][0] - passed[1][0] < AMBIGUITY_MARGINS[measure]:
        return Decision(Outcome.AMBIGUOUS)
    return Decision(Outcome.ACCEPTED, passed[0][1].key, passed[0][2])


def _decoy(index: VectorIndex) -> Template:
    """A template of nobody, the same each time."""
    values = np.random.default_rng(_DECOY_SEED).standard_normal(index.dimension)
    return Template(FaceVector((values / np.linalg.norm(values)).astype(np.float32), index.model_id), 1)
