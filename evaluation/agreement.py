"""How well somebody's own captures agree: each one logs in against the template of the others."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from embeddings.captures import average
from embeddings.comparison import Comparison
from embeddings.operating import Mode
from embeddings.types import FaceVector
from evaluation.confusions import PointOf, captures_of


@dataclass(frozen=True, slots=True)
class Agreement:
    """`values`: distances or scores, one a capture, none for somebody with a single capture; `worst` of them.

    `accepted`: of how many a login would succeed; `expected` and `variance`: the same by the points' FNMR.
    """

    values: tuple[float, ...] = field(default=(), repr=False)
    worst: float | None = field(default=None, repr=False)
    accepted: int = 0
    expected: float = 0.0
    variance: float = 0.0

    @property
    def mean(self) -> float | None:
        return float(np.mean(self.values)) if self.values else None


def agreement(
    vectors: Sequence[FaceVector], groups: Sequence[int], comparison: Comparison, point_of: PointOf
) -> Agreement:
    """`groups`: the capture number of each vector. Raises ValueError for vectors of two models."""
    captures = captures_of(vectors, groups)
    if len(captures) < 2:
        return Agreement()
    point = point_of(Mode(len(captures) - 1, 1))
    values = []
    for place, probe in enumerate(captures):
        others = captures[:place] + captures[place + 1 :]
        values.append(_value(comparison, probe, average(others, range(len(others))).vector))
    rooms = [point.room(value) for value in values]
    count, missed = len(values), point.fnmr
    worst = values[int(np.argmin(rooms))]
    accepted = sum(room >= 0 for room in rooms)
    return Agreement(tuple(values), worst, accepted, count * (1 - missed), count * missed * (1 - missed))


def _value(comparison: Comparison, probe: FaceVector, template: FaceVector) -> float:
    own = comparison.own(np.stack((probe.values, template.values)))
    distance = np.array([probe.distance(template)])
    return float(comparison.values(distance, float(own[0]), own[1:])[0])
