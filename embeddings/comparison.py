"""What two vectors are compared by: their bare distance, or a score that allows for how common a face is."""

from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from embeddings.cohort import Crowd, Vectors
from embeddings.operating import Measure
from embeddings.protection import Transform

Numbers = NDArray[np.float64]


class Comparison(Protocol):
    """May be shared between threads."""

    @property
    def measure(self) -> Measure: ...

    def own(self, vectors: Vectors) -> Numbers:
        """The number that goes with each unit vector [n, dimension], whatever it is compared with: [n]."""
        ...

    def values(self, distances: Numbers, probe: float, templates: Numbers) -> Numbers:
        """What operating points judge, [n]: of Euclidean distances [n], the probe's own number and the templates' [n].

        For one probe the best value always has the least `distance ** 2 / 2 + template`: its cost.
        """
        ...

    def turned(self, transform: Transform) -> "Comparison":
        """What gives the same values for vectors under that transform as this for raw ones."""
        ...

    def cost(self, value: float, probe: float) -> float:
        """The cost that gives this value: whoever costs more is less alike."""
        ...


class ByDistance:
    """Euclidean between unit vectors, smaller is more alike; a vector has no number of its own."""

    measure: Final = Measure.DISTANCE

    def own(self, vectors: Vectors) -> Numbers:
        return np.zeros(len(vectors))

    def values(self, distances: Numbers, probe: float, templates: Numbers) -> Numbers:  # noqa: ARG002
        return distances

    def turned(self, transform: Transform) -> "ByDistance":  # noqa: ARG002 - it keeps distances
        return self

    def cost(self, value: float, probe: float) -> float:  # noqa: ARG002
        return value**2 / 2


class ByScore:
    """The cosine minus the mean of the two vectors' likeness to the crowd, larger is more alike.

    Of the normalisations that were compared this one has the smallest differences between groups of people.
    """

    measure: Final = Measure.SCORE

    def __init__(self, cohort: Crowd) -> None:
        self._cohort = cohort

    def own(self, vectors: Vectors) -> Numbers:
        halves: Numbers = self._cohort.crowd(vectors) / 2
        return halves

    def values(self, distances: Numbers, probe: float, templates: Numbers) -> Numbers:
        scores: Numbers = 1 - distances**2 / 2 - probe - templates
        return scores

    def turned(self, transform: Transform) -> "ByScore":
        return ByScore(self._cohort.turned(transform))

    def cost(self, value: float, probe: float) -> float:
        return 1 - value - probe
