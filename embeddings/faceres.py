"""A second view of a face: the 1,024 numbers inside a net that was trained to tell age and gender (faceres).

Alone it knows people badly; beside dlib's vector it makes other mistakes, which is what a second view is for.
"""

from importlib import resources
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from embeddings.align import similarity
from embeddings.onnx import Runtime
from embeddings.side_by_side import run_pair
from embeddings.types import Face, Pixels

SIDE: Final = 224
DIMENSION: Final = 1024
_MEAN_BGR: Final = np.array((103.939, 116.779, 123.68), np.float32)  # of the published training code (caffe's)
_MARGIN: Final = 1.15  # the crop that served best, in sides of UTKFace's
_WIDEST: Final = 8 * SIDE  # px that are cut at most before shrinking


class FaceresNet:
    """Makes the 1,024 numbers. May be shared between threads."""

    def __init__(self, runtime: Runtime) -> None:
        """Raises BrokenModel."""
        self._session = runtime.load(resources.files("embeddings").joinpath("models", "faceres.onnx").read_bytes())
        self._cores = runtime.cores

    def of_face(self, pixels: Pixels, face: Face) -> NDArray[np.float64]:
        """Of a face in its picture; see `embed`. Raises ValueError where the eyes coincide."""
        return self.embed(crop(pixels, face))

    def embed(self, crop: Pixels) -> NDArray[np.float64]:
        """Unit length, float64 [1024], of a crop uint8 [224, 224, 3], RGB: the mean with its mirror image.

        Framed as `crop` frames it. Raises ValueError for another shape, and for a plain patch the net has no answer to.
        """
        if crop.shape != (SIDE, SIDE, 3) or crop.dtype != np.uint8:
            raise ValueError(f"a crop is a uint8 array of {SIDE} x {SIDE} x 3")
        pair = np.stack((crop, crop[:, ::-1]))[..., ::-1].astype(np.float32) - _MEAN_BGR
        raw = run_pair(self._cores, self._raw, np.ascontiguousarray(pair.transpose(0, 3, 1, 2)))
        total = raw.astype(np.float64).sum(axis=0)
        length = float(np.linalg.norm(total))
        if not length > 0:
            raise ValueError("the network sees nothing at all in this crop")
        unit: NDArray[np.float64] = total / length
        return unit

    def _raw(self, crops: NDArray[np.float32]) -> NDArray[Any]:
        (raw,) = self._session.run({"input_1": crops})
        return raw


def crop(pixels: Pixels, face: Face) -> Pixels:
    """The face with level eyes, uint8 [224, 224, 3], framed as UTKFace frames it; the edge repeats beyond the picture.

    With E the middle of the eyes, M that of the mouth corners, u = max(|eye - eye|, 1.035 |M - E|): a square about
    E + .52 (M - E) of 2.5 * 1.15 u. From the detector's points, not the chip's: an alignment that errs elsewhere is
    worth a quarter of the false non-matches. Raises ValueError where the eyes coincide.
    """
    points = face.points.astype(np.float64)
    eyes, mouth = points[:2].mean(axis=0), points[3:].mean(axis=0)
    across = points[1] - points[0]
    length = float(np.hypot(*across))
    if length < 1e-6:
        raise ValueError("eyes that coincide give no direction")
    side = 2.5 * _MARGIN * max(length, 1.035 * float(np.linalg.norm(mouth - eyes)))
    right = across / length * side / 2
    down = np.array((-right[1], right[0]))
    middle = eyes + 0.52 * (mouth - eyes)
    corners = np.stack((middle - right - down, middle + right - down, middle + right + down))
    # Cut at full size and averaged by areas, so that nothing of a large face is skipped.
    full = min(max(round(side), SIDE), _WIDEST)
    cut = _cut(pixels, corners, full)
    return cut if full == SIDE else np.asarray(cv2.resize(cut, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def _cut(pixels: Pixels, corners: NDArray[np.float64], side: int) -> Pixels:
    """The square between the picture's points `corners` (three, clockwise from the first), uint8 [side, side, 3]."""
    target = np.array(((0, 0), (side, 0), (side, side)), np.float64)
    to_picture = similarity(target - 0.5, corners - 0.5)  # OpenCV counts from the centre of the first pixel
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(
        cv2.warpAffine(pixels, to_picture, (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE), np.uint8
    )
