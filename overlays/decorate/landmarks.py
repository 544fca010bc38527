"""The mesh itself: what a program sees in a face."""

from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import ClassVar, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from embeddings.types import Pixels
from overlays.decorate.drawing import each
from overlays.head import mean_face
from overlays.looks import Colour, Look, Tint
from overlays.portrait import mixed
from overlays.shapes import (
    IMAGE_LEFT_BROW,
    IMAGE_LEFT_EYE,
    IMAGE_RIGHT_BROW,
    IMAGE_RIGHT_EYE,
    INNER_LIPS,
    NOSE_BASE,
    NOSE_RIDGE,
    OUTER_LIPS,
    OVAL,
    disc,
    points,
)
from overlays.sketch import WHITE, Sketch
from overlays.subject import Subject

LINES: Final[Colour] = (72, 224, 198)
CLOSED: Final = (OVAL, IMAGE_LEFT_EYE, IMAGE_RIGHT_EYE, OUTER_LIPS, INNER_LIPS, IMAGE_LEFT_BROW, IMAGE_RIGHT_BROW)
OPEN: Final = (NOSE_RIDGE, NOSE_BASE)
REACH: Final = points((-2.2, -2.0, -1.4), (2.2, 3.0, 1.8))
FINE_PX: Final = 22.0  # eye units below which net and dots would only be a smear


@cache
def edges() -> NDArray[np.intp]:
    """The net between the points, [n, 2]: the Delaunay triangles of the mean face from ahead."""
    flat = np.ascontiguousarray(mean_face()[:, :2] * 100 + 500).astype(np.float32)
    division = cv2.Subdiv2D((0, 0, 1000, 1000))
    for x, y in flat.tolist():
        division.insert((x, y))
    found = {
        tuple(sorted((start, end)))
        for edge in division.getEdgeList()
        if (start := _nearest(flat, edge[:2])) is not None
        and (end := _nearest(flat, edge[2:])) is not None
        and start != end
    }
    short = [pair for pair in sorted(found) if np.linalg.norm(flat[pair[0]] - flat[pair[1]]) < 45]
    return np.array(short, np.intp)


def _nearest(flat: NDArray[np.float32], place: Sequence[float]) -> int | None:
    away = np.abs(flat - np.array(place)).sum(axis=1)
    best = int(np.argmin(away))
    return best if away[best] < 1e-2 else None


class Landmarks:
    """468 points, the net between them and the lines of eyes, brows, nose and lips."""

    name: ClassVar[str] = "landmarks"
    title: ClassVar[str] = "Landmarks"
    hides: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset({"mesh"})
    looks: ClassVar[Mapping[str, Look]] = MappingProxyType({"colour": Tint(LINES)})

    def __init__(self, *, colour: Colour = LINES) -> None:
        self._colour = colour

    def draw(self, pixels: Pixels, subjects: Sequence[Subject]) -> Pixels:
        """A new picture with the points on."""
        return each(pixels, subjects, REACH, self._one)

    def _one(self, sketch: Sketch, subject: Subject) -> None:  # noqa: ARG002 - the head has the mesh
        mesh, colour = sketch.head.mesh[:, :2], self._colour
        unit = sketch.head.unit
        if unit >= FINE_PX:
            for start, end in edges():
                sketch.line(mesh[[start, end]], 0.009, mixed(colour, WHITE, 0.35), 0.42)
        for line, closed in [(line, True) for line in CLOSED] + [(line, False) for line in OPEN]:
            path = mesh[list(line)]
            sketch.line(path, 0.055, (6, 24, 32), 0.28, closed=closed)
            sketch.line(path, 0.03, colour, 0.95, closed=closed)
        if unit >= FINE_PX:
            dot = disc((0, 0, 0), 0.016 * unit, 10)[:, :2]
            for point in mesh:
                sketch.fill(dot + point, mixed(colour, WHITE, 0.75), 0.9)
