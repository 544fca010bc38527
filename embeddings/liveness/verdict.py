"""What a challenge came to: every check with its outcome, and the frames a login goes on with."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from embeddings.liveness.observation import Look
from embeddings.liveness.solid import Parallax

FLAT: Final = 0.85
"""`Parallax.ratio` below which a turning head is flat: live heads .98 and more, flat cards at most .75."""
BENT: Final = 0.95  # the median of a challenge's turns; live heads 1.04 and more
RIGID: Final = 2.0
"""The median above which a head moves more exactly by its depth than a head does: a picture that was given one. Weak: a
better drawn face escapes."""
LEAST_BULGE: Final = 0.018
DECIDED_TURNS: Final = 2
SOFT: Final = 0.03
"""Median `Look.sharpness` at rest below which a picture is too soft to tell: live .047 and more, screens up to .027."""
DARK: Final = 25.0
BRIGHT: Final = 225.0
LEAST_RESTS: Final = 8  # frames at rest
LEAST_VECTORS: Final = 2
LOGIN_FRAMES: Final = 3


class Outcome(StrEnum):
    """undecided: ask again; it never counts as passed."""

    PASSED = "passed"
    UNDECIDED = "undecided"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Check:
    """`score`: for whoever runs the service, never for the caller; None where nothing was measured. `reason`: None
    where passed."""

    name: str
    outcome: Outcome
    reason: str | None = None
    score: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """`frames`: the most frontal sharp ones, each with its vector, best first; empty unless passed."""

    outcome: Outcome
    checks: tuple[Check, ...]
    frames: tuple[Look, ...] = ()

    @property
    def reasons(self) -> tuple[str, ...]:
        """What failed, or else what could not be decided."""
        return tuple(each.reason for each in self.checks if each.outcome is self.outcome and each.reason is not None)


def passed(name: str, score: float | None = None) -> Check:
    return Check(name, Outcome.PASSED, None, score)


def failed(name: str, reason: str, score: float | None = None) -> Check:
    return Check(name, Outcome.FAILED, reason, score)


def undecided(name: str, reason: str, score: float | None = None) -> Check:
    return Check(name, Outcome.UNDECIDED, reason, score)


def fused(checks: list[Check]) -> Outcome:
    """All must hold: none stands in for another."""
    outcomes = {each.outcome for each in checks}
    if Outcome.FAILED in outcomes:
        return Outcome.FAILED
    return Outcome.PASSED if outcomes == {Outcome.PASSED} else Outcome.UNDECIDED


def solid_head(turns: list[list[Parallax]]) -> Check:
    """From what the corners said at the start of each turn."""
    ratios = [float(np.median([each.ratio for each in turn])) for turn in turns if turn]
    bulges = [float(np.median([each.bulge for each in turn])) for turn in turns if turn]
    if not ratios:
        return undecided("solid_head", "head_not_measured")
    middle = float(np.median(ratios))
    if min(ratios) < FLAT or middle < BENT or min(bulges) < LEAST_BULGE:
        return failed("solid_head", "head_looks_flat", middle)
    if middle > RIGID:
        return failed("solid_head", "head_looks_drawn", middle)
    if len(ratios) < DECIDED_TURNS:
        return undecided("solid_head", "head_not_measured", middle)
    return passed("solid_head", middle)


def one_person(looks: list[Look], limit: float) -> Check:
    """The same person at every rest: no vector farther than `limit` (Euclidean) from the mean of the others."""
    values = np.array([each.vector.values for each in looks if each.vector is not None], np.float64)
    if len(values) < LEAST_VECTORS:
        return undecided("one_person", "face_not_recognised")
    others = values.sum(axis=0) - values
    others /= np.maximum(np.linalg.norm(others, axis=1, keepdims=True), 1e-9)
    farthest = float(np.linalg.norm(values - others, axis=1).max())
    return passed("one_person", farthest) if farthest <= limit else failed("one_person", "another_person", farthest)


def picture_quality(rests: list[Look]) -> Check:
    """Sharp and lit well enough at rest for the other checks to mean something."""
    if len(rests) < LEAST_RESTS:
        return undecided("picture_quality", "too_few_frames")
    sharp = float(np.median([each.sharpness for each in rests]))
    bright = float(np.median([each.brightness for each in rests]))
    if sharp < SOFT:
        return undecided("picture_quality", "too_soft", sharp)
    if not DARK <= bright <= BRIGHT:
        return undecided("picture_quality", "too_dark" if bright < DARK else "too_bright", bright)
    return passed("picture_quality", sharp)


def passive(rests: list[Look], threshold: float) -> Check:
    """The passive detector's median over the frames that it saw."""
    scores = [each.pad for each in rests if each.pad is not None]
    if len(scores) < LEAST_VECTORS:
        return undecided("passive", "face_not_recognised")
    score = float(np.median(scores))
    return passed("passive", score) if score >= threshold else failed("passive", "looks_presented", score)


def best_frames(rests: list[Look], neutral: tuple[float, float]) -> tuple[Look, ...]:
    """Those with a vector that look straight at rest and are sharp, at most LOGIN_FRAMES."""
    usable = [each for each in rests if each.vector is not None]
    sharpest = max((each.sharpness for each in usable), default=1.0)

    def cost(look: Look) -> float:
        away = float(np.hypot(look.pose.yaw - neutral[0], look.pose.pitch - neutral[1]))
        return away / 10 - look.sharpness / max(sharpest, 1e-9)

    return tuple(sorted(usable, key=cost)[:LOGIN_FRAMES])
