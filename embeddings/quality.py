"""Which faces are good enough to enrol or log in with, and why another is not.

Everything but the eye distance is measured on the aligned chip or on the mesh, so that it does not depend on
the size of the picture. The limits were set on LFW (3,901 photos) and films of people before a webcam, where vectors
begin to fail. False non-match rate of dlib's vectors one against one at FMR 1e-4, where one of the two photos is

    any of LFW                         .19     sharpness below .36    .69 (19 photos)
    eyes nearer than 28 px, 32 px      .63 .39     yaw 35 to 40 degrees, 40 to 50    .31 .49 (28, 16 photos)
    pitch below -32, above 20          .35 .50 (5, 30 photos)

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
from embeddings.mesh import SURE, pose
from embeddings.types import Face, HeadPose, Mesh, Pixels, Quality, Refusal


@dataclass(frozen=True, slots=True)
class QualityLimits:
    """What is still accepted.

    `min_eye_distance_px`: between the centres of the eyes, px of the picture. `min_sharpness`, `min_brightness`,
    `max_brightness`, `max_blown_out`: see `QualityGate.measure`. `max_yaw` to either side, `min_pitch`, `max_pitch`:
    degrees, as in `HeadPose`; people who look into a camera read a pitch of about -6. Another face counts from
    `other_face_size` of the main face's longer side on, at a detector score of at least `other_face_score`.
    """

    min_eye_distance_px: float = 32.0
    min_sharpness: float = 0.36
    min_brightness: float = 25.0
    max_brightness: float = 225.0
    max_blown_out: float = 0.35
    max_yaw: float = 40.0
    min_pitch: float = -32.0
    max_pitch: float = 20.0
    other_face_size: float = 0.4
    other_face_score: float = 0.5


GOOD: Final = QualityLimits(
    min_sharpness=0.45, min_brightness=60.0, max_brightness=200.0, max_yaw=20.0, min_pitch=-22.0, max_pitch=12.0
)
"""What a template may grow by: 83 in 100 photos of LFW that pass the gate."""


def is_good(measured: Quality) -> bool:
    """Whether a face that passed the gate is so good that a template may grow by it."""
    head = measured.pose
    return (
        not measured.refusals
        and head is not None
        and measured.sharpness >= GOOD.min_sharpness
        and GOOD.min_brightness <= measured.brightness <= GOOD.max_brightness
        and abs(head.yaw) <= GOOD.max_yaw
        and GOOD.min_pitch <= head.pitch <= GOOD.max_pitch
    )


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

    def measure(self, chip: Pixels, face: Face, mesh: Mesh) -> Quality:
        """`chip`: the aligned face, uint8 [150, 150, 3]; `face`: as it was detected, in the picture; `mesh`: its mesh.

        sharpness: see `sharpness`. brightness: mean luma (0 to 255) of the oval that the face fills. too_bright also
        where more than `max_blown_out` of the oval is at 250 or above. turned_away also where no mesh fits the face:
        a profile, or a face that is covered.
        """
        luma = np.asarray(cv2.cvtColor(chip, cv2.COLOR_RGB2GRAY), np.uint8)
        oval = luma[_OVAL]
        brightness, blown_out = float(oval.mean()), float((oval >= 250).mean())
        sharp, turned = sharpness(luma), head_pose(mesh)
        eyes = float(np.linalg.norm(face.points[1] - face.points[0]))
        limits = self._limits
        objections = {
            Refusal.TOO_SMALL: eyes < limits.min_eye_distance_px,
            Refusal.TURNED_AWAY: turned is None or not self._looks_here(turned),
            Refusal.TOO_DARK: brightness < limits.min_brightness,
            Refusal.TOO_BRIGHT: brightness > limits.max_brightness or blown_out > limits.max_blown_out,
            Refusal.BLURRED: sharp < limits.min_sharpness,
        }
        refusals = tuple(refusal for refusal, objected in objections.items() if objected)
        return Quality(eyes, sharp, brightness, turned, refusals)

    def _looks_here(self, head: HeadPose) -> bool:
        limits = self._limits
        return abs(head.yaw) <= limits.max_yaw and limits.min_pitch <= head.pitch <= limits.max_pitch


def sharpness(luma: NDArray[np.uint8]) -> float:
    """Fine detail over middling detail in the oval of a chip, uint8 [150, 150]; about .3 to 1.

    At half size: the deviation of what a Gaussian of 1 px takes away, over that of the band between 2 and 4 px.
    A ratio, so contrast, light and skin colour cancel out.
    """
    half = cv2.resize(luma, (CHIP_SIDE // 2, CHIP_SIDE // 2), interpolation=cv2.INTER_AREA).astype(np.float32)
    one, two, four = (cv2.GaussianBlur(half, (0, 0), sigma) for sigma in (1.0, 2.0, 4.0))
    fine, middling = (half - one)[_HALF_OVAL].std(), (two - four)[_HALF_OVAL].std()
    return float(fine / max(float(middling), 1.0))  # a flat surface is not sharp


def head_pose(mesh: Mesh) -> HeadPose | None:
    """How the head is turned; None where the network doubts that the mesh is of a face."""
    return pose(mesh) if mesh.score >= SURE else None


def _long_side(face: Face) -> float:
    return max(face.box.width, face.box.height)


def _ellipse(side: int) -> NDArray[np.bool_]:
    """Brows to chin and cheek to cheek: half axes of 40 and 52 px of a chip, about (74.5, 80)."""
    y, x = np.mgrid[:side, :side] * (CHIP_SIDE / side)
    inside: NDArray[np.bool_] = ((x - 74.5) / 40) ** 2 + ((y - 80) / 52) ** 2 <= 1
    return inside


_OVAL: Final = _ellipse(CHIP_SIDE)
_HALF_OVAL: Final = _ellipse(CHIP_SIDE // 2)
