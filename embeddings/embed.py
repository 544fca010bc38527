"""From chips to vectors: dlib's net on onnxruntime, or on dlib's own code as the reference.

A vector is that of the chip plus that of its mirror image, scaled to unit length: on LFW that alone lowers the false
non-match rate at FMR 1e-4 from .225 to .187. Both backends give the same vector to 1e-5, hence the same model_id.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, Literal, Protocol

import dlib
import numpy as np
from numpy.typing import NDArray

from embeddings import dlib_net, weights
from embeddings.align import CHIP_SIDE
from embeddings.captures import SAME_CAPTURE_DISTANCE
from embeddings.comparison import ByDistance, Comparison
from embeddings.dlib_points import DLIB_POINTS
from embeddings.onnx import Runtime
from embeddings.operating import OperatingPoint
from embeddings.protection import Transform
from embeddings.side_by_side import SideBySide, run_pair
from embeddings.types import Face, FaceVector, Pixels

Backend = Literal["onnx", "dlib"]


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """What goes with the vectors of one model: their name, their length, the thresholds measured for them, for each
    measure a table, and what they are compared by.

    `same_capture_distance`: vectors nearer than this are of one moment. `licence`: of weights that are not ours, to be
    told at the start.
    """

    model_id: str
    dimension: int
    operating_points: tuple[OperatingPoint, ...] = field(repr=False)
    comparison: Comparison = field(default_factory=ByDistance, repr=False, compare=False)
    same_capture_distance: float = SAME_CAPTURE_DISTANCE
    licence: str = ""
    views: tuple[int, ...] = ()
    """The lengths of the views that lie side by side in a vector; empty where there is one."""
    under: Transform | None = field(default=None, repr=False, compare=False)
    """The transform that the vectors are turned by; None for raw ones."""

    def transform(self, secret: bytes) -> Transform:
        """The transform of these vectors that 32 secret bytes give: each view by its own block."""
        return Transform.derive(secret, self.views or (self.dimension,))

    def turned(self, transform: Transform) -> "ModelSpec":
        """The same for vectors under a transform: no value that an operating point judges changes. Raises ValueError
        where they are turned already."""
        if self.under is not None:
            raise ValueError("these vectors are turned already")
        return replace(self, comparison=self.comparison.turned(transform), under=transform)

    def by_distance(self) -> "ModelSpec":
        """The same, compared by bare distance."""
        return replace(self, comparison=ByDistance())


# The name covers everything that a vector depends on: net, alignment and the averaging with the mirror image.
DLIB_SPEC: Final = ModelSpec("dlib-resnet-v1.five-points.mirror", 128, DLIB_POINTS)


class FaceEmbedder(Protocol):
    """Makes the vector of a face. May be shared between threads."""

    @property
    def spec(self) -> ModelSpec: ...

    def vector(self, pixels: Pixels, face: Face, chip: Pixels) -> FaceVector:
        """Of the face in the picture and its chip (uint8 [150, 150, 3]). Raises ValueError for another shape."""
        ...

    def begin(self, steps: SideBySide, pixels: Pixels, face: Face) -> Callable[[Pixels], FaceVector]:
        """`vector` for a chip that is still to come; what can do without may be under way until then."""
        ...


class AllAtOnce:
    """Of embedders that have nothing to do before the chip is there."""

    def begin(self: FaceEmbedder, steps: SideBySide, pixels: Pixels, face: Face) -> Callable[[Pixels], FaceVector]:  # noqa: ARG002
        return partial(self.vector, pixels, face)


class Embedder(Protocol):
    """Makes vectors of aligned faces. May be shared between threads."""

    @property
    def spec(self) -> ModelSpec: ...

    def embed(self, chips: Sequence[Pixels]) -> list[FaceVector]:
        """One vector for each chip (uint8 [150, 150, 3]), in order. Raises ValueError for another shape."""
        ...


class TurnedEmbedder:
    """Another embedder whose vectors come out under a secret transform, and never otherwise."""

    def __init__(self, embedder: FaceEmbedder, transform: Transform) -> None:
        self._embedder = embedder
        self._transform = transform
        self.spec: Final = embedder.spec.turned(transform)

    def vector(self, pixels: Pixels, face: Face, chip: Pixels) -> FaceVector:
        return self._turned(self._embedder.vector(pixels, face, chip))

    def begin(self, steps: SideBySide, pixels: Pixels, face: Face) -> Callable[[Pixels], FaceVector]:
        begun = self._embedder.begin(steps, pixels, face)
        return lambda chip: self._turned(begun(chip))

    def _turned(self, raw: FaceVector) -> FaceVector:
        return FaceVector(self._transform.apply(raw.values), raw.model_id)


class DlibEmbedder(AllAtOnce):
    """The converted net; a call runs all chips and their mirror images as one batch."""

    spec: Final = DLIB_SPEC

    def __init__(self, runtime: Runtime) -> None:
        """Reads and converts the published weights. Raises WeightsUnusable."""
        model = dlib_net.onnx_model(weights.read(weights.RESNET))
        self._session = runtime.load(*model)
        self._wide = runtime.wide(*model)
        self._cores = runtime.cores

    def embed(self, chips: Sequence[Pixels]) -> list[FaceVector]:
        if not chips:
            return []
        return from_pairs(self._raw(with_mirrors(chips)))

    def vector(self, pixels: Pixels, face: Face, chip: Pixels) -> FaceVector:  # noqa: ARG002 - the chip has it all
        pair = with_mirrors([chip])
        # Two helpers gain more in each of the two than a core for each does.
        wide = self._wide.try_run({dlib_net.INPUT: pair}) if self._cores.spare > 1 else None
        return from_pairs(wide[0] if wide else run_pair(self._cores, self._raw, pair))[0]

    def _raw(self, chips: NDArray[np.uint8]) -> NDArray[np.floating]:
        (raw,) = self._session.run({dlib_net.INPUT: chips})
        return raw


class DlibReferenceEmbedder(AllAtOnce):
    """dlib's own net: some twenty times slower, and what the converted one is held against."""

    spec: Final = DLIB_SPEC

    def __init__(self) -> None:
        """Raises WeightsUnusable."""
        self._net = dlib.face_recognition_model_v1(str(weights.locate(weights.RESNET)))
        self._lock = threading.Lock()  # a forward pass writes into the net

    def embed(self, chips: Sequence[Pixels]) -> list[FaceVector]:
        if not chips:
            return []
        pairs = with_mirrors(chips)
        with self._lock:
            raw = [np.asarray(self._net.compute_face_descriptor(chip), np.float64) for chip in pairs]
        return from_pairs(np.stack(raw))

    def vector(self, pixels: Pixels, face: Face, chip: Pixels) -> FaceVector:  # noqa: ARG002 - the chip has it all
        return self.embed([chip])[0]


def embedder_for(backend: Backend, runtime: Runtime) -> DlibEmbedder | DlibReferenceEmbedder:
    """The embedder of that name."""
    return DlibEmbedder(runtime) if backend == "onnx" else DlibReferenceEmbedder()


def with_mirrors(chips: Sequence[Pixels]) -> NDArray[np.uint8]:
    """Each chip followed by its mirror image: uint8 [2 n, 150, 150, 3]."""
    for chip in chips:
        if chip.shape != (CHIP_SIDE, CHIP_SIDE, 3) or chip.dtype != np.uint8:
            raise ValueError(f"a chip is a uint8 array of {CHIP_SIDE} x {CHIP_SIDE} x 3")
    return np.stack([side for chip in chips for side in (chip, chip[:, ::-1])])


def from_pairs(raw: NDArray[np.floating]) -> list[FaceVector]:
    """Raw vectors [2 n, 128], chip and mirror in turn, to n vectors of unit length."""
    sums = raw[0::2].astype(np.float64) + raw[1::2].astype(np.float64)
    units = (sums / np.linalg.norm(sums, axis=1, keepdims=True)).astype(np.float32)
    return [FaceVector(unit.copy(), DLIB_SPEC.model_id) for unit in units]
