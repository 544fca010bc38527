"""A golden crown with stones."""

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
from overlays.shapes import disc, ellipsoid, hull
from overlays.sketch import BLACK, WHITE, Sketch
from overlays.subject import Subject

GOLD: Final[Colour] = (236, 178, 52)
STONES: Final[tuple[Colour, ...]] = ((196, 30, 58), (34, 92, 190), (24, 142, 92))
SPIKES: Final = 8
MIDDLE: Final = (-1.12, 0.72)  # of the lower edge: y and z
TILT: Final = 0.16
LOW, HIGH = (1.18, 1.26), (1.42, 1.5)  # half axes below and at the tips
BAND: Final = 0.36
TIP: Final = 1.25
COUNT: Final = 144


def at(angle: Array, up: Array | float) -> Array:
    """Points of the crown's wall so far above its lower edge, float64 [n, 3]."""
    share = np.asarray(up) / TIP
    across = LOW[0] + (HIGH[0] - LOW[0]) * share**1.5
    along = np.sin(angle) * (LOW[1] + (HIGH[1] - LOW[1]) * share**1.5)
    return np.column_stack([np.cos(angle) * across, MIDDLE[0] - up - TILT * np.sin(angle) * LOW[1], MIDDLE[1] + along])


def height(angle: Array) -> Array:
    """How far the wall reaches: spikes, and valleys between them that are round."""
    wave = np.abs(((angle + np.pi / 2) * SPIKES / (2 * np.pi)) % 1 - 0.5) * 2  # 1 at a spike, the first one ahead
    tall: Array = BAND + 0.12 + (TIP - BAND - 0.12) * wave**1.6
    return tall


class Crown:
    """A crown on the hair; the face is still to be known."""

    name: ClassVar[str] = "crown"
    title: ClassVar[str] = "Crown"
    hides: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset({"mesh"})
    looks: ClassVar[Mapping[str, Look]] = MappingProxyType({"colour": Tint(GOLD)})

    def __init__(self, *, colour: Colour = GOLD) -> None:
        self._gold = colour

    def draw(self, pixels: Pixels, subjects: Sequence[Subject]) -> Pixels:
        """A new picture with the crown on."""
        return each(pixels, subjects, ABOVE, self._one)

    def _one(self, sketch: Sketch, subject: Subject) -> None:  # noqa: ARG002 - how the head stands is all it takes
        edge = at(np.linspace(np.pi, 2 * np.pi, 40), 0.0)
        sketch.shadow(np.vstack([edge, (edge - (0, 0.2, 0))[::-1]]), 0.1, 0.5, self._head(sketch), (0.0, 0.12))
        angles = np.linspace(0, 2 * np.pi, COUNT + 1)
        inside = self._near(sketch, angles[:-1]) > 0
        self._wall(sketch, angles, inside, back=True)
        self._wall(sketch, angles, ~inside, back=False)
        self._trim(sketch, angles)
        self._stones(sketch)

    @staticmethod
    def _head(sketch: Sketch) -> Array:
        return hull(sketch.shown(ellipsoid((0.0, -0.4, 0.8), (1.25, 1.6, 1.5))))

    @staticmethod
    def _near(sketch: Sketch, angle: Array) -> Array:
        """Above 0 where the wall's inner side is seen."""
        outwards = np.column_stack([np.cos(angle), np.zeros_like(angle), np.sin(angle)])
        seen: Array = sketch.head.depth(outwards)
        return seen

    def _wall(self, sketch: Sketch, angles: Array, which: NDArray[np.bool_], *, back: bool) -> None:
        low, high = at(angles, 0.3 if back else 0.0), at(angles, height(angles))
        order = np.flatnonzero(which)
        for number in order[np.argsort(-sketch.head.depth(low[order]))]:
            angle = float(angles[number])
            shine = 0.5 + 0.5 * np.cos(2 * (angle - 3.9)) * np.cos(angle - 4.3)
            metal = mixed(mixed(self._gold, (112, 62, 10), 0.55), mixed(self._gold, (255, 250, 214), 0.6), float(shine))
            if back:
                metal = mixed(metal, (92, 52, 10), 0.55)
            quad = np.vstack([low[number : number + 2], high[number : number + 2][::-1]])
            shown = sketch.shown(quad)
            middle = shown.mean(axis=0)
            sketch.fill(middle + (shown - middle) * 1.04, metal)

    def _trim(self, sketch: Sketch, angles: Array) -> None:
        near = self._near(sketch, angles) <= 0.03
        for run in np.split(np.flatnonzero(near), np.flatnonzero(np.diff(np.flatnonzero(near)) > 1) + 1):
            if len(run) < 2:
                continue
            some = angles[run]
            dark, light = mixed(self._gold, (98, 54, 8), 0.7), mixed(self._gold, WHITE, 0.65)
            for up, width in ((0.03, 0.07), (BAND, 0.055)):
                line = at(some, up)
                sketch.line(line, width, dark)
                sketch.line(line - (0, 0.012, 0), width * 0.55, mixed(self._gold, WHITE, 0.25))
                sketch.line(line - (0, 0.02, 0), width * 0.2, light, 0.9)
            rim = at(some, height(some))
            sketch.line(rim, 0.03, light, 0.85)

    def _stones(self, sketch: Sketch) -> None:
        for number in range(SPIKES * 2):
            angle = np.array([-np.pi / 2 + number * np.pi / SPIKES])
            spike = number % 2 == 0
            seen = -float(self._near(sketch, angle)[0])
            if spike and seen > -0.5:
                self._ball(sketch, at(angle, TIP)[0], 0.1, mixed(self._gold, WHITE, 0.1))
            if seen < 0.25:
                continue
            if spike:
                self._ball(sketch, at(angle, BAND * 0.52)[0], 0.095, STONES[number // 2 % 3])
            else:
                self._ball(sketch, at(angle, BAND * 0.52)[0], 0.055, (244, 240, 232))

    @staticmethod
    def _ball(sketch: Sketch, middle: Array, radius: float, colour: Colour) -> None:
        x, y = sketch.shown(middle[None])[0]
        size = radius * sketch.head.unit
        angle = np.linspace(0, 2 * np.pi, 28, endpoint=False)
        round_ = np.column_stack([x + np.cos(angle) * size, y + np.sin(angle) * size])
        sketch.fill(round_ + (0, size * 0.18), mixed(colour, BLACK, 0.7), 0.55)
        stops = ((0.0, mixed(colour, WHITE, 0.7), 1.0), (0.45, colour, 1.0), (1.0, mixed(colour, BLACK, 0.5), 1.0))
        sketch.fill(round_, sketch.glow(middle + (-radius * 0.35, -radius * 0.4, 0), radius * 1.5, radius * 1.5, stops))
        sketch.fill(disc(tuple(middle + (-radius * 0.35, -radius * 0.42, 0)), radius * 0.22, 12), WHITE, 0.85)
