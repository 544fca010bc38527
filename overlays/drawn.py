"""Where styles draw, whatever the picture: so that a transparent picture is opaque there, and no outline shows."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from embeddings.types import Pixels
from overlays.compose import compose
from overlays.style import OverlayStyle
from overlays.subject import Subject

OPAQUE = 255


def drawn_alpha(
    alpha: NDArray[np.uint8], subjects: Sequence[Subject], styles: Sequence[OverlayStyle]
) -> NDArray[np.uint8]:
    """The alpha uint8 [height, width] of the finished picture: opaque wherever something is drawn, else as before.

    Found by drawing on noise, so it depends on where the faces are and on nothing else of the picture.
    """
    height, width = alpha.shape
    touched = np.zeros((height, width), np.uint8)
    for seed in (1, 2):
        noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
        touched |= changed(noise, compose(noise, subjects, styles))
    closed = cv2.morphologyEx(touched, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    return np.where(closed > 0, np.uint8(OPAQUE), alpha)


def changed(before: Pixels, after: Pixels) -> NDArray[np.uint8]:
    touched: NDArray[np.uint8] = np.any(before != after, axis=2).astype(np.uint8)
    return touched
