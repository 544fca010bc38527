"""The fused embedder: dlib's vector and the embedding of a second, unrelated net, side by side.

The two make different mistakes: at FMR 1e-4 on LFW, one photo against one, the false non-match rate falls from .19 to
.12, and to .07 with the cohort. A vector has 1,152 numbers; every projection onto fewer that was tried cost accuracy.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from embeddings import faceres
from embeddings.cohort import Cohort
from embeddings.comparison import ByScore
from embeddings.embed import DLIB_SPEC, DlibEmbedder, ModelSpec
from embeddings.faceres import FaceresNet
from embeddings.fused_points import FUSED_POINTS
from embeddings.onnx import Runtime
from embeddings.side_by_side import SideBySide
from embeddings.types import Face, FaceVector, Pixels

MODEL_ID: Final = "dlib-resnet-v1.five-points.mirror+faceres.15"
WEIGHT: Final = 0.15
"""The second net's share of a squared distance; .1 and .2 serve about as well."""
VIEWS: Final = (DLIB_SPEC.dimension, faceres.DIMENSION)
DIMENSION: Final = sum(VIEWS)
COHORT: Final = "fused_cohort"
SAME_CAPTURE_DISTANCE: Final = 0.24
"""Frames of four clips lie up to .237 apart."""


class FusedEmbedder:
    """Each net sees the face in a frame of its own."""

    def __init__(self, runtime: Runtime) -> None:
        """Raises WeightsUnusable, BrokenModel."""
        self._first = DlibEmbedder(runtime)
        self._second = FaceresNet(runtime)
        self._cores = runtime.cores
        self.spec: Final = spec()

    def vector(self, pixels: Pixels, face: Face, chip: Pixels) -> FaceVector:
        """Of the face in the picture and its chip. Raises ValueError for a chip of another shape."""
        with SideBySide(self._cores) as steps:
            return self.begin(steps, pixels, face)(chip)

    def begin(self, steps: SideBySide, pixels: Pixels, face: Face) -> Callable[[Pixels], FaceVector]:
        return partial(self._joined, steps.begin(self._second.of_face, pixels, face))

    def _joined(self, second: Callable[[], NDArray[np.float64]], chip: Pixels) -> FaceVector:
        (dlibs,) = self._first.embed([chip])  # on one core: another one is of more use to the second net
        first = dlibs.values.astype(np.float64)
        joined = np.concatenate((np.sqrt(1 - WEIGHT) * first, np.sqrt(WEIGHT) * second()))
        return FaceVector(joined.astype(np.float32), MODEL_ID)


def spec() -> ModelSpec:
    """What goes with its vectors, without the nets."""
    return ModelSpec(
        MODEL_ID, DIMENSION, FUSED_POINTS, ByScore(Cohort.load(COHORT)), SAME_CAPTURE_DISTANCE, views=VIEWS
    )
