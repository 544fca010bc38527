"""Operating points for the card of a net of the operator's own, measured on a folder of people."""

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from embeddings import model_card
from embeddings.card_rows import LEAST_FMR, LEAST_MODE, Row
from embeddings.comparison import ByDistance
from embeddings.embed import ModelSpec
from embeddings.operating import Mode, OperatingPoint
from evaluation.calibration import calibrate
from evaluation.faces import Faces
from evaluation.trials import trials

FEW_EVENTS: Final = 10
"""A threshold that rests on fewer impostor events scatters by a third and more."""
SAME_CAPTURE_SHARE: Final = 0.01
"""Photos of different days of one person hardly lie nearer than their nearest hundredth."""


class TooFewPeople(ValueError):
    """The folder cannot carry the operating points of a card."""


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What was written: the spec with its points, how many of them rest on fewer than FEW_EVENTS impostor events."""

    spec: ModelSpec
    few_events: int


def calibrate_card(card: Path, faces: Faces, spec: ModelSpec, when: datetime, seconds: float) -> Calibrated:
    """Measures the points by distance and writes them into the card, with what they rest on.

    `seconds`: what making the vectors took, written down. A `same_capture_distance` that the card has stays. Raises
    CardRefused, and TooFewPeople where FMR 1e-3 of one photo against one rests on fewer than FEW_EVENTS impostor
    events or a mode that a card needs could not be measured.
    """
    held = model_card.read(card)
    people = len(set(faces.people))
    measured_on = f"{len(faces.people)} pictures of {people} people, {when:%Y-%m-%d}, {seconds:.0f} s"
    try:
        points = even(calibrate(faces, ByDistance(), measured_on))
    except ValueError:
        points = ()
    _enough(points)
    near = held.same_capture_distance or round(_nearest(faces), 3)
    write_points(card, points, near, spec.model_id)
    few = sum(point.impostor_events is not None and point.impostor_events < FEW_EVENTS for point in points)
    return Calibrated(replace(spec, operating_points=points, same_capture_distance=near), few)


def write_points(path: Path, points: Iterable[OperatingPoint], same_capture_distance: float, model_id: str) -> None:
    """Puts points by distance into a card's file, whose other fields stay as they are; whole or not at all.

    Raises CardRefused where the card would not be taken with them.
    """
    metric = model_card.read(path).metric
    content: dict[str, Any] = json.loads(path.read_bytes())
    content |= {
        "same_capture_distance": same_capture_distance,
        "operating_points": [Row.of(point, metric).model_dump(mode="json") for point in points],
        "measured_for": model_id,
    }
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    model_card.parse(text, path.name)
    fresh = path.with_name(path.name + ".new")
    with fresh.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def even(points: Sequence[OperatingPoint]) -> tuple[OperatingPoint, ...]:
    """Those of all modes up to one, at the rates that LEAST_MODE was measured at; as many modes as can be.

    A mode that is missing, or has no row for a rate, would be judged by a mode of fewer captures: too mildly.
    """
    rates = {point.fmr for point in points if point.mode == LEAST_MODE}
    measured = {mode: {each.fmr for each in points if each.mode == mode} for mode in {each.mode for each in points}}
    whole = {mode for mode, its in measured.items() if rates and rates <= its}
    enrolled, captures = {mode.enrolled for mode in measured}, {mode.captures for mode in measured}

    def corner(mode: Mode) -> bool:
        within = (Mode(one, other) for one in enrolled for other in captures)
        return LEAST_MODE.at_most(mode) and all(each in whole for each in within if each.at_most(mode))

    corners = [mode for mode in whole if corner(mode)]
    if not corners:
        return ()
    largest = max(corners, key=lambda mode: (mode.enrolled * mode.captures, mode.enrolled))
    return tuple(point for point in points if point.mode.at_most(largest) and point.fmr in rates)


def _enough(points: Sequence[OperatingPoint]) -> None:
    single = [point for point in points if point.mode == Mode(1, 1) and point.fmr == LEAST_FMR]
    if not single or (single[0].impostor_events or 0) < FEW_EVENTS:
        raise TooFewPeople(
            "too few people or pictures: about 80 with six pictures each, of different days, are the least"
        )


def _nearest(faces: Faces) -> float:
    """The distance that a hundredth of one person's pairs of pictures stays below."""
    return float(np.quantile(-trials(faces, Mode(1, 1), ByDistance()).genuine, SAME_CAPTURE_SHARE))
