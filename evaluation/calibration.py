"""Operating points from a folder of people: which threshold gives which false match rate, mode by mode."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from embeddings.comparison import Comparison
from embeddings.operating import Mode, OperatingPoint
from evaluation.faces import Faces
from evaluation.statistics import accepted
from evaluation.strangers import strangers
from evaluation.trials import templates_and_probes, turned

MODES: Final = tuple(Mode(enrolled, captures) for enrolled in (1, 2, 3, 5) for captures in (1, 2, 3))
RATES: Final = (1e-2, 1e-3, 1e-4, 1e-5)
STEP: Final = 1e4
"""Thresholds are rounded to a ten-thousandth, to the strict side."""


def calibrate(
    faces: Faces,
    comparison: Comparison,
    measured_on: str,
    modes: Sequence[Mode] = MODES,
    rates: Sequence[float] = RATES,
) -> tuple[OperatingPoint, ...]:
    """The points of one measure, mode by mode, the largest FMR first: a mode that nobody has pictures enough for has
    no rows, a rate that no impostor event carries has none in that mode. Thresholds keep their rates when other people
    come, as far as these people can tell (`Strangers.bound`); events are pairs of people.

    `faces.vectors` float32 [n, dimension] of unit length, with the person of each. `measured_on`: the provenance,
    kept in each point. Raises ValueError where not one point could be measured.
    """
    points = tuple(point for mode in modes for point in _of_mode(faces, mode, comparison, measured_on, rates))
    if not points:
        raise ValueError("too few people or pictures for any operating point")
    return points


def _of_mode(
    faces: Faces, mode: Mode, comparison: Comparison, measured_on: str, rates: Sequence[float]
) -> list[OperatingPoint]:
    try:
        genuine = templates_and_probes(faces, mode, comparison).genuine
        impostors = strangers(faces, mode, comparison, max(rates))
    except ValueError:
        return []
    rows = []
    for fmr in rates:
        try:
            limit, pairs = impostors.bound(fmr), impostors.limit(fmr)[1]
        except ValueError:
            break
        strict = float(np.ceil(limit * STEP) / STEP)
        threshold, fnmr = turned(strict, comparison.measure), 1 - accepted(genuine, strict)
        rows.append(OperatingPoint(mode, fmr, fnmr, threshold, pairs, measured_on, comparison.measure))
    return rows
