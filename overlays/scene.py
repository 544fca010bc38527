"""Whether a frame shows another scene than the one before: cheap enough for every frame."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from embeddings.types import Pixels

ACROSS, DOWN = 32, 24
DIFFERENT: Final = 18.0
"""Mean difference of the brightness of the coarse pictures, of 255, from which on it may be another scene."""
SURELY: Final = 60.0
BINS: Final = 16
REDISTRIBUTED: Final = 0.2
"""Share of the coarse pixels that change to another sixteenth of the brightness. Somebody who moves, or a camera that
does, moves brightness from place to place; another scene has other brightness. A slow service sees frames far apart,
and would search each of them thoroughly, and be slower still, if moving were enough."""


class Scene:
    """Remembers the frame before."""

    def __init__(self) -> None:
        self._before: NDArray[np.float32] | None = None

    def changed(self, pixels: Pixels) -> bool:
        """True for the first frame, and for one that differs much from the frame before."""
        small = cv2.resize(pixels, (ACROSS, DOWN), interpolation=cv2.INTER_AREA)
        grey = small.astype(np.float32).mean(axis=2)
        before, self._before = self._before, grey
        if before is None:
            return True
        difference = float(np.abs(grey - before).mean())
        return difference > SURELY or (difference > DIFFERENT and redistributed(grey, before) > REDISTRIBUTED)


def redistributed(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Half the sum of the differences of the two histograms, as shares: 0 to 1."""
    counts = [np.histogram(each, bins=BINS, range=(0, 256))[0] / each.size for each in (one, other)]
    return float(np.abs(counts[0] - counts[1]).sum() / 2)
