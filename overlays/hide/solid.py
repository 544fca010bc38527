"""A plain patch: nothing of what was under it is left."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar, Final

import numpy as np

from embeddings.types import Pixels
from overlays.looks import EXTENT, Colour, Look, Tint
from overlays.region import Extent, cover_of, largest_first
from overlays.squircle import blend, strips
from overlays.subject import Subject

INK: Final = (24, 26, 31)
"""A near-black that does not look like a hole in the picture."""
EDGE: Final = 0.03
"""Softness of the outline, in outlines: smooth to the eye at any size."""


class Solid:
    """Every cover is the same colour, whatever it hides."""

    name: ClassVar[str] = "solid"
    title: ClassVar[str] = "Plain patch"
    hides: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset()
    looks: ClassVar[Mapping[str, Look]] = MappingProxyType({"cover": EXTENT, "colour": Tint(INK)})

    def __init__(self, *, cover: Extent = "head", colour: Colour = INK) -> None:
        self._extent: Extent = cover
        self._ink = np.array(colour, np.uint8)

    def draw(self, pixels: Pixels, subjects: Sequence[Subject]) -> Pixels:
        """A new picture with the faces covered."""
        drawn = pixels.copy()
        for subject in largest_first(subjects):
            for strip, share in strips(cover_of(subject, self._extent), EDGE, *pixels.shape[:2]):
                blend(drawn, strip, share, self._ink)
        return drawn
