"""deepface's own crop of a face that our detector found. Needs the optional package deepface."""

import math
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from embeddings.deepface_package import part
from embeddings.types import Box, Face, Pixels

SIDE: Final = 224
# Any detector of deepface's that gives the eyes itself; for others deepface would search for them.
_GIVES_EYES: Final = "retinaface"


class FaceCrop:
    """Turned until the eyes are level, the detector's box cut out, made square with black."""

    def __init__(self) -> None:
        """Raises DeepFaceNotInstalled."""
        self._detection = part("modules.detection")
        self._preprocessing = part("modules.preprocessing")
        self._region = part("models.Detector").FacialAreaRegion

    def cut(self, pixels: Pixels, face: Face) -> NDArray[np.float32] | None:
        """float32 [1, 224, 224, 3], BGR, 0 to 1, as deepface's nets take it; None where the box holds no crop."""
        if not _reaches(face.box, pixels):
            return None
        window, left, top = _surroundings(pixels, face.box)
        (right_eye, left_eye) = (face.points[:2].astype(float) - (left, top)).tolist()
        region = self._region(
            x=int(face.box.x) - left,
            y=int(face.box.y) - top,
            w=int(face.box.width),
            h=int(face.box.height),
            left_eye=tuple(left_eye),
            right_eye=tuple(right_eye),
        )
        found = self._detection.extract_face(
            region, window, align=True, expand_percentage=0, width_border=0, height_border=0,
            detector_backend=_GIVES_EYES,
        ).img  # fmt: skip
        height, width = found.shape[:2]
        if SIDE * min(height, width) < max(height, width, 1):  # resized to fit, nothing would be left of the short side
            return None
        scaled = found / 255 if found.max() > 1 else found
        return np.asarray(self._preprocessing.resize_image(scaled, (SIDE, SIDE)), np.float32)


def _reaches(box: Box, pixels: Pixels) -> bool:
    height, width = pixels.shape[:2]
    return box.x < width and box.y < height and box.right > 0 and box.bottom > 0


def _surroundings(pixels: Pixels, box: Box) -> tuple[Pixels, int, int]:
    """What deepface looks at to turn the box: half a box more each way, BGR, black beyond the picture; its corner."""
    height, width = pixels.shape[:2]
    left, top = math.floor(box.x - box.width / 2) - 1, math.floor(box.y - box.height / 2) - 1
    right, bottom = math.ceil(box.right + box.width / 2) + 1, math.ceil(box.bottom + box.height / 2) + 1
    rows = slice(max(top, 0), min(bottom, height))
    columns = slice(max(left, 0), min(right, width))
    inside = pixels[rows, columns, ::-1]
    framed = cv2.copyMakeBorder(
        np.ascontiguousarray(inside), rows.start - top, bottom - rows.stop, columns.start - left, right - columns.stop,
        cv2.BORDER_CONSTANT, value=(0, 0, 0),
    )  # fmt: skip
    return np.asarray(framed, np.uint8), left, top
