"""The outline of each eye and its iris, from the corners that the mesh gives: a blink is deep here.

The network is MediaPipe's iris model as @vladmandic/human 3.3.6 publishes it; see models/README.md.
"""

from importlib import resources
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from embeddings.crops import Crop, planes
from embeddings.mesh import LEFT_EYE_CORNERS, RIGHT_EYE_CORNERS, distance, ratio
from embeddings.onnx import Runtime, Session
from embeddings.types import Eye, Eyes, Mesh, Pixels

MODEL_FILE: Final = "iris.onnx"
SIDE: Final = 64
CORNER_FACTOR: Final = 2.3  # side of the crop in distances of the corners
OUTLINE: Final = slice(0, 16)
IRIS: Final = slice(71, 76)
LIDS: Final = ((11, 3), (13, 5), (12, 4))
CORNERS: Final = (0, 8)


class IrisNet:
    """The network on a loaded session. May be shared between threads."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @classmethod
    def load(cls, runtime: Runtime) -> "IrisNet":
        """Raises BrokenModel."""
        return cls(runtime.load(resources.files("embeddings").joinpath("models", MODEL_FILE).read_bytes()))

    def find(self, pixels: Pixels, mesh: Mesh) -> Eyes:
        """Both eyes of the face that `mesh` was found on. Raises ValueError where the corners of an eye coincide.

        The network knows one kind of eye, the subject's right; the other goes in mirrored and its points come back.
        """
        right, left = (eye_crop(mesh, corners) for corners in (RIGHT_EYE_CORNERS, LEFT_EYE_CORNERS))
        right_cut, left_cut = (crop.cut(pixels, SIDE, cv2.BORDER_CONSTANT) for crop in (right, left))
        (raw,) = self._session.run({"input_1": planes([right_cut, left_cut[:, ::-1]], 255)})
        right_points, left_points = raw.reshape(2, -1, 3)[:, :, :2].astype(np.float64)
        left_points[:, 0] = SIDE - left_points[:, 0]
        return Eyes(left=eye(left, left_points), right=eye(right, right_points))


def eye_crop(mesh: Mesh, corners: tuple[int, int]) -> Crop:
    """Between the corners, given from the image's left to its right, and turned along them."""
    start, end = mesh.points[list(corners), :2].astype(np.float64)
    width = distance(start, end)
    if not width > 0:
        raise ValueError("corners that coincide give no eye")
    across, (x, y) = end - start, (start + end) / 2
    return Crop(float(x), float(y), CORNER_FACTOR * width, float(np.arctan2(across[1], across[0])))


def eye(crop: Crop, points: NDArray[np.float64]) -> Eye:
    """The eye in the picture, from the network's 76 points, float64 [76, 2], px of its crop."""
    moved = crop.points_in_picture(points, SIDE).astype(np.float32)
    return Eye(moved[OUTLINE], moved[IRIS], opening(points))


def opening(points: NDArray[np.float64]) -> float:
    """Mean height between the lids over the width: .28 to .39 open; a full blink falls to .2 to .4 of that."""
    heights = sum(distance(points[upper], points[lower]) for upper, lower in LIDS)
    return ratio(heights, 3 * distance(points[CORNERS[0]], points[CORNERS[1]]))
