"""Operating points: a threshold together with the error rates that belong to it.

A bare threshold says nothing. How often strangers come closer than .335 depends on how many captures stand behind
the template and behind the probe, so each point names its mode, its false match rate (FMR), its false non-match
rate (FNMR) and where both were measured.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from typing import ClassVar, Final

VERIFICATION_FMR: Final = 1e-4
"""One against one: one stranger in ten thousand who claims to be a given person is let in."""
IDENTIFICATION_FPIR: Final = 1e-3
"""One against many: one stranger in a thousand is taken for anybody of the gallery."""
CARRIED: Final = 10
"""Impostor events that a threshold for one against many must rest on."""
_SLACK: Final = 1 + 1e-9  # 1e-3 / 100 must count as 1e-5
_KEPT: Final = 256
"""Answers that are kept, since every login asks for the same few."""


class GalleryTooLarge(Exception):
    """The gallery needs an FMR below the smallest that enough impostors carry: 1:N must not be answered."""

    code: ClassVar[str] = "gallery_too_large"


@dataclass(frozen=True, slots=True, order=True)
class Mode:
    """Independent captures (never frames): how many the template holds, how many the probe."""

    enrolled: int
    captures: int

    def __post_init__(self) -> None:
        if self.enrolled < 1 or self.captures < 1:
            raise ValueError("a mode counts at least one capture on each side")

    def at_most(self, other: "Mode") -> bool:
        """Whether the other mode has at least as many captures on both sides."""
        return self.enrolled <= other.enrolled and self.captures <= other.captures


class Measure(StrEnum):
    """What a threshold is in: a Euclidean distance between unit vectors (0 to 2, smaller is more alike), or a score
    normalised against a cohort (larger is more alike)."""

    DISTANCE = "distance"
    SCORE = "score"


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """Accept at a distance of at most `threshold`, or a score of at least it.

    `fmr`: false match rate at the threshold. `fnmr`: false non-match rate. `impostor_events`: pairs of people
    that the threshold rests on, None where they were not counted; between two points their number is interpolated.
    """

    mode: Mode
    fmr: float
    fnmr: float
    threshold: float
    impostor_events: int | None
    measured_on: str
    measure: Measure = Measure.DISTANCE

    def room(self, value: float) -> float:
        """How far a distance or score lies on the accepted side of the threshold; accepted from 0 on."""
        return self.threshold - value if self.measure is Measure.DISTANCE else value - self.threshold

    def stricter_than(self, other: "OperatingPoint") -> bool:
        """Whether this threshold accepts less; both of one measure."""
        return self.room(other.threshold) < 0


class _Table:
    """Points as a key: the same ones, not equal ones, since comparing them takes longer than what is looked up."""

    __slots__ = ("points",)

    def __init__(self, points: Sequence[OperatingPoint]) -> None:
        self.points = tuple(points)  # a tuple stays itself

    def __hash__(self) -> int:
        return id(self.points)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Table) and self.points is other.points


def of_measure(points: Sequence[OperatingPoint], measure: Measure) -> tuple[OperatingPoint, ...]:
    """Those of the points whose thresholds are in that measure. Raises ValueError where there is none."""
    return _of_measure(_Table(points), measure)


@lru_cache(_KEPT)
def _of_measure(table: _Table, measure: Measure) -> tuple[OperatingPoint, ...]:
    found = tuple(point for point in table.points if point.measure is measure)
    if not found:
        raise ValueError(f"no operating point was measured by {measure}")
    return found


def measured_mode(points: Sequence[OperatingPoint], mode: Mode) -> Mode:
    """The measured mode that stands for `mode`: the smallest with at least as many captures on both sides.

    The more captures, the closer strangers come to the mean of them, so rounding up errs to the stricter threshold.
    More captures of the probe than were measured: the largest mode. More enrolled than measured: the last row.
    """
    modes = {point.mode for point in points}
    if mode.captures > max(candidate.captures for candidate in modes):
        return max(modes, key=lambda candidate: (candidate.captures, candidate.enrolled))
    within = Mode(min(mode.enrolled, max(candidate.enrolled for candidate in modes)), mode.captures)
    above = [candidate for candidate in modes if within.at_most(candidate)]
    return min(above, key=lambda candidate: (candidate.captures, candidate.enrolled))


def curve(points: Sequence[OperatingPoint], mode: Mode) -> tuple[OperatingPoint, ...]:
    """The measured points that serve `mode`, the largest FMR first.

    Where a row of fewer captures happens to be stricter (a threshold that rests on ten events scatters), that row is
    taken, so that more captures never loosen the threshold.
    """
    return _curve(_Table(points), mode)


@lru_cache(_KEPT)
def _curve(table: _Table, mode: Mode) -> tuple[OperatingPoint, ...]:
    points = table.points
    standing = measured_mode(points, mode)
    best: dict[float, OperatingPoint] = {}
    for point in sorted(points, key=lambda point: point.mode, reverse=True):
        if not point.mode.at_most(standing):
            continue
        if point.fmr not in best or point.stricter_than(best[point.fmr]):
            best[point.fmr] = point
    return tuple(best[fmr] for fmr in sorted(best, reverse=True))


def verification_point(points: Sequence[OperatingPoint], mode: Mode, fmr: float = VERIFICATION_FMR) -> OperatingPoint:
    """The point for one against one: the largest measured FMR that is at most `fmr`.

    Raises ValueError where none was measured that low.
    """
    for point in curve(points, mode):
        if point.fmr <= fmr * _SLACK:
            return point
    raise ValueError("no operating point was measured at so low a false match rate")


def identification_point(
    points: Sequence[OperatingPoint], mode: Mode, gallery_size: int, fpir: float = IDENTIFICATION_FPIR
) -> OperatingPoint:
    """The point for one against `gallery_size` people: FMR at most `fpir` / `gallery_size`.

    Between two measured rows the logarithm of the FMR is taken as linear in the threshold. Never looser than the
    loosest row; raises GalleryTooLarge beyond the strictest, and where fewer than CARRIED impostor events of that very
    mode carry the threshold. `fpir`: false positive identification rate.
    """
    target = fpir / max(gallery_size, 1)
    own = {point.fmr: point.impostor_events for point in points if point.mode == measured_mode(points, mode)}
    measured = [replace(point, impostor_events=own[point.fmr]) for point in curve(points, mode) if point.fmr in own]
    for looser, stricter in itertools.pairwise([measured[0], *measured]):
        if target * _SLACK >= stricter.fmr:
            point = _between(looser, stricter, min(max(target, stricter.fmr), looser.fmr))
            if point.impostor_events is not None and point.impostor_events >= CARRIED:
                return point
            break
    raise GalleryTooLarge("more people are enrolled than the measured false match rates allow to tell apart")


def _between(looser: OperatingPoint, stricter: OperatingPoint, fmr: float) -> OperatingPoint:
    """The point at `fmr` between two rows; its FNMR is the stricter row's, which it cannot exceed."""
    if fmr == stricter.fmr:
        return stricter
    share = math.log(fmr / stricter.fmr) / math.log(looser.fmr / stricter.fmr)
    threshold = stricter.threshold + share * (looser.threshold - stricter.threshold)
    events = None
    if looser.impostor_events and stricter.impostor_events:
        events = int(stricter.impostor_events * (looser.impostor_events / stricter.impostor_events) ** share)
    source = f"{stricter.measured_on}; interpolated between FMR {looser.fmr:g} and {stricter.fmr:g}"
    return OperatingPoint(stricter.mode, fmr, stricter.fnmr, threshold, events, source, stricter.measure)
