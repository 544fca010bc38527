"""One colour in the shape of the face, or of the head."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar, Final

import numpy as np

from embeddings.types import Box, Pixels
from overlays.canvas import Path
from overlays.head import Array, Head, head_of
from overlays.looks import EXTENT, Colour, Look, Tint
from overlays.region import COVER, SKULL, SKULL_MIDDLE, Extent, largest_first
from overlays.shapes import OVAL, ellipsoid, grown, hull, rounded
from overlays.sketch import sketch
from overlays.subject import Subject

SLATE: Final = (86, 104, 130)
ROOM: Final = 1.12
"""The mesh ends at the skin's edge; the outline is drawn so many times as large."""
BLUNT: Final = 3.2  # power of the outline of the head: 2 is an egg, more is squarer
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
    """Of the face: around the mesh with some room, and the ellipse in the detector's box.

    Of the head: around the skull, as blunt and large as takes in the promised box too. It is the same for everybody who
    stands alike, since the shape of a face would tell it.
    """
    if extent == "face":
        return rounded(hull(np.vstack([grown(head.mesh[list(OVAL), :2], ROOM), ellipse(box)])))
    surface = ellipsoid((0, 0, 0), (1, 1, 1))
    blunt = surface / (np.abs(surface) ** BLUNT).sum(axis=1, keepdims=True) ** (1 / BLUNT)
    shape = hull(head.place(np.array(SKULL_MIDDLE) + blunt * SKULL))
    promised = box.scaled(COVER)
    corners = [(x, y) for x in (promised.x, promised.right) for y in (promised.y, promised.bottom)]
    return grown(shape, max(1.0, *(_beyond(shape, corner) for corner in corners)))


def _beyond(shape: Path, point: tuple[float, float]) -> float:
    """How many times as large an outline must be to take in a point."""
    middle = (shape.min(axis=0) + shape.max(axis=0)) / 2
    edges, away = np.roll(shape, -1, axis=0) - shape, np.array(point) - middle
    outwards = np.column_stack([edges[:, 1], -edges[:, 0]])
    outwards *= np.sign((outwards * (shape - middle)).sum(axis=1, keepdims=True))
    reach = (outwards * (shape - middle)).sum(axis=1)
    return float(((outwards @ away)[reach > 1e-9] / reach[reach > 1e-9]).max(initial=0.0))


def ellipse(box: Box, count: int = 48) -> Array:
    """The ellipse in a box, float64 [count, 2]."""
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    x, y = box.center
    return np.column_stack([x + np.cos(angle) * box.width / 2, y + np.sin(angle) * box.height / 2])
