"""A felt hat with a ribbon."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from embeddings.types import Pixels
from overlays.decorate.drawing import ABOVE, each
from overlays.head import Array
from overlays.looks import Colour, Look, Tint
from overlays.portrait import mixed
from overlays.shapes import hull
from overlays.sketch import BLACK, WHITE, Sketch
from overlays.subject import Subject

FELT: Final[Colour] = (112, 74, 50)
MIDDLE: Final = (-0.98, 0.7)  # of the brim: y and z
TILT: Final = 0.2  # how much the brim falls towards its front
CURL: Final = 0.26  # how far its sides rise
INNER, OUTER = (1.33, 1.5), (2.2, 2.25)  # half axes of the brim, across and along
TOP: Final = (0.98, 1.22)
HEIGHT: Final = 1.42
RIBBON: Final = 0.36
ANGLES: Final = np.linspace(0, 2 * np.pi, 72, endpoint=False)


def level(axes: tuple[float, float], up: float = 0.0, curl: float = 0.0) -> Array:
    """A ring about the head so far above the brim, float64 [72, 3]; it begins at the image's right, then goes back."""
    x, along = np.cos(ANGLES) * axes[0], np.sin(ANGLES) * axes[1]
    y = MIDDLE[0] - up + TILT * -along - curl * (np.cos(ANGLES) ** 2) * np.abs(np.cos(ANGLES))
    return np.column_stack([x, y, MIDDLE[1] + along])


def near(sketch: Sketch) -> NDArray[np.intp]:
    """The numbers of `ANGLES` on the side of the hat that is seen, in order."""
    outwards = np.column_stack([np.cos(ANGLES), np.zeros_like(ANGLES), np.sin(ANGLES)])
    seen = sketch.head.depth(outwards) < 0.06
    first = int(np.flatnonzero(seen & ~np.roll(seen, 1))[0]) if not seen.all() and seen.any() else 0
    return (first + np.arange(int(seen.sum()))) % len(ANGLES)


class Hat:
    """The hair is under a hat; the face is still to be known."""

    name: ClassVar[str] = "hat"
    title: ClassVar[str] = "Hat"
    hides: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset({"mesh"})
    looks: ClassVar[Mapping[str, Look]] = MappingProxyType({"colour": Tint(FELT)})

    def __init__(self, *, colour: Colour = FELT) -> None:
        self._felt = colour

    def draw(self, pixels: Pixels, subjects: Sequence[Subject]) -> Pixels:
        """A new picture with the hat on."""
        return each(pixels, subjects, ABOVE, self._one)

    def _one(self, sketch: Sketch, subject: Subject) -> None:  # noqa: ARG002 - how the head stands is all it takes
        brim = sketch.shown(level(OUTER, curl=CURL))
        sketch.shadow(brim, 0.16, 0.55, sketch.face(), (0.0, 0.18))
        from_above = float(sketch.head.turn[2] @ np.array([0, -1, -TILT])) < 0
        if from_above:
            self._brim(sketch, brim, below=False)
            self._crown(sketch)
            return
        self._crown(sketch)
        before = near(sketch)
        outer, inner = level(OUTER, curl=CURL)[before], level(INNER)[before]
        self._brim(sketch, sketch.shown(np.vstack([outer, inner[::-1]])), below=True)

    def _brim(self, sketch: Sketch, outline: Array, *, below: bool) -> None:
        felt = mixed(self._felt, BLACK, 0.42 if below else 0.0)
        light, dark = mixed(felt, WHITE, 0.2), mixed(felt, BLACK, 0.38)
        sketch.fill(
            outline,
            sketch.fade(
                (-2.2, -1, 0.3),
                (2.2, -1, 0.3),
                ((0.0, dark, 1.0), (0.3, felt, 1.0), (0.45, light, 1.0), (0.62, felt, 1.0), (1.0, dark, 1.0)),
            ),
        )
        middle = np.array([0.0, MIDDLE[0], MIDDLE[1]])
        if not below:
            sketch.fill(
                outline, sketch.glow(middle, 1.9, 0.62, ((0.0, BLACK, 0.55), (0.72, BLACK, 0.38), (1.0, BLACK, 0.0)))
            )
        sketch.line(level(OUTER, curl=CURL), 0.05, dark, closed=True)
        rim = level((OUTER[0] * 0.992, OUTER[1] * 0.992), 0.02, CURL)
        sketch.line(rim[36:], 0.028, mixed(felt, WHITE, 0.42), 0.75)

    def _crown(self, sketch: Sketch) -> None:
        felt = self._felt
        light, dark = mixed(felt, WHITE, 0.22), mixed(felt, BLACK, 0.5)
        sides = ((0.0, dark, 1.0), (0.22, felt, 1.0), (0.42, light, 1.0), (0.66, felt, 1.0), (1.0, dark, 1.0))
        low, waist, top = level(INNER), level((1.2, 1.38), 0.75), level(TOP, HEIGHT * 0.94)
        dome = level((TOP[0] * 0.72, TOP[1] * 0.72), HEIGHT * 1.04)
        body = hull(sketch.shown(np.vstack([low, waist, top, dome])))
        sketch.fill(body, sketch.fade((-1.25, -1.4, 0.4), (1.25, -1.4, 0.4), sides))
        for side in (-1, 1):  # the pinch that fingers leave
            pinch = np.array([0.52 * side, -2.12 + MIDDLE[0] + 0.98, -0.35])
            sketch.fill(body, sketch.glow(pinch, 0.34, 0.5, ((0.0, BLACK, 0.34), (1.0, BLACK, 0.0))))
        ridge = np.array([0.0, -2.05 + MIDDLE[0] + 0.98, -0.5])
        sketch.fill(body, sketch.glow(ridge, 0.2, 0.6, ((0.0, WHITE, 0.16), (1.0, WHITE, 0.0))))
        crease = sketch.shown(level((TOP[0] * 0.62, TOP[1] * 0.8), HEIGHT * 0.99))
        sketch.fill(crease, mixed(felt, BLACK, 0.45), 0.75, [body])
        ribbon = hull(sketch.shown(np.vstack([level((INNER[0] * 1.01, INNER[1] * 1.01)), level((1.29, 1.46), RIBBON)])))
        silk = (30, 26, 30)
        sheen = (
            (0.0, (12, 10, 12), 1.0),
            (0.3, silk, 1.0),
            (0.44, (98, 92, 100), 1.0),
            (0.56, silk, 1.0),
            (1.0, (10, 8, 10), 1.0),
        )
        band = self._band(sketch)
        sketch.fill(
            band, sketch.fade((-1.3, -1.1, 0.4), (1.3, -1.1, 0.4), sheen), within=[hull(np.vstack([body, ribbon]))]
        )

    @staticmethod
    def _band(sketch: Sketch) -> Array:
        """The ribbon where it is on the near side: below its upper edge, above the brim."""
        some = near(sketch)
        low, high = level((INNER[0] * 1.01, INNER[1] * 1.01))[some], level((1.295, 1.465), RIBBON)[some]
        return sketch.shown(np.vstack([low, high[::-1]]))
