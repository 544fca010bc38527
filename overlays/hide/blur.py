"""A soft wash of the face's colours.

Not a filter over the picture, which could be turned back: the few colours of `overlays.summary` are spread out
smoothly, and all that was finer is gone before anything is drawn.
"""

from collections.abc import Sequence
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from embeddings.types import Face, Pixels
from overlays.region import COVER, Rect, largest_first, visible
from overlays.squircle import blend, strips
from overlays.summary import summary

FADE: Final = 0.28
"""Softness of the outline, in outlines; the fade lies outside the promised box."""
SPREAD: Final = 0.75
"""Standard deviation with which a colour is spread out, in cells: no cell can be made out."""


class Blur:
    """As if seen through frosted glass."""

    name: ClassVar[str] = "blur"
    hides: ClassVar[bool] = True

    def draw(self, pixels: Pixels, faces: Sequence[Face]) -> Pixels:
        """A new picture with the faces covered."""
        drawn = pixels.copy()
        for face in largest_first(faces):
            area = visible(face.box.scaled(COVER), *pixels.shape[:2])
            if area is None:
                continue
            colours = summary(drawn, area, face.box)
            for strip, share in strips(face.box, FADE, *pixels.shape[:2]):
                blend(drawn, strip, share, _spread(colours, area, strip))
        return drawn


def _spread(colours: Pixels, area: Rect, strip: Rect) -> NDArray[np.float32]:
    """The colours of the grid on `area`, spread over the pixels of `strip`: float32 [rows, columns, 3]."""
    rows, columns, _ = colours.shape
    down = _weights(strip.top, strip.bottom, area.top, area.height, rows)
    across = _weights(strip.left, strip.right, area.left, area.width, columns)
    lines = np.tensordot(down, colours.astype(np.float32), axes=(1, 0))  # [rows of the strip, columns of the grid, 3]
    spread: NDArray[np.float32] = np.einsum("xc,rck->rxk", across, lines, optimize=True)
    return spread


def _weights(start: int, stop: int, origin: int, length: int, cells: int) -> NDArray[np.float32]:
    """How much each cell of a grid line counts at each pixel: float32 [stop - start, cells], each row adds up to 1.

    Beyond the ends of the grid the last cell goes on.
    """
    place = (np.arange(start, stop) + 0.5 - origin) / length * cells - 0.5
    away = np.clip(place, 0, cells - 1)[:, None] - np.arange(cells)[None, :]
    bell = np.exp(-0.5 * (away / SPREAD) ** 2)
    weights: NDArray[np.float32] = (bell / bell.sum(axis=1, keepdims=True)).astype(np.float32)
    return weights
