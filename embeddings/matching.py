"""Comparing: the decision on a probe, claimed or sought among everybody in an index.

A distance or score never leaves this module in a decision, a representation or a message: a caller who was told how
close a refused face came could climb towards somebody else's.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from uuid import UUID

import numpy as np

from embeddings.captures import Template
from embeddings.index import Candidate, VectorIndex
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


class Outcome(StrEnum):
    ACCEPTED = "accepted"
    UNKNOWN = "unknown"
    AMBIGUOUS = "ambiguous"


class Band(StrEnum):
    """How near the nearest came to the threshold, for the audit log alone; so coarse that nobody can climb by it."""

    CLEAR = "clear"
    CLOSE = "close"
    MISSED = "missed"
    FAR = "far"

    @classmethod
    def of(cls, room: float, measure: Measure) -> "Band":
        """`room`: beyond the threshold, negative where it was missed; a band is two ambiguity margins wide."""
        width = 2 * AMBIGUITY_MARGINS[measure]
        if room < 0:
            return cls.FAR if room < -width else cls.MISSED
        return cls.CLOSE if room < width else cls.CLEAR


@dataclass(frozen=True, slots=True)
class Decision:
    """What a probe came to. `key` and `point` (the error rates it was accepted at) only where it was accepted.

    `band` is never for callers.
    """

    outcome: Outcome
    key: UUID | None = None
    point: OperatingPoint | None = None
    band: Band = field(default=Band.FAR, repr=False, compare=False)

    @property
    def accepted(self) -> bool:
        return self.outcome is Outcome.ACCEPTED


def verify(
    index: VectorIndex, key: UUID, probe: Template, points: Sequence[OperatingPoint], fmr: float = VERIFICATION_FMR
) -> Decision:
    """One against one: is the probe the person it claims to be? An unknown key does the same work and is UNKNOWN."""
    enrolled = index.get(key)
    claimed = enrolled or _decoy(index)
    measured = of_measure(points, index.comparison.measure)
    point = verification_point(measured, Mode(claimed.captures, probe.captures), fmr)
    room = point.room(index.compare(probe.vector, claimed.vector))
    band = Band.of(room, index.comparison.measure)
    if room >= 0 and enrolled is not None:
        return Decision(Outcome.ACCEPTED, key, point, band)
    return Decision(Outcome.UNKNOWN, band=band)


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
    modes = [Mode(captures, probe.captures) for captures in sorted(index.captures() or {1})]
    # Refuses a gallery too large, match or not.
    worst = loosest(identification_point(measured, mode, gallery, fpir) for mode in modes).threshold
    nearest = -float("inf")
    for candidate in index.search(probe.vector, worst=worst):
        point = identification_point(measured, Mode(candidate.captures, probe.captures), gallery, fpir)
        room = point.room(candidate.value)
        nearest = max(nearest, room)
        if room >= 0:
            passed.append((room, candidate, point))
    band = Band.of(nearest, measure)
    if not passed:
        return Decision(Outcome.UNKNOWN, band=band)
    passed.sort(key=lambda entry: entry[0], reverse=True)
    if len(passed) > 1 and passed[0][0] - passed[1][0] < AMBIGUITY_MARGINS[measure]:
        return Decision(Outcome.AMBIGUOUS, band=band)
    return Decision(Outcome.ACCEPTED, passed[0][1].key, passed[0][2], band)


def loosest(points: Iterable[OperatingPoint]) -> OperatingPoint:
    """The one whose threshold accepts most. Raises ValueError for none."""
    found, *others = points
    for point in others:
        if found.stricter_than(point):
            found = point
    return found


def _decoy(index: VectorIndex) -> Template:
    """A template of nobody, the same each time."""
    values = np.random.default_rng(_DECOY_SEED).standard_normal(index.dimension)
    return Template(FaceVector((values / np.linalg.norm(values)).astype(np.float32), index.model_id), 1)
