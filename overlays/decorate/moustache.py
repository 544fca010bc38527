"""A handlebar moustache under the nose."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar, Final

import numpy as np

from embeddings.types import Pixels
from overlays.decorate.drawing import FACE, each
from overlays.head import Array, mean_face
from overlays.looks import Colour, Look, Tint
from overlays.portrait import mixed
from overlays.shapes import mirrored, on_face, points, smooth
from overlays.sketch import BLACK, WHITE, Sketch
from overlays.subject import Subject

HAIR: Final[Colour] = (58, 38, 28)
UPPER: Final = smooth(
    points((0.0, 0.86), (0.1, 0.78), (0.26, 0.80), (0.44, 0.92), (0.62, 0.95), (0.78, 0.86), (0.86, 0.70)), steps=12
)
LOWER: Final = smooth(
    points((0.0, 0.93), (0.08, 0.97), (0.22, 1.04), (0.42, 1.11), (0.64, 1.1), (0.82, 0.95), (0.86, 0.70)), steps=12
)
LIP: Final = 164  # MediaPipe's point between nose and upper lip
STRANDS: Final = 17


class Moustache:
    """The lip is dressed up; the face is still to be known."""

    name: ClassVar[str] = "moustache"
    title: ClassVar[str] = "Moustache"
    hides: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset({"mesh"})
    looks: ClassVar[Mapping[str, Look]] = MappingProxyType({"colour": Tint(HAIR)})

    def __init__(self, *, colour: Colour = HAIR) -> None:
        self._hair = colour

    def draw(self, pixels: Pixels, subjects: Sequence[Subject]) -> Pixels:
        """A new picture with the moustache on."""
        return each(pixels, subjects, FACE, self._one)

    def _one(self, sketch: Sketch, subject: Subject) -> None:  # noqa: ARG002 - how the head stands is all it takes
        shift = np.clip(sketch.head.shape[LIP] - mean_face()[LIP], -0.3, 0.3)
        half = np.vstack([UPPER, LOWER[-2::-1]])
        whole = _laid(np.vstack([half, mirrored(half)[::-1]]), shift)
        sketch.shadow(whole, 0.06, 0.45, sketch.face(), (0.01, 0.08))
        light = mixed(self._hair, WHITE, 0.2)
        sketch.fill(
            whole,
            sketch.fade(
                (0, 0.78, -0.5),
                (0, 1.12, -0.4),
                ((0.0, light, 1.0), (0.45, self._hair, 1.0), (1.0, mixed(self._hair, BLACK, 0.35), 1.0)),
            ),
        )
        shown = sketch.shown(whole)
        for number in range(STRANDS):
            share = (number + 0.5) / STRANDS
            strand = UPPER + (LOWER - UPPER) * share
            strand = strand[2 + number % 3 * 2 :]
            tone = mixed(self._hair, WHITE, 0.34) if number % 3 == 0 else mixed(self._hair, BLACK, 0.45)
            for side in (strand, mirrored(strand)):
                sketch.line(_laid(side, shift - (0, 0, 0.005)), 0.014, tone, 0.55 * (1 - 0.4 * share), [shown])


def _laid(flat: Array, shift: Array) -> Array:
    laid: Array = on_face(flat, 0.05) + shift
    return laid
