"""What blur and pixelate keep of a face: a handful of coarse colours, so that there is nothing to sharpen back."""

from typing import Final

import cv2
import numpy as np

from embeddings.types import Box, Pixels
from overlays.looks import Whole
from overlays.region import COVER, Rect

CELLS: Final = {1: 6, 2: 5, 3: 4, 4: 3, 5: 2}
"""By strength: so many colours along a side of the cover of a face.

A colour picture of a person's surroundings is still one: among 500 people of LFW the nearest such summary of another
photo was the right person's for 6 % (8 cells: 7 %, 4 cells: 5 %, chance 0.2 %), mostly by hair and background. Where a
guess like that matters, only `solid` will do.
"""
STRENGTH: Final = Whole(1, 5, 3)
SMALLEST_CELL_PX: Final = 8.0
"""Small faces get fewer colours, down to one, never a cell with the detail of the picture itself."""
LEVELS: Final = np.array([16, 8, 8], np.uint8)
"""Steps of the kept brightness and of its two colour differences, of 256."""


def summary(pixels: Pixels, area: Rect, box: Box, cells: int) -> Pixels:
    """The colours that are kept of `area`, the visible part of the cover of `box`: uint8 [rows, columns, 3].

    A cell is the side of the face's cover over `cells`, or larger. Only pixels of `area` are read.
    """
    cell = max(SMALLEST_CELL_PX, COVER * max(box.width, box.height) / cells)
    columns, rows = (max(1, int(side / cell)) for side in (area.width, area.height))
    means = cv2.resize(pixels[area.slices], (columns, rows), interpolation=cv2.INTER_AREA)
    split = cv2.cvtColor(means, cv2.COLOR_RGB2YCrCb)
    kept = split // LEVELS * LEVELS + LEVELS // 2
    return cv2.cvtColor(kept, cv2.COLOR_YCrCb2RGB).astype(np.uint8)
