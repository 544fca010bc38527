"""What blur and pixelate keep of a face: a handful of coarse colours, so that there is nothing to sharpen back."""

from typing import Final

import cv2
import numpy as np

from embeddings.types import Box, Pixels
from overlays.looks import Whole
from overlays.region import COVER, Rect

CELLS: Final = {1: 6, 2: 5, 3: 4, 4: 3, 5: 2}
"""By strength: so many colours along a side of the cover of a face.

A few colours of a person and their surroundings still tell something: without the chance below, the most alike summary
of another photo of LFW was the right person's, of 200, for 5 % at 4 colours a side, mostly by hair and background.
"""
STRENGTH: Final = Whole(1, 5, 4)
SMALLEST_CELL_PX: Final = 8.0
"""Small faces get fewer colours, down to one, never a cell with the detail of the picture itself."""
ASTRAY: Final = (40.0, 9.0, 9.0)
"""Standard deviations of what chance adds to brightness and the two colour differences of a colour, of 256."""
LEVELS: Final = np.array([16, 8, 8], np.uint8)
"""Steps of the kept brightness and of its two colour differences, of 256."""


def summary(pixels: Pixels, area: Rect, box: Box, cells: int, seed: int) -> Pixels:
    """The colours that are kept of `area`, the visible part of the cover of `box`: uint8 [rows, columns, 3].

    A cell is the side of the face's cover over `cells`, or larger. Only pixels of `area` are read; what chance adds
    follows from `seed`.
    """
    cell = max(SMALLEST_CELL_PX, COVER * max(box.width, box.height) / cells)
    columns, rows = (max(1, int(side / cell)) for side in (area.width, area.height))
    means = cv2.resize(pixels[area.slices], (columns, rows), interpolation=cv2.INTER_AREA)
    split = cv2.cvtColor(means, cv2.COLOR_RGB2YCrCb)
    chance = np.random.default_rng(seed).normal(0, ASTRAY, split.shape)
    split = np.clip(np.rint(split + chance), 0, 255).astype(np.uint8)
    kept = split // LEVELS * LEVELS + LEVELS // 2
    return cv2.cvtColor(kept, cv2.COLOR_YCrCb2RGB).astype(np.uint8)
