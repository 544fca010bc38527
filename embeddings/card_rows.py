"""The operating points in the card of an embedder: rows of thresholds in the card's own metric, read strictly.

"euclidean" thresholds are distances between unit vectors, "cosine" thresholds are cosines; d ** 2 = 2 - 2 cos.
"""

import itertools
import math
from collections.abc import Sequence
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from embeddings.operating import Measure, Mode, OperatingPoint

Metric = Literal["cosine", "euclidean"]
Rate = Annotated[float, Field(gt=0, lt=1)]
LEAST_MODE: Final = Mode(3, 2)
"""A table must reach this far: strangers come closer to the mean of several captures, so with rows of one photo alone
several would be judged far too mildly."""
LEAST_FMR: Final = 1e-3
"""A row at this FMR or below is needed: the pictures of one enrolment are held against each other there."""
STEP: Final = 1e5
"""Thresholds are rounded to a hundred-thousandth."""


class Strict(BaseModel):
    """Of exactly these fields and types; a message never holds a value."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True)


class Row(Strict):
    """One operating point. `threshold`: in the card's metric; `impostor_events`: the false matches it rests on."""

    enrolled: int = Field(ge=1)
    captures: int = Field(ge=1)
    fmr: Rate
    fnmr: float = Field(ge=0, le=1)
    threshold: float = Field(ge=-1, le=2)
    impostor_events: int | None = Field(ge=1)
    measured_on: str = Field(min_length=1)

    @classmethod
    def of(cls, point: OperatingPoint, metric: Metric) -> Self:
        """A point by distance; its threshold is rounded to the strict side."""
        if metric == "cosine":
            threshold = math.ceil((1 - point.threshold**2 / 2) * STEP) / STEP
        else:
            threshold = math.floor(point.threshold * STEP) / STEP
        return cls(
            enrolled=point.mode.enrolled,
            captures=point.mode.captures,
            fmr=point.fmr,
            fnmr=round(point.fnmr, 4),
            threshold=threshold,
            impostor_events=point.impostor_events,
            measured_on=point.measured_on,
        )

    def point(self, metric: Metric) -> OperatingPoint:
        """By Euclidean distance."""
        return OperatingPoint(
            Mode(self.enrolled, self.captures),
            self.fmr,
            self.fnmr,
            as_distance(self.threshold) if metric == "cosine" else self.threshold,
            self.impostor_events,
            self.measured_on,
            Measure.DISTANCE,
        )


def as_distance(cosine: float) -> float:
    """Of unit vectors."""
    return math.sqrt(max(0.0, 2 - 2 * cosine))


def check(rows: Sequence[Row], metric: Metric) -> None:
    """Raises ValueError where the rows contradict each other or leave a mode that is needed without a threshold."""
    cosine = metric == "cosine"
    if not rows:
        return
    modes: dict[Mode, list[Row]] = {}
    for each in rows:
        modes.setdefault(Mode(each.enrolled, each.captures), []).append(each)
    if not cosine and any(each.threshold <= 0 for each in rows):
        raise ValueError("operating_points: a Euclidean threshold is above 0")
    if cosine and any(each.threshold >= 1 for each in rows):
        raise ValueError("operating_points: a cosine threshold is below 1")
    largest = Mode(max(mode.enrolled for mode in modes), max(mode.captures for mode in modes))
    if not LEAST_MODE.at_most(largest) or not {Mode(1, 1), largest} <= modes.keys():
        raise ValueError(
            "operating_points: hold rows for 1 enrolled and 1 capture and go up to at least 3 enrolled and 2 captures,"
            " the most of both together"
        )
    rates = [{each.fmr for each in its} for its in modes.values()]
    if any(each != rates[0] for each in rates) or min(rates[0]) > LEAST_FMR * (1 + 1e-9):
        raise ValueError(
            f"operating_points: each mode has a row for the same fmr, of which one is {LEAST_FMR:g} or below"
        )
    for mode, its in modes.items():
        _check_mode(mode, sorted(its, key=lambda each: each.fmr, reverse=True), cosine=cosine)


def _check_mode(mode: Mode, rows: Sequence[Row], *, cosine: bool) -> None:
    where = f"operating_points: with {mode.enrolled} enrolled and {mode.captures} captures"
    for looser, stricter in itertools.pairwise(rows):
        room = looser.threshold - stricter.threshold
        if looser.fmr == stricter.fmr or (-room if cosine else room) < 0 or stricter.fnmr < looser.fnmr:
            raise ValueError(
                f"{where} each fmr stands once, and a smaller one has no looser threshold and no smaller fnmr"
            )
