"""Are two vectors of one person, at an error rate: for proofs and measurements, never for a login."""

import numpy as np

from embeddings.embed import ModelSpec
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

    def value(self, one: FaceVector, other: FaceVector) -> float:
        """The distance or score that the operating point judges. Raises ValueError for vectors of two models."""
        distance = one.distance(other)
        own = self._comparison.own(np.stack((one.values, other.values)))
        return float(self._comparison.values(np.array([distance]), float(own[0]), own[1:])[0])

    def same(self, one: FaceVector, other: FaceVector) -> bool:
        """Whether they pass for one person."""
        return self.point.room(self.value(one, other)) >= 0
