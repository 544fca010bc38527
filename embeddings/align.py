"""From a detected face to the 150 x 150 chip that dlib's net was trained on.

The detector's five points turn and scale the face into a crop that always looks alike (the "canonical crop");
there dlib's five-point predictor finds its own points on a fixed rectangle; a similarity of these onto dlib's mean
shape gives the chip. So the vector depends neither on the size of the picture nor on the roll of the head.

Inside this module coordinates are dlib's and OpenCV's: whole numbers are the centres of pixels.
"""

from typing import Final

import cv2
import dlib
import numpy as np
from numpy.typing import NDArray

from embeddings.types import Face, Pixels, Points
from embeddings.weights import FIVE_POINTS, locate

CHIP_SIDE: Final = 150
_CROP_SIDE: Final = 168
_RECTANGLE: Final = (28, 28, 139, 139)  # where the predictor looks in the crop, ends included
_DOWN: Final = 0.189  # the rectangle's centre below the mean of the points, in units of the mean shape
_CROP_SCALE: Final = 112 / 4.353  # px of the crop for a unit of the mean shape
# CenterFace's mean shape, fitted on 3,872 faces of LFW: the five points in the order of `Face.points`.
_DETECTOR_SHAPE: Final = np.array(
    [(-0.8953, -0.9175), (0.8937, -0.9539), (-0.0019, 0.0766), (-0.7445, 0.9142), (0.748, 0.8805)]
)
# dlib's get_face_chip for five points: image-right eye outer, inner; image-left eye outer, inner; nose base.
_DLIB_SHAPE: Final = np.array(
    [
        (0.8595674595992, 0.2134981538014),
        (0.6460604764104, 0.2289674387677),
        (0.1205750620789, 0.2137274526848),
        (0.3340850613712, 0.2290642403242),
        (0.4901123135679, 0.6277975316475),
    ]
)
_PADDING: Final = 0.25
_CHIP_POINTS: Final = CHIP_SIDE * (_PADDING + _DLIB_SHAPE) / (1 + 2 * _PADDING)
_CROP_POINTS: Final = _DETECTOR_SHAPE * _CROP_SCALE + (_CROP_SIDE / 2, _CROP_SIDE / 2 - _DOWN * _CROP_SCALE)

Matrix = NDArray[np.float64]
"""An affine map, float64 [2, 3]."""


class Aligner:
    """Cuts chips. May be shared between threads: the predictor is only read, never changed by a call."""

    def __init__(self, predictor: dlib.shape_predictor) -> None:
        self._predictor = predictor

    @classmethod
    def load(cls) -> "Aligner":
        """With dlib's published five-point predictor. Raises WeightsUnusable."""
        return cls(dlib.shape_predictor(str(locate(FIVE_POINTS))))

    def five_points(self, pixels: Pixels, face: Face) -> Points:
        """dlib's five points, float32 [5, 2], px of the picture.

        Image-right eye outer and inner corner, image-left eye outer and inner corner, base of the nose.
        Raises ValueError where the detector's points coincide.
        """
        return (self._centres(pixels, face) + 0.5).astype(np.float32)

    def chip(self, pixels: Pixels, face: Face) -> Pixels:
        """The aligned face, uint8 [150, 150, 3]; black where it reaches beyond the picture.

        Raises ValueError where the detector's points coincide.
        """
        return warp(pixels, chip_map(self._centres(pixels, face)), CHIP_SIDE)

    def _centres(self, pixels: Pixels, face: Face) -> NDArray[np.float64]:
        to_picture = similarity(_CROP_POINTS, face.points.astype(np.float64))
        crop = warp(pixels, to_picture, _CROP_SIDE)
        found = self._predictor(crop, dlib.rectangle(*_RECTANGLE))
        points = np.array([(part.x, part.y) for part in found.parts()], np.float64)
        moved: NDArray[np.float64] = points @ to_picture[:, :2].T + to_picture[:, 2]
        return moved


def similarity(source: NDArray[np.float64], target: NDArray[np.float64]) -> Matrix:
    """The least-squares similarity (turn, scale, shift; no reflection) from `source` to `target`, float64 [n, 2] each.

    Points as complex numbers: z -> a z + b. Raises ValueError where the points of either side coincide.
    """
    start, end = source[:, 0] + 1j * source[:, 1], target[:, 0] + 1j * target[:, 1]
    centred = start - start.mean()
    spread = float((abs(centred) ** 2).sum())
    turn = complex((centred.conj() * end).sum()) / spread if spread else 0j
    if not abs(turn) > 1e-9:
        raise ValueError("points that coincide give no direction")
    shift = complex(end.mean()) - turn * complex(start.mean())
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def chip_map(points: NDArray[np.float64]) -> Matrix:
    """From chip to picture for dlib's five points, float64 [5, 2]: get_face_chip with a padding of .25.

    dlib's rectangles include their ends, hence a chip of 150 s px spans 150 s - 1 steps.
    """
    fitted = similarity(_CHIP_POINTS, points)
    middle = fitted[:, :2] @ (CHIP_SIDE / 2, CHIP_SIDE / 2) + fitted[:, 2]
    scale = float(np.hypot(fitted[0, 0], fitted[1, 0]))
    linear = fitted[:, :2] * ((CHIP_SIDE * scale - 1) / (CHIP_SIDE - 1) / scale)
    half = (CHIP_SIDE - 1) / 2
    return np.column_stack([linear, middle - linear @ (half, half)])


def warp(pixels: Pixels, to_picture: Matrix, side: int) -> Pixels:
    """The square uint8 [side, side, 3] whose pixels `to_picture` sends into the picture; outside it is black.

    Only the part of the picture that is needed is read, and it is halved while more than two of its pixels fall on one
    of the square's, so the cost does not grow with the picture.
    """
    matrix = to_picture.copy()
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    last = side - 1
    corners = np.array([(0, 0), (last, 0), (0, last), (last, last)]) @ matrix[:, :2].T + matrix[:, 2]
    margin = 4 * scale + 4
    left, top = np.maximum(np.floor(corners.min(0) - margin), 0).astype(int)
    right, bottom = np.minimum(np.ceil(corners.max(0) + margin), (pixels.shape[1], pixels.shape[0])).astype(int)
    if left >= right or top >= bottom:
        return np.zeros((side, side, 3), np.uint8)
    part = pixels[top:bottom, left:right]
    matrix[:, 2] -= (left, top)
    while scale > 2:
        part = np.asarray(cv2.pyrDown(part), np.uint8)
        matrix /= 2
        scale /= 2
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(part, matrix, (side, side), flags=flags, borderValue=(0, 0, 0)), np.uint8)
