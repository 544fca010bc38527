"""A plain patch: nothing of what was under it is left."""

from collections.abc import Sequence
from typing import ClassVar, Final

import numpy as np

from embeddings.types import Face, Pixels
from overlays.region import largest_first
from overlays.squircle import blend, strips

INK: Final = (24, 26, 31)
"""A near-black that does not look like a hole in the picture."""
EDGE: Final = 0.03
"""Softness of the outline, in outlines: smooth to the eye at any size."""


class Solid:
    """Every cover is the same colour, whatever it hides."""

    name: ClassVar[str] = "solid"
    hides: ClassVar[bool] = True

    def draw(self, pixels: Pixels, faces: Sequence[Face]) -> Pixels:
        """A new picture with the faces covered."""
        drawn = pixels.copy()
        ink = np.array(INK, np.uint8)
        for face in largest_first(faces):
            for strip, share in strips(face.box, EDGE, *pixels.shape[:2]):
                blend(drawn, strip, share, ink)
        return drawn
