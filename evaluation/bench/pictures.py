"""The frame that the bench runs on, and what is made from it."""

from typing import Final

import cv2
import numpy as np

from embeddings.align import Aligner
from embeddings.detect import CenterFace, Purpose
from embeddings.image import ImageLimits, PictureFormat, decode, encode
from embeddings.onnx import Runtime
from embeddings.quality import QualityGate, QualityLimits
from embeddings.types import Face, Pixels

WIDTH: Final = 640
HEIGHT: Final = 480
FACE_HEIGHT: Final = 230.0
"""Of the detector's box, px: somebody who sits before a webcam."""
_BACKGROUND: Final = (96, 96, 96)


def main_face(image: bytes) -> tuple[Pixels, Face, Pixels]:
    """A picture's pixels, its one clear face and that face's chip. Raises ImageRefused or FaceRefused."""
    pixels = decode(image, ImageLimits()).pixels
    runtime = Runtime(1)
    face = QualityGate(QualityLimits()).main_face(CenterFace.load(runtime).detect(pixels, Purpose.FIND).faces)
    return pixels, face, Aligner.load().chip(pixels, face)


def as_webcam(portrait: bytes, *, shift: tuple[float, float] = (0.0, 0.0), zoom: float = 1.0) -> bytes:
    """The face of a portrait as a webcam of 640 x 480 would see it: a JPEG. `shift`: px to the right and down.

    Raises ImageRefused or FaceRefused.
    """
    pixels, face, _ = main_face(portrait)
    return framed(pixels, face, shift=shift, zoom=zoom)


def framed(pixels: Pixels, face: Face, *, shift: tuple[float, float] = (0.0, 0.0), zoom: float = 1.0) -> bytes:
    """The same for a face that has been found."""
    scale = zoom * FACE_HEIGHT / face.box.height
    x, y = face.box.center
    matrix = np.array([[scale, 0, WIDTH / 2 - x * scale + shift[0]], [0, scale, HEIGHT / 2 - y * scale + shift[1]]])
    frame = cv2.warpAffine(pixels, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_AREA, borderValue=_BACKGROUND)
    return encode(np.asarray(frame, np.uint8), PictureFormat.JPEG)


def lit(chip: Pixels, count: int) -> list[Pixels]:
    """`count` chips that differ: the first as it is, each further one a little darker."""
    return [(chip * (1 - 0.05 * number)).astype(np.uint8) for number in range(count)]
