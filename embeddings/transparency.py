"""Transparent pictures: laid on white to be looked at, and taken off again to be written."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from embeddings.types import Pixels

Alpha = NDArray[np.uint8]
"""How opaque each pixel is, uint8 [height, width]: 0 lets everything through, 255 nothing."""

WHITE: Final = 255
ROWS_AT_ONCE: Final = 256


def alpha_of(stored: NDArray[np.uint8 | np.uint16]) -> Alpha | None:
    """Of OpenCV's grey, BGR or BGRA of 8 or 16 bits; None for a picture that is opaque everywhere."""
    if stored.ndim == 2 or stored.shape[2] != 4:
        return None
    last = stored[:, :, 3]
    alpha = (last >> 8).astype(np.uint8) if last.dtype == np.uint16 else np.ascontiguousarray(last, np.uint8)
    return None if (alpha == WHITE).all() else alpha


def on_white(stored: NDArray[np.uint8 | np.uint16]) -> Pixels:
    """OpenCV's grey, BGR or BGRA of 8 or 16 bits as RGB of 8 bits; where it is transparent white shines through."""
    height, width = stored.shape[:2]
    out = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, ROWS_AT_ONCE):
        rows = stored[top : top + ROWS_AT_ONCE]
        if rows.dtype == np.uint16:
            rows = (rows >> 8).astype(np.uint8)
        if rows.ndim == 2:
            rows = rows[:, :, None]
        colours = rows[:, :, 2::-1] if rows.shape[2] >= 3 else rows[:, :, :1]
        part = np.broadcast_to(colours, (*rows.shape[:2], 3))
        if rows.shape[2] == 4:
            alpha = rows[:, :, 3:].astype(np.uint16)
            part = ((part * alpha + WHITE * (WHITE - alpha) + WHITE // 2) // WHITE).astype(np.uint8)
        out[top : top + ROWS_AT_ONCE] = part
    return out


def on_black(pixels: Pixels, alpha: Alpha) -> Pixels:
    """The same picture, which lies on white, laid on black instead: what a dark page shows of it."""
    out = np.empty_like(pixels)
    for top in range(0, len(pixels), ROWS_AT_ONCE):
        rows = slice(top, top + ROWS_AT_ONCE)
        through = WHITE - alpha[rows, :, None].astype(np.int16)
        out[rows] = np.clip(pixels[rows].astype(np.int16) - through, 0, WHITE).astype(np.uint8)
    return out


def off_white(pixels: Pixels, alpha: Alpha) -> Pixels:
    """The colours that give `pixels` when they are laid on white with `alpha`; white where nothing is to be seen.

    Made from what shows alone, so nothing that was transparent before comes back with another alpha.
    """
    out = np.empty_like(pixels)
    for top in range(0, len(pixels), ROWS_AT_ONCE):
        rows = slice(top, top + ROWS_AT_ONCE)
        share = alpha[rows, :, None].astype(np.float32) / WHITE
        shown = pixels[rows].astype(np.float32) - WHITE * (1 - share)
        colours = np.where(share > 0, shown / np.maximum(share, 1 / WHITE), WHITE)
        out[rows] = np.clip(np.rint(colours), 0, WHITE).astype(np.uint8)
    return out
