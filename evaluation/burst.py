"""Frames of one moment, made from one photo: what a burst is worth against photos of different moments.

Between two frames of a webcam the head moves by a little, and noise, exposure and compression are drawn anew;
expression, light and pose stay. That is all that is changed here, by so much that two frames of one photo of LFW lie
as far apart as two of a talking person's clip: .11 with dlib's vector (clips .10 to .14), .14 with the fused one (.13
to .18).
"""

import hashlib
from dataclasses import replace
from typing import Final

import cv2
import numpy as np

from embeddings.image import ImageLimits, PictureFormat, decode, encode
from embeddings.types import Pixels
from evaluation.faces import Faces

SHIFT: Final = 0.03  # of the shorter side, either way; the other limits likewise
TURN: Final = 5.0  # degrees
SCALE: Final = 0.05
BRIGHTNESS: Final = 0.2
NOISE: Final = 8.0  # standard deviation, of 255
QUALITY: Final = (40, 80)  # of JPEG


def frames(data: bytes, count: int) -> list[bytes]:
    """The picture itself and `count` - 1 further frames of its moment, JPEG files; the same at every call.

    Raises ImageRefused.
    """
    pixels = decode(data, ImageLimits()).pixels
    random = np.random.default_rng(int.from_bytes(hashlib.sha256(data).digest()[:8]))
    return [data, *(_another(pixels, random) for _ in range(count - 1))]


def averaged(faces: Faces, count: int) -> Faces:
    """Each picture's vector replaced by the mean of its first `count` frames. Raises ValueError without frames."""
    if faces.frames is None or faces.frames.shape[1] < count:
        raise ValueError("these faces were collected without frames enough")
    sums = faces.frames[:, :count].astype(np.float64).sum(axis=1)
    units = sums / np.linalg.norm(sums, axis=1, keepdims=True)
    return replace(faces, vectors=units.astype(np.float32))


def _another(pixels: Pixels, random: np.random.Generator) -> bytes:
    height, width = pixels.shape[:2]
    turn, scale = random.uniform(-TURN, TURN), 1 + random.uniform(-SCALE, SCALE)
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), turn, scale)
    matrix[:, 2] += random.uniform(-SHIFT, SHIFT, 2) * min(height, width)
    moved = cv2.warpAffine(pixels, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE).astype(np.float64)
    lit = moved * (1 + random.uniform(-BRIGHTNESS, BRIGHTNESS)) + random.normal(0, NOISE, moved.shape)
    frame = np.clip(np.round(lit), 0, 255).astype(np.uint8)
    return encode(frame, PictureFormat.JPEG, int(random.integers(QUALITY[0], QUALITY[1] + 1)))
