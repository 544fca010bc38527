"""What every decoration does: each subject in turn, the largest first, on a sketch of the part it reaches."""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from embeddings.types import Pixels
from overlays.head import Array, head_of
from overlays.region import largest_first
from overlays.shapes import points
from overlays.sketch import Sketch, sketch
from overlays.subject import Subject

FACE: Final = points((-1.6, -1.2, -1.0), (1.6, 2.2, 1.4))
"""Opposite corners of a box about the face, in the head's own space."""
ABOVE: Final = points((-2.8, -3.6, -2.2), (2.8, 0.6, 3.6))
"""The same about the skull and what is worn on it."""


def each(pixels: Pixels, subjects: Sequence[Subject], reach: Array, draw: Callable[[Sketch, Subject], None]) -> Pixels:
    """A new picture. `reach`: opposite corners of a box of the head's own space, float64 [2, 3], that holds the art."""
    drawn = pixels.copy()
    corners = np.stack(np.meshgrid(*reach.T, indexing="ij"), axis=-1).reshape(-1, 3)
    for subject in largest_first(subjects):
        head = head_of(subject)
        on = sketch(drawn, head, head.place(corners))
        if on is not None:
            draw(on, subject)
            on.canvas.finish(drawn)
    return drawn
