"""Which faces are good enough to enrol or log in with, and why another is not.

Everything but the eye distance is measured on the aligned chip (or on the five points), so that it does not depend on
the size of the picture. The limits were set on LFW (3,901 photos) and films of people before a webcam, where vectors
begin to fail. False non-match rate one against one at FMR 1e-4, where one of the two photos is

    any of LFW                         .19     sharpness below .36    .69 (19 photos)
    eyes nearer than 28 px, 32 px      .63 .39     asymmetry .45 to .5, beyond     .65 .57 (23 photos)

and, for one spoilt photo each of 500 people (unspoilt .16), beside the share that is refused for it:

    blur, Gaussian, in eye distances   .036: .24, 46 %    .045: .30, 84 %    .054: .38, 98 %    .062: .49, all
    light times                        .3: .18, 3 %    .2: .21, 40 %    .15: .26, 96 %    .1: .39, all
    light times, blown out             1.5: .21, 10 %    2: .41, 55 %    2.5: .65, 83 %    3: .79, 94 %
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from embeddings.align import CHIP_SIDE
from embeddings.types import Face, Pixels, Points, Quality, Refusal


@dataclass(frozen=True, slots=True)
class QualityLimits:
    """What is still accepted.

    `min_eye_distance_px`: between the centres of the eyes, px of the picture. `min_sharpness`, `min_brightness`,
    `max_brightness`, `max_blown_out`, `max_asymmetry`: see `QualityGate.measure`. Another face counts from
    `other_face_size` of the main face's longer side on, at a detector score of at least `other_face_score`.
    """

    min_eye_distance_px: float = 32.0
    min_sharpness: float = 0.36
    min_brightness: float = 25.0
    max_brightness: float = 225.0
    max_blown_out: float = 0.35
    max_asymmetry: float = 0.45
    other_face_size: float = 0.4
    other_face_score: float = 0.5


class FaceRefused(Exception):
    """A picture without exactly one clear face; `code` is the first of its `reasons`."""

    def __init__(self, *reasons: Refusal) -> None:
        super().__init__(", ".join(reasons))
        self.reasons = reasons
        self.code: str = reasons[0].value


class QualityGate:
    """Measures a face and names what is wrong with it. Holds nothing but its limits."""

    def __init__(self, limits: QualityLimits) -> None:
        self._limits = limits

    def main_face(self, faces: Sequence[Face]) -> Face:
        """The largest face, if no other is of a similar size. Raises FaceRefused: no_face or several_faces.

        Faces far behind, and posters on the wall, are smaller than `other_face_size` of it and do not count.
        """
        if not faces:
            raise FaceRefused(Refusal.NO_FACE)
        main = max(faces, key=lambda face: face.box.area)
        for other in faces:
            close = _long_side(other) >= self._limits.other_face_size * _long_side(main)
            if other is not main and close and other.score >= self._limits.other_face_score:
                raise FaceRefused(Refusal.SEVERAL_FACES)
        return main

    def measure(self, chip: Pixels, face: Face) -> Quality:
        """`chip`: the aligned face, uint8 [150, 150, 3]; `face`: as it was detected, in the picture.

        sharpness: see `sharpness`. brightness: mean luma (0 to 255) of the oval that the face fills. asymmetry: see
        `asymmetry`. too_bright also where more than `max_blown_out` of the oval is at 250 or above.
        """
        luma = np.asarray(cv2.cvtColor(chip, cv2.COLOR_RGB2GRAY), np.uint8)
        oval = luma[_OVAL]
        brightness, blown_out = float(oval.mean()), float((oval >= 250).mean())
        sharp, turn = sharpness(luma), asymmetry(face.points)
        eyes = float(np.linalg.norm(face.points[1] - face.points[0]))
        limits = self._limits
        objections = {
            Refusal.TOO_SMALL: eyes < limits.min_eye_distance_px,
            Refusal.TURNED_AWAY: turn > limits.max_asymmetry,
            Refusal.TOO_DARK: brightness < limits.min_brightness,
            Refusal.TOO_BRIGHT: brightness > limits.max_brightness or blown_out > limits.max_blown_out,
            Refusal.BLURRED: sharp < limits.min_sharpness,
        }
        refusals = tuple(refusal for refusal, objected in objections.items() if objected)
        return Quality(eyes, sharp, brightness, turn, refusals)


def sharpness(luma: NDArray[np.uint8]) -> float:
    """Fine detail over middling detail in the oval of a chip, uint8 [150, 150]; about .3 to 1.

    At half size: the deviation of what a Gaussian of 1 px takes away, over that of the band between 2 and 4 px.
    A ratio, so contrast, light and skin colour cancel out.
    """
    half = cv2.resize(luma, (CHIP_SIDE // 2, CHIP_SIDE // 2), interpolation=cv2.INTER_AREA).astype(np.float32)
    one, two, four = (cv2.GaussianBlur(half, (0, 0), sigma) for sigma in (1.0, 2.0, 4.0))
    fine, middling = (half - one)[_HALF_OVAL].std(), (two - four)[_HALF_OVAL].std()
    return float(fine / max(float(middling), 1.0))  # a flat surface is not sharp


def asymmetry(points: Points) -> float:
    """How far the tip of the nose lies beside the middle of the eyes, along the line through them, in eye distances.

    0 looks straight ahead; a profile is beyond 1. `points` as in `Face`.
    """
    left, right, nose = points[:3].astype(np.float64)
    eyes = right - left
    length = float(eyes @ eyes)
    if length < 1e-6:
        return 1.0
    return abs(float((nose - (left + right) / 2) @ eyes)) / length


def _long_side(face: Face) -> float:
    return max(face.box.width, face.box.height)


def _ellipse(side: int) -> NDArray[np.bool_]:
    """Brows to chin and cheek to cheek: half axes of 40 and 52 px of a chip, about (74.5, 80)."""
    y, x = np.mgrid[:side, :side] * (CHIP_SIDE / side)
    inside: NDArray[np.bool_] = ((x - 74.5) / 40) ** 2 + ((y - 80) / 52) ** 2 <= 1
    return inside


_OVAL: Final = _ellipse(CHIP_SIDE)
_HALF_OVAL: Final = _ellipse(CHIP_SIDE // 2)
