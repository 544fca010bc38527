"""The fused embedder: dlib's vector and the embedding of a second, unrelated net, side by side.

The two make different mistakes: at FMR 1e-4 on LFW, one photo against one, the false non-match rate falls from .19 to
.12, and to .07 with the cohort. A vector has 1,152 numbers; every projection onto fewer that was tried cost accuracy.
"""

from typing import Final, Literal

import numpy as np

from embeddings import faceres
from embeddings.cohort import Cohort
from embeddings.comparison import ByScore
from embeddings.embed import DLIB_SPEC, Backend, DlibEmbedder, FaceEmbedder, ModelSpec, embedder_for
from embeddings.faceres import FaceresNet
from embeddings.fused_points import FUSED_POINTS
from embeddings.onnx import Runtime
from embeddings.types import Face, FaceVector, Pixels

EmbedderName = Literal["fused"] | Backend
MODEL_ID: Final = "dlib-resnet-v1.five-points.mirror+faceres.15"
WEIGHT: Final = 0.15
"""The second net's share of a squared distance; .1 and .2 serve about as well."""
VIEWS: Final = (DLIB_SPEC.dimension, faceres.DIMENSION)
DIMENSION: Final = sum(VIEWS)
COHORT: Final = "fused_cohort"


class FusedEmbedder:
    """Each net sees the face in a frame of its own."""

    def __init__(self, runtime: Runtime) -> None:
        """Raises WeightsUnusable, BrokenModel."""
        self._first = DlibEmbedder(runtime)
        self._second = FaceresNet(runtime)
        self.spec: Final = ModelSpec(MODEL_ID, DIMENSION, FUSED_POINTS, ByScore(Cohort.load(COHORT)), VIEWS)

    def vector(self, pixels: Pixels, face: Face, chip: Pixels) -> FaceVector:
        """Of the face in the picture and its chip. Raises ValueError for a chip of another shape."""
        first = self._first.vector(pixels, face, chip).values.astype(np.float64)
        second = self._second.embed(faceres.crop(pixels, face))
        joined = np.concatenate((np.sqrt(1 - WEIGHT) * first, np.sqrt(WEIGHT) * second))
        return FaceVector(joined.astype(np.float32), MODEL_ID)


def face_embedder(name: EmbedderName, runtime: Runtime) -> FaceEmbedder:
    """The embedder of that name."""
    return FusedEmbedder(runtime) if name == "fused" else embedder_for(name, runtime)
