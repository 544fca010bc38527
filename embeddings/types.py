"""What a picture holds, as small frozen values.

Coordinates are pixels of the upright picture: x to the right, y down, the origin at the outer corner of the
first pixel.
Left and right are the subject's own unless a name says `image_left` or `image_right`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""A picture, uint8 [height, width, 3], RGB, upright."""
Points = NDArray[np.float32]
"""Points, float32 [n, 2], x and y."""

VECTOR_TOLERANCE: Final = 1e-3


@dataclass(frozen=True, slots=True)
class Box:
    """An upright rectangle; it may reach beyond the picture."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def center(self) -> tuple[float, float]:
        return self.x + self.width / 2, self.y + self.height / 2

    @property
    def area(self) -> float:
        return self.width * self.height

    def scaled(self, factor: float) -> "Box":
        """The box with each side `factor` times as long, about the same centre."""
        width, height = self.width * factor, self.height * factor
        return Box(self.x + (self.width - width) / 2, self.y + (self.height - height) / 2, width, height)

    def iou(self, other: "Box") -> float:
        """Intersection over union, 0 to 1."""
        across = min(self.right, other.right) - max(self.x, other.x)
        down = min(self.bottom, other.bottom) - max(self.y, other.y)
        if across <= 0 or down <= 0:
            return 0.0
        shared = across * down
        return shared / (self.area + other.area - shared)


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """A detected face.

    `points` are float32 [5, 2]: image-left eye, image-right eye, nose tip, image-left and image-right mouth corner.
    `score` is the detector's, 0 to 1.
    """

    box: Box
    score: float
    points: Points


@dataclass(frozen=True, slots=True, eq=False)
class FaceVector:
    """A face as a point on the unit sphere: float32 [dimension], length 1, and the model that made it.

    Vectors of different models are never compared.
    """

    values: NDArray[np.float32]
    model_id: str

    def __post_init__(self) -> None:
        if self.values.ndim != 1 or self.values.dtype != np.float32:
            raise ValueError("a face vector is a float32 array of one dimension")
        length = float(np.linalg.norm(self.values.astype(np.float64)))
        if not abs(length - 1.0) <= VECTOR_TOLERANCE:  # also refuses NaN
            raise ValueError("a face vector has length 1")

    def distance(self, other: "FaceVector") -> float:
        """Euclidean distance, 0 to 2; smaller is more alike. Raises ValueError for vectors of two models."""
        if self.model_id != other.model_id:
            raise ValueError(f"vectors of {self.model_id} and {other.model_id} cannot be compared")
        return float(np.linalg.norm(self.values.astype(np.float64) - other.values.astype(np.float64)))


class Refusal(StrEnum):
    """Why a face, or a picture as a whole, cannot be used for enrolment or login."""

    NO_FACE = "no_face"
    SEVERAL_FACES = "several_faces"
    TOO_SMALL = "too_small"
    BLURRED = "blurred"
    TOO_DARK = "too_dark"
    TOO_BRIGHT = "too_bright"
    TURNED_AWAY = "turned_away"


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """468 points of a face in MediaPipe's order, float32 [468, 3]: x and y in px of the picture, z in the same unit.

    z is smaller the nearer to the camera, about 0 at the edge of the face. `score`: how sure the network is that there
    is a face at all, 0 to 1; below .5 the points mean nothing.
    """

    points: NDArray[np.float32]
    score: float


@dataclass(frozen=True, slots=True)
class HeadPose:
    """How a head is turned, in degrees.

    yaw: positive when the nose points to the right of the picture; pitch: positive with the chin up; roll: positive
    when the head is turned clockwise on the screen. The zero of pitch is a convention: people who look into a camera
    read about -5.
    """

    yaw: float
    pitch: float
    roll: float


@dataclass(frozen=True, slots=True)
class Quality:
    """What the quality gate measured on one face, and what it objects to (empty = good enough).

    `eye_distance_px`: pixels of the picture. `pose`: None where no mesh fits the face. The other measures are defined
    in `embeddings.quality`.
    """

    eye_distance_px: float
    sharpness: float
    brightness: float
    pose: HeadPose | None
    refusals: tuple[Refusal, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Eye:
    """One eye, in pixels of the picture.

    `outline` float32 [16, 2]: 0 outer corner, 1 to 7 lower lid, 8 inner corner, 9 to 15 upper lid. `iris` float32
    [5, 2]: its centre, then four points of its rim. `opening`: height over width, about .3 when open.
    """

    outline: Points
    iris: Points
    opening: float


@dataclass(frozen=True, slots=True, eq=False)
class Eyes:
    """Both eyes; left and right are the subject's own."""

    left: Eye
    right: Eye
