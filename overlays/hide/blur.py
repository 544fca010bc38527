"""A soft wash of the face's colours.

Not a filter over the picture, which could be turned back: the few colours of `overlays.summary` are spread out
smoothly, and all that was finer is gone before anything is drawn.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from embeddings.types import Pixels
from overlays.looks import EXTENT, Look
from overlays.region import Extent, Rect, cover_of, largest_first, visible
from overlays.squircle import blend, strips
from overlays.subject import Subject
from overlays.summary import CELLS, STRENGTH, summary

FADE: Final = 0.28
"""Softness of the outline, in outlines; the fade lies outside the promised box."""
SPREAD: Final = 0.75
"""Standard deviation with which a colour is spread out, in cells: no cell can be made out."""


class Blur:
    """As if seen through frosted glass."""

    name: ClassVar[str] = "blur"
    title: ClassVar[str] = "Frosted glass"
    hides: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset()
    looks: ClassVar[Mapping[str, Look]] = MappingProxyType({"cover": EXTENT, "strength": STRENGTH})

    def __init__(self, *, cover: Extent = "head", strength: int = STRENGTH.default) -> None:
        self._extent: Extent = cover
        self._cells = CELLS[strength]

    def draw(self, pixels: Pixels, subjects: Sequence[Subject]) -> Pixels:
        """A new picture with the faces covered."""
        drawn = pixels.copy()
        for subject in largest_first(subjects):
            cover = cover_of(subject, self._extent)
            area = visible(cover.area, *pixels.shape[:2])
            if area is None:
                continue
            colours = summary(drawn, area, subject.face.box, self._cells, subject.seed)
            for strip, share in strips(cover, FADE, *pixels.shape[:2]):
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
