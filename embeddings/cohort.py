"""How alike a vector is to the crowd: people of nobody, described by a few published statistics.

A face that resembles many strangers needs to resemble its own template more. The crowd is a mixture of groups of
equal weight, each a Gaussian with its own mean and the covariance common to all groups. Of the cosines between a
vector and one group only their mean and their deviation are needed, so nobody is drawn, stored or sampled: what drawing
without end would give is computed at once.
"""

import io
from collections.abc import Callable
from importlib import resources
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from embeddings.protection import Transform

TAIL: Final = 2.5
"""The crowd stands this many standard deviations above a group's mean: 2 to 3 serve alike (docs/accuracy.md)."""
SHRINKAGE: Final = 0.1
"""How much of the covariance between two numbers is taken to be chance."""
DIRECTIONS: Final = 64
"""How many principal axes of the covariance are kept; the rest of the variance is kept number by number."""
SMALLEST_GROUP: Final = 20
"""People a group must have before its mean may be published."""
_CHUNK: Final = 4096

Vectors = NDArray[np.float32] | NDArray[np.float64]


class Crowd(Protocol):
    """What a score asks of a cohort, raw or turned."""

    def crowd(self, vectors: Vectors) -> NDArray[np.float64]: ...

    def turned(self, transform: Transform) -> "Crowd": ...


class Cohort:
    """Groups of synthetic people.

    `means` [groups, dimension]; `directions` [rank, dimension], principal axes within a group, each as long as its
    deviation; `variances` [dimension], within a group. Raises ValueError where the shapes do not fit.
    """

    def __init__(self, means: Vectors, directions: Vectors, variances: Vectors) -> None:
        dimension = variances.size
        if means.ndim != 2 or directions.ndim != 2 or {means.shape[1], directions.shape[1]} != {dimension}:
            raise ValueError("means, directions and variances of a cohort have one dimension in common")
        self.means = means.astype(np.float64)
        self.directions = directions.astype(np.float64)
        self.variances = variances.astype(np.float64)
        kept = (1 - SHRINKAGE) * self.directions**2
        self._rest = np.maximum(self.variances - kept.sum(axis=0), 0.0)
        # People of the crowd are scaled to unit length; their lengths hardly differ within a group.
        lengths = np.sqrt((self.means**2).sum(axis=1) + self.variances.sum())
        self._centres = (self.means / lengths[:, None]).T
        self._lengths = lengths

    @classmethod
    def load(cls, name: str) -> "Cohort":
        """The statistics `name` that come with the project."""
        return cls.from_bytes(resources.files("embeddings").joinpath("models", f"{name}.npz").read_bytes())

    @classmethod
    def from_bytes(cls, content: bytes) -> "Cohort":
        with np.load(io.BytesIO(content), allow_pickle=False) as parts:
            return cls(parts["means"], parts["directions"], parts["variances"])

    @classmethod
    def fit(cls, vectors: Vectors, groups: NDArray[np.int_], smallest: int = SMALLEST_GROUP) -> "Cohort":
        """The statistics of real vectors [n, dimension], one a person, and the group of each.

        Raises ValueError where a group has fewer than `smallest` people: a mean of few shows who they are.
        """
        names, sizes = np.unique(groups, return_counts=True)
        if names.size == 0 or sizes.min() < smallest:
            raise ValueError(f"each group of a cohort needs at least {smallest} people")
        values = vectors.astype(np.float64)
        means = np.stack([values[groups == name].mean(axis=0) for name in names])
        apart = values - means[np.searchsorted(names, groups)]
        apart /= np.sqrt(max(1, len(values) - names.size))
        _, lengths, axes = np.linalg.svd(apart, full_matrices=False)
        signs = np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])  # else up to the machine
        directions = (axes * (lengths * signs)[:, None])[:DIRECTIONS]
        return cls(means, directions, (apart**2).sum(axis=0))

    def to_bytes(self) -> bytes:
        """The file that `from_bytes` reads, float16."""
        parts = {"means": self.means, "directions": self.directions, "variances": self.variances}
        file = io.BytesIO()
        np.savez_compressed(file, **{name: part.astype(np.float16) for name, part in parts.items()})  # type: ignore[arg-type]
        return file.getvalue()

    def crowd(self, vectors: Vectors) -> NDArray[np.float64]:
        """For each unit vector [n, dimension] the cosine to its hardest group, TAIL deviations above the mean: [n]."""
        return _in_chunks(self._crowd, vectors)

    def turned(self, transform: Transform) -> "TurnedCohort":
        """The same crowd for vectors under a secret transform. Raises ValueError for one of another dimension."""
        return TurnedCohort(self._centres, self.directions, self._lengths, self._rest, transform)

    def _crowd(self, vectors: Vectors) -> NDArray[np.float64]:
        values = vectors.astype(np.float64)
        along = values @ self.directions.T
        return _hardest(values @ self._centres, along, values**2 @ self._rest, self._lengths)


class TurnedCohort:
    """The crowd as vectors under a secret transform see it: the same answers, and no raw vector on the way.

    What was kept number by number becomes a quadratic form, so a vector costs about as much as turning it again.
    """

    def __init__(
        self, centres: Vectors, directions: Vectors, lengths: Vectors, rest: Vectors, transform: Transform
    ) -> None:
        """Of a cohort's: `centres` [dimension, groups], `directions` [rank, dimension], `lengths` [groups], `rest`
        [dimension]."""
        self._centres = transform.apply(centres.T).T
        self._directions = transform.apply(directions)
        self._lengths = lengths
        self._forms = transform.form(rest)
        self._split = transform.split

    def crowd(self, vectors: Vectors) -> NDArray[np.float64]:
        """As the raw cohort's, of protected vectors [n, dimension]."""
        return _in_chunks(self._crowd, vectors)

    def turned(self, transform: Transform) -> "TurnedCohort":  # noqa: ARG002
        """Raises ValueError: it is the raw cohort that is turned."""
        raise ValueError("this cohort is turned already")

    def _crowd(self, vectors: Vectors) -> NDArray[np.float64]:
        values = vectors.astype(np.float32, copy=False)
        parts = zip(self._split(values), self._forms, strict=True)
        rest = sum(((part @ form * part).sum(axis=1, dtype=np.float64) for part, form in parts), np.zeros(len(values)))
        wide = values.astype(np.float64)
        return _hardest(wide @ self._centres, wide @ self._directions.T, np.maximum(rest, 0.0), self._lengths)


def _hardest(
    means: NDArray[np.float64], along: NDArray[np.float64], rest: NDArray[np.float64], lengths: Vectors
) -> NDArray[np.float64]:
    deviation = np.sqrt((1 - SHRINKAGE) * (along**2).sum(axis=1) + rest)
    highest: NDArray[np.float64] = (means + TAIL * deviation[:, None] / lengths).max(axis=1)
    return highest


def _in_chunks(crowd: Callable[[Vectors], NDArray[np.float64]], vectors: Vectors) -> NDArray[np.float64]:
    answers = [crowd(vectors[start : start + _CHUNK]) for start in range(0, len(vectors), _CHUNK)]
    return np.concatenate(answers) if answers else np.zeros(0)
