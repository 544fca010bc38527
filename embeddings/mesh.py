"""468 points of a face, and what they say: how the head is turned, how far mouth and eyes are open.

The network is MediaPipe's face mesh as @vladmandic/human 3.3.6 publishes it; see models/README.md. Points that are
named here by a number are MediaPipe's.
"""

from importlib import resources
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from embeddings.crops import Crop, planes
from embeddings.onnx import Runtime, Session
from embeddings.types import Face, HeadPose, Mesh, Pixels

MODEL_FILE: Final = "facemesh.onnx"
SIDE: Final = 192
BOX_FACTOR: Final = 1.3
"""Of the detector's box. Against dlib's 68 points the error is least here (.087 eye distances; .096 at 1.1, .110 at
1.7), and the points move least when the crop does."""
MESH_FACTOR: Final = 1.4  # of the mesh's own box, for a second pass; 1.35 to 1.5 are alike
SURE: Final = 0.5

TOP, CHIN = 10, 152
IMAGE_LEFT_SIDE, IMAGE_RIGHT_SIDE = 234, 454
RIGHT_EYE_CORNERS: Final = (33, 133)  # the subject's right, which is left in the image: outer, inner
LEFT_EYE_CORNERS: Final = (362, 263)  # inner, outer
# Corner, two of the upper lid, corner, two of the lower lid: Soukupova and Cech, "Real-Time Eye Blink Detection using
# Facial Landmarks", 2016.
RIGHT_EYE: Final = (33, 160, 158, 133, 153, 144)
LEFT_EYE: Final = (362, 385, 387, 263, 373, 380)
LIPS: Final = (13, 14, 78, 308)  # inner edge: upper, lower, corners


class FaceMesh:
    """The network on a loaded session. May be shared between threads."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @classmethod
    def load(cls, runtime: Runtime) -> "FaceMesh":
        """Raises BrokenModel."""
        return cls(runtime.load(resources.files("embeddings").joinpath("models", MODEL_FILE).read_bytes()))

    def find(self, pixels: Pixels, face: Face, *, twice: bool = False) -> Mesh:
        """The mesh of a detected face. `twice`: again on the crop that the first pass suggests, a little steadier.

        Raises ValueError for a face without extent.
        """
        mesh = self._run(pixels, crop_of_face(face))
        return self.follow(pixels, mesh) if twice and mesh.score >= SURE else mesh

    def follow(self, pixels: Pixels, last: Mesh) -> Mesh:
        """The mesh of a face that was `last` seen a moment ago (in this picture, or in the frame before it)."""
        return self._run(pixels, crop_of_mesh(last))

    def _run(self, pixels: Pixels, crop: Crop) -> Mesh:
        cut = crop.cut(pixels, SIDE, cv2.BORDER_CONSTANT)
        raw, score = self._session.run({"input_1": planes([cut], 255)})
        found = raw.reshape(-1, 3)
        flat = crop.points_in_picture(found[:, :2], SIDE)
        depth = found[:, 2:].astype(np.float64) * (crop.side / SIDE)
        return Mesh(np.hstack([flat, depth]).astype(np.float32), float(score.item()))


def crop_of_face(face: Face) -> Crop:
    """About the detector's box, turned so that the eyes lie level. Raises ValueError for a face without extent."""
    side = BOX_FACTOR * max(face.box.width, face.box.height)
    if not side > 0:
        raise ValueError("a face without extent has no mesh")
    across = (face.points[1] - face.points[0]).astype(np.float64)
    return Crop(*face.box.center, side, float(np.arctan2(across[1], across[0])))


def crop_of_mesh(mesh: Mesh) -> Crop:
    """About the mesh's own box in a frame in which the outer corners of the eyes lie level."""
    flat = mesh.points[:, :2].astype(np.float64)
    across = flat[LEFT_EYE_CORNERS[1]] - flat[RIGHT_EYE_CORNERS[0]]
    turn = float(np.arctan2(across[1], across[0]))
    frame = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    levelled = flat @ frame.T
    low, high = levelled.min(axis=0), levelled.max(axis=0)
    x, y = (low + high) / 2 @ frame
    return Crop(float(x), float(y), MESH_FACTOR * float((high - low).max()), turn)


def pose(mesh: Mesh) -> HeadPose:
    """How the head is turned, from four points: top, chin and both sides of the face.

    Agrees with a fit of the 33 points that no expression moves (correlation of yaw .999, pitch .988, roll .994). Yaw
    and pitch beyond 60 degrees are flattened: there the far cheek is invented.
    """
    points = mesh.points.astype(np.float64)
    down = unit(points[CHIN] - points[TOP])
    away = unit(np.cross(unit(points[IMAGE_RIGHT_SIDE] - points[IMAGE_LEFT_SIDE]), down))
    across = np.cross(down, away)
    forward = -away
    yaw = np.arctan2(forward[0], -forward[2])
    pitch = np.arcsin(np.clip(-forward[1], -1, 1))
    level = np.array([np.cos(yaw), 0.0, np.sin(yaw)])  # where `across` would point without roll
    roll = np.arctan2(across @ np.cross(away, level), across @ level)
    return HeadPose(*(float(np.rad2deg(angle)) for angle in (yaw, pitch, roll)))


def mouth_opening(mesh: Mesh) -> float:
    """Between the inner edges of the lips, over the mouth's width: .01 to .04 closed, .17 to .5 at most in talk."""
    upper, lower, one, other = mesh.points[list(LIPS), :2].astype(np.float64)
    return ratio(distance(upper, lower), distance(one, other))


def eye_openings(mesh: Mesh) -> tuple[float, float]:
    """Height over width of the subject's left and right eye: .26 to .35 open, and never near 0 in a blink.

    `embeddings.iris` sees a blink far better.
    """
    return eye_opening(mesh, LEFT_EYE), eye_opening(mesh, RIGHT_EYE)


def eye_opening(mesh: Mesh, eye: tuple[int, ...]) -> float:
    corner, upper, other_upper, other_corner, other_lower, lower = mesh.points[list(eye), :2].astype(np.float64)
    heights = distance(upper, lower) + distance(other_upper, other_lower)
    return ratio(heights, 2 * distance(corner, other_corner))


def unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    length = float(np.linalg.norm(vector))
    if length < 1e-9:
        raise ValueError("points that coincide give no direction")
    return vector / length


def distance(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(one - other))


def ratio(height: float, width: float) -> float:
    return height / max(width, 1e-9)
