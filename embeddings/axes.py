"""Along which directions faces differ most: what the coarse stage of a search looks at.

They come from the published statistics of a crowd, never from the people enrolled, so that nothing of anybody stays
behind in them. A search is exact along any axes; with good ones it is fast.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from embeddings import fused
from embeddings.cohort import Cohort
from embeddings.embed import DLIB_SPEC, ModelSpec

Floats = NDArray[np.float32]
_REACH: Final = 0.3
"""Along one axis faces lie at most about .25 from the crowd's middle; what lies beyond is found, only slower."""
_MOST: Final = 72
_MOST_DLIB: Final = 56
"""Fewer are looked at sooner, more leave fewer templates to compare in full: on LFW 1 in 800 strangers at FMR 1e-4."""


class Axes:
    """`centre` float32 [dimension]; `basis` float32 [axes, dimension], orthonormal, None for every coordinate.

    `reach`: how far from the centre along one axis is told apart finely.
    """

    def __init__(self, centre: Floats, basis: Floats | None, reach: float = _REACH) -> None:
        self.centre = centre
        self.basis = basis
        self.reach = reach
        self.count = centre.size if basis is None else len(basis)

    @classmethod
    def plain(cls, dimension: int) -> "Axes":
        """For vectors of which nothing is known: every coordinate."""
        return cls(np.zeros(dimension, np.float32), None, min(_REACH, 4 / np.sqrt(dimension)))

    @classmethod
    def of_crowd(cls, cohort: Cohort, dimension: int, most: int = _MOST) -> "Axes":
        """Between the groups' means and along the principal axes within a group, of the first `dimension` numbers.

        `most`: how many at most.
        """
        means, directions = cohort.means[:, :dimension], cohort.directions[:, :dimension]
        # What is left of a longer vector is scaled to unit length again.
        length = np.sqrt((means**2).sum(axis=1).mean() + cohort.variances[:dimension].sum())
        spanning = np.vstack((means[1:] - means[0], directions))
        basis = np.linalg.qr(spanning[:most].T)[0].T
        return cls((means.mean(axis=0) / length).astype(np.float32), np.ascontiguousarray(basis, np.float32))


def axes_of(spec: ModelSpec) -> Axes:
    """The axes for the vectors of a model: of the published crowd where its vectors are known there."""
    if spec.model_id == fused.MODEL_ID:
        return Axes.of_crowd(Cohort.load(fused.COHORT), spec.dimension)
    if spec.model_id == DLIB_SPEC.model_id:  # the first part of a fused vector
        return Axes.of_crowd(Cohort.load(fused.COHORT), spec.dimension, _MOST_DLIB)
    return Axes.plain(spec.dimension)
