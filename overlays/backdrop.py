"""The ground that drawn heads stand on: it covers everything the style answers for, before anything is drawn on it."""

from typing import Final

import numpy as np

from embeddings.types import Pixels
from overlays.canvas import Path
from overlays.head import Head
from overlays.looks import Colour
from overlays.region import Cover
from overlays.sketch import Sketch, sketch
from overlays.squircle import blend, strips

EDGE: Final = 0.03  # softness of the outline, in outlines
CORNERS: Final = 96  # points of the outline


def backdrop(pixels: Pixels, head: Head, cover: Cover, top: Colour, bottom: Colour) -> Sketch | None:
    """Covers in place, from `top` to `bottom`, and gives a sketch kept to the cover; None where nothing is visible."""
    upper, lower = (np.array(colour, np.float32) for colour in (top, bottom))
    for strip, share in strips(cover, EDGE, *pixels.shape[:2]):
        rows = (np.arange(strip.top, strip.bottom) + 0.5 - cover.outline.y) / max(cover.outline.height, 1e-6)
        part = np.clip(rows, 0, 1).astype(np.float32)[:, None, None]
        blend(pixels, strip, share, upper + (lower - upper) * part)
    outline = edge(cover)
    return sketch(pixels, head, outline, outline)


def edge(cover: Cover) -> Path:
    """The outline of a cover, float64 [n, 2]."""
    angle = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
    round_x, round_y = np.cos(angle), np.sin(angle)
    x, y = (np.sign(part) * np.abs(part) ** (2 / cover.power) for part in (round_x, round_y))
    center_x, center_y = cover.outline.center
    return np.column_stack([center_x + x * cover.outline.width / 2, center_y + y * cover.outline.height / 2])
