"""One colour in the shape of the face, or of the head."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar, Final

import numpy as np

from embeddings.types import Box, Pixels
from overlays.canvas import Path
from overlays.head import Array, Head, head_of
from overlays.looks import EXTENT, Colour, Look, Tint
from overlays.region import SKULL, SKULL_MIDDLE, Extent, largest_first
from overlays.shapes import OVAL, ellipsoid, grown, hull, rounded
from overlays.sketch import sketch
from overlays.subject import Subject

SLATE: Final = (86, 104, 130)
ROOM: Final = 1.12
"""The mesh ends at the skin's edge; the outline is drawn so many times as large."""
SOFT: Final = 0.1  # spread of the edge, eye units; it lies outside of the outline


class Mask:
    """The face's own outline, which turns and speaks with it; flat inside, with a soft edge."""

    name: ClassVar[str] = "mask"
    title: ClassVar[str] = "Mask"
    hides: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset({"mesh"})
    looks: ClassVar[Mapping[str, Look]] = MappingProxyType({"cover": EXTENT, "colour": Tint(SLATE)})

    def __init__(self, *, cover: Extent = "head", colour: Colour = SLATE) -> None:
        self._extent: Extent = cover
        self._colour = colour

    def draw(self, pixels: Pixels, subjects: Sequence[Subject]) -> Pixels:
        """A new picture with the faces covered."""
        drawn = pixels.copy()
        for subject in largest_first(subjects):
            head = head_of(subject)
            shape = outline(head, subject.face.box, self._extent)
            room = 3 * SOFT * head.unit
            on = sketch(drawn, head, np.vstack([shape.min(axis=0) - room, shape.max(axis=0) + room]))
            if on is not None:
                on.canvas.shadow([shape], SOFT * head.unit, 1.0, (), self._colour)
                on.canvas.fill([shape], self._colour)
                on.canvas.finish(drawn)
        return drawn


def outline(head: Head, box: Box, extent: Extent) -> Path:
    """Around the mesh with some room and the ellipse in the detector's box, and for the head around the skull too."""
    shapes = [grown(head.mesh[list(OVAL), :2], ROOM), ellipse(box)]
    if extent == "head":
        shapes.append(grown(hull(head.place(ellipsoid(SKULL_MIDDLE, SKULL))), ROOM))
    return rounded(hull(np.vstack(shapes)))


def ellipse(box: Box, count: int = 48) -> Array:
    """The ellipse in a box, float64 [count, 2]."""
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    x, y = box.center
    return np.column_stack([x + np.cos(angle) * box.width / 2, y + np.sin(angle) * box.height / 2])
