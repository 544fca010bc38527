"""Are two vectors of one person, at an error rate: for proofs and measurements, never for a login."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from embeddings.embed import ModelSpec
from embeddings.matching import AMBIGUITY_MARGINS
from embeddings.operating import Mode, OperatingPoint, of_measure, verification_point
from embeddings.types import FaceVector


class Likeness:
    """One photo against one, of the model of `spec`, at a false match rate of at most `fmr`. Holds no vector.

    Raises ValueError where no operating point was measured that low.
    """

    def __init__(self, spec: ModelSpec, fmr: float) -> None:
        self._comparison = spec.comparison
        points = of_measure(spec.operating_points, spec.comparison.measure)
        self.point: OperatingPoint = verification_point(points, Mode(1, 1), fmr)

    def values(self, one: FaceVector, others: Sequence[FaceVector]) -> NDArray[np.float64]:
        """The distances or scores that the operating point judges, [n]. Raises ValueError for vectors of two models."""
        if any(one.model_id != other.model_id for other in others):
            raise ValueError("vectors of two models cannot be compared")
        rows = np.stack([other.values for other in others])
        distances = np.linalg.norm(rows.astype(np.float64) - one.values.astype(np.float64), axis=1)
        own = float(self._comparison.own(one.values[None])[0])
        return self._comparison.values(distances, own, self._comparison.own(rows))

    def same(self, one: FaceVector, other: FaceVector) -> bool:
        """Whether they pass for one person."""
        return self.point.room(float(self.values(one, [other])[0])) >= 0

    def nearer(self, one: FaceVector, other: FaceVector, *, than: FaceVector) -> bool:
        """Whether `other` is more like `one` than a third is, by more than the ambiguity margin of the measure."""
        rooms = [self.point.room(float(value)) for value in self.values(one, [other, than])]
        return rooms[0] - rooms[1] > AMBIGUITY_MARGINS[self.point.measure]
