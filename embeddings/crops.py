"""Square crops of a face for the networks that read attributes, mesh and eyes.

Coordinates are those of `embeddings.types`: the origin is the outer corner of the first pixel, so the centre of a pixel
lies at a half.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from embeddings.types import Pixels, Points

SHORT_EYES: Final = 1.035
"""The distance from eyes to mouth of a frontal face is the distance of its eyes over this; a turned face keeps only
the former. Set so that the crop of factor 2.5 gives UTKFace's own chips back."""
FINEST: Final = 2.0  # picture pixels a sample before the picture is halved first


@dataclass(frozen=True, slots=True)
class Crop:
    """A square of the picture, in its pixels: centre, side, and the turn of its upper edge (radians, clockwise)."""

    x: float
    y: float
    side: float
    turn: float = 0.0

    def points_in_picture(self, points: NDArray[np.floating], size: float) -> NDArray[np.float64]:
        """Points [n, 2] of the crop, drawn `size` x `size`, as points of the picture."""
        matrix = self._matrix(size)
        moved: NDArray[np.float64] = points.astype(np.float64) @ matrix[:, :2].T + matrix[:, 2]
        return moved

    def _matrix(self, size: float) -> NDArray[np.float64]:
        scale = self.side / size
        across, down = np.cos(self.turn) * scale, np.sin(self.turn) * scale
        linear = np.array([[across, -down], [down, across]])
        return np.column_stack([linear, np.array([self.x, self.y]) - linear @ (size / 2, size / 2)])

    def cut(self, pixels: Pixels, size: int, border: int = cv2.BORDER_REPLICATE) -> Pixels:
        """The crop as uint8 [size, size, 3]: area-averaged where it shrinks, bilinear where it grows.

        `border`: what is drawn beyond the picture, OpenCV's name for it; BORDER_CONSTANT is black.
        """
        part, left, top = self._needed(pixels)
        matrix = self._matrix(size)
        scale = self.side / size
        matrix[:, 2] -= (left, top)
        while scale > FINEST and min(part.shape[:2]) > 1:
            part, matrix, scale = halved(part), matrix / 2, scale / 2
        samples = max(1, round(scale))
        matrix[:, :2] /= samples
        matrix[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5  # OpenCV's coordinates are those of pixel centres
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        drawn = cv2.warpAffine(part, matrix, (size * samples, size * samples), flags=flags, borderMode=border)
        if samples > 1:
            drawn = cv2.resize(drawn, (size, size), interpolation=cv2.INTER_AREA)
        return np.asarray(drawn, np.uint8)

    def _needed(self, pixels: Pixels) -> tuple[Pixels, int, int]:
        """The part of the picture that the crop reaches, never empty, and where it begins."""
        height, width = pixels.shape[:2]
        reach = self.side * 0.7072 * 1.1 + 2
        left, right = (int(np.clip(self.x + way * reach, 0, width)) for way in (-1, 1))
        top, bottom = (int(np.clip(self.y + way * reach, 0, height)) for way in (-1, 1))
        left, top = min(left, width - 1), min(top, height - 1)
        return pixels[top : max(bottom, top + 1), left : max(right, left + 1)], left, top


def eye_mouth_crop(points: Points, factor: float, down: float, tilt: float = 0.0) -> Crop:
    """The crop set by eyes and mouth. `points` as in `Face`.

    Unit: the larger of the distance of the eyes and `SHORT_EYES` times that from eyes to mouth. Side: `factor` units.
    Centre: `down` of the way from the middle of the eyes to the middle of the mouth. Turned until the line of the eyes
    lies within `tilt` (radians) of level. Raises ValueError where the points coincide.
    """
    found = points.astype(np.float64)
    eyes, mouth = found[:2].mean(0), found[3:].mean(0)
    along = found[1] - found[0]
    unit = max(float(np.linalg.norm(along)), SHORT_EYES * float(np.linalg.norm(mouth - eyes)))
    if not unit > 1e-3:
        raise ValueError("points that coincide give no crop")
    x, y = eyes + down * (mouth - eyes)
    slope = float(np.arctan2(along[1], along[0]))
    return Crop(float(x), float(y), factor * unit, slope - float(np.clip(slope, -tilt, tilt)))


def halved(pixels: Pixels) -> Pixels:
    """Half as wide and high; an odd last row or column is repeated so that no pixel shifts."""
    height, width = pixels.shape[:2]
    if height % 2 or width % 2:
        pixels = np.asarray(cv2.copyMakeBorder(pixels, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE), np.uint8)
    half = (pixels.shape[1] // 2, pixels.shape[0] // 2)
    return np.asarray(cv2.resize(pixels, half, interpolation=cv2.INTER_AREA), np.uint8)


def planes(crops: list[Pixels], divisor: float = 1.0) -> NDArray[np.float32]:
    """Crops of one size as a batch: float32 [n, 3, size, size], 0 to 255 / divisor."""
    stacked = np.stack(crops).transpose(0, 3, 1, 2).astype(np.float32)
    return np.ascontiguousarray(stacked / np.float32(divisor))
