"""The outline of soft covers: a rounded square drawn around what is promised, never inside it."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from embeddings.types import Pixels
from overlays.region import Cover, Rect, visible

STRIP: Final = 256
"""Rows blended at a time, so that a face as large as the picture costs no float copy of it."""


def strips(cover: Cover, softness: float, height: int, width: int) -> Iterator[tuple[Rect, NDArray[np.float32]]]:
    """The visible part of a cover, in strips of rows: pixels and how much of each the cover hides.

    float32 [rows, columns], 1 on every pixel that is promised and out to the outline, then falling to 0 at
    1 + `softness` outlines.
    """
    promised = visible(cover.promised, height, width)
    reach = visible(cover.outline.scaled(1 + softness), height, width)
    if reach is None:
        return
    center_x, center_y = cover.outline.center
    across = _powers(reach.left, reach.right, center_x, cover.outline.width / 2, cover.power)
    down = _powers(reach.top, reach.bottom, center_y, cover.outline.height / 2, cover.power)
    for top in range(reach.top, reach.bottom, STRIP):
        strip = Rect(reach.left, top, reach.right, min(top + STRIP, reach.bottom))
        rows = down[top - reach.top : strip.bottom - reach.top]
        outlines = (rows[:, None] + across[None, :]) ** np.float32(1 / cover.power)
        part = np.clip((1 + softness - outlines) / softness, 0, 1)
        share = (part * part * (3 - 2 * part)).astype(np.float32)
        if promised is not None:
            inside = slice(max(promised.top - top, 0), max(promised.bottom - top, 0))
            share[inside, promised.left - reach.left : promised.right - reach.left] = 1
        yield strip, share


def blend(pixels: Pixels, strip: Rect, share: NDArray[np.float32], cover: NDArray[np.uint8 | np.float32]) -> None:
    """Draws `cover` (broadcast to [rows, columns, 3]) onto the strip of `pixels`, in place."""
    under = pixels[strip.slices].astype(np.float32)
    pixels[strip.slices] = np.rint(under + (cover - under) * share[:, :, None]).astype(np.uint8)


def _powers(start: int, stop: int, center: float, half: float, power: int) -> NDArray[np.float32]:
    """(distance from the centre / half)^power for the centre of each pixel of a row or column."""
    away = np.abs(np.arange(start, stop) + 0.5 - center) / half
    powers: NDArray[np.float32] = np.minimum(away, 4.0).astype(np.float32) ** power
    return powers
