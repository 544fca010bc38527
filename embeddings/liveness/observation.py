"""What is kept of a frame once its pixels are gone."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from embeddings.liveness.reading import Reading
from embeddings.liveness.solid import Parallax
from embeddings.types import Box, FaceVector, HeadPose, Pixels

THUMB: Final = (48, 36)
SHARP_SIDE: Final = 160
SHARP_MIDDLE: Final = 100
LEAST_BEYOND: Final = 50  # samples of what is around a face


@dataclass(frozen=True, slots=True)
class Tint:
    """Mean red, green and blue (0 to 255) of the face and of what is around it."""

    face: tuple[float, float, float]
    around: tuple[float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """The face of a frame. `box`: about its mesh; `size` of the frame: width and height, px. `sharpness`: see
    `relative_sharpness`; `brightness`: mean luma of the same middle, 0 to 255. `vector`: of a few frames only, and
    never while the head is turned. `parallax`, `tint`: see there. `pad`: the passive detector's score, where asked."""

    box: Box
    pose: HeadPose
    reading: Reading
    sharpness: float
    brightness: float
    vector: FaceVector | None = None
    parallax: Parallax | None = None
    pad: float | None = None
    tint: Tint | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """`at`: seconds. `look`: None where no face was sure. `others`: further faces of a similar size. `thumb`: uint8
    [36, 48], luma. `fingerprint`: equal for frames that are equal to the last bit. `width`, `height`: px."""

    at: float
    width: int
    height: int
    look: Look | None
    others: int
    thumb: NDArray[np.uint8]
    fingerprint: int


def thumb(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(grey, THUMB, interpolation=cv2.INTER_AREA), np.uint8)


def relative_sharpness(grey: NDArray[np.uint8], box: Box) -> tuple[float, float]:
    """Sharpness and brightness of the middle 100 x 100 of a face scaled to 160 x 160: variance of the Laplacian over
    that of the luma, and mean luma. Live films have .047 to .12 from the front, re-filmed screens .008 to .027: a test
    of focus. (0, 0) for a box outside of the picture."""
    height, width = grey.shape
    left, top, right, bottom = _within(box, width, height)
    if right - left < 8 or bottom - top < 8:
        return 0.0, 0.0
    face = cv2.resize(grey[top:bottom, left:right], (SHARP_SIDE, SHARP_SIDE), interpolation=cv2.INTER_AREA)
    edge = (SHARP_SIDE - SHARP_MIDDLE) // 2
    middle = np.asarray(face[edge:-edge, edge:-edge], np.float32)
    laplacian = cv2.Laplacian(middle, cv2.CV_32F)
    return float(laplacian.var() / max(float(middle.var()), 1.0)), float(middle.mean())


def tint(pixels: Pixels, box: Box) -> Tint | None:
    """Of the middle of a face, and of the picture beyond twice its box; None where either is not in the picture."""
    height, width = pixels.shape[:2]
    face = _within(box.scaled(0.6), width, height)
    left, top, right, bottom = _within(box.scaled(2.0), width, height)
    small = pixels[:: max(1, height // 120), :: max(1, width // 160)]
    y, x = np.linspace(0, height - 1, small.shape[0])[:, None], np.linspace(0, width - 1, small.shape[1])[None]
    beyond = (x < left) | (x >= right) | (y < top) | (y >= bottom)
    middle = pixels[face[1] : face[3] : 2, face[0] : face[2] : 2]
    if not middle.size or beyond.sum() < LEAST_BEYOND:
        return None
    return Tint(_mean(middle.reshape(-1, 3)), _mean(small[beyond]))


def _mean(colours: NDArray[np.uint8]) -> tuple[float, float, float]:
    red, green, blue = colours.mean(axis=0).tolist()
    return red, green, blue


def _within(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    left, top = max(0, round(box.x)), max(0, round(box.y))
    return left, top, min(width, round(box.right)), min(height, round(box.bottom))


def luma(pixels: Pixels) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
