"""Whether a frame shows another scene than the one before: cheap enough for every frame."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from embeddings.types import Pixels

ACROSS, DOWN = 16, 12
CHANGED: Final = 18.0
"""Mean difference of the brightness of the coarse picture, of 255."""


class Scene:
    """Remembers the frame before."""

    def __init__(self) -> None:
        self._before: NDArray[np.float32] | None = None

    def changed(self, pixels: Pixels) -> bool:
        """True for the first frame, and for one that differs much from the frame before."""
        small = cv2.resize(pixels, (ACROSS, DOWN), interpolation=cv2.INTER_AREA)
        grey = small.astype(np.float32).mean(axis=2)
        before, self._before = self._before, grey
        return before is None or float(np.abs(grey - before).mean()) > CHANGED
