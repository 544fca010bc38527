"""The build that glasses and sunglasses share: two lenses on a bent front, a bridge, temples back to the ears."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from overlays.canvas import Path
from overlays.head import Array
from overlays.looks import Colour
from overlays.portrait import mixed
from overlays.shapes import mirrored, points, smooth
from overlays.sketch import BLACK, WHITE, Sketch

BENT: Final = 0.2  # how far the front bends back at an eye unit from the middle
BEFORE: Final = -0.47  # depth of the bridge
TURNED_AWAY: Final = 0.16  # radians of yaw from which on the far temple is behind the head


@dataclass(frozen=True, slots=True, eq=False)
class Build:
    """`lens`: outline of the image-left lens, [n, 2]; `rim`: width of the frame; `hinge`, `bridge`: their places."""

    lens: Array
    rim: float
    hinge: tuple[float, float]
    bridge: Array
    temple: float


def bent(flat: Array) -> Array:
    """Points of the front, [n, 2], in space."""
    return np.column_stack([flat, BEFORE + BENT * flat[:, 0] ** 2])


def lenses(build: Build) -> tuple[Array, Array]:
    """Outlines of both lenses in space, the image-left one first."""
    left = bent(smooth(build.lens, closed=True))
    return left, mirrored(left)


def temples(sketch: Sketch, build: Build, colour: Colour) -> None:
    """The arms, seen where the head does not hide them, fading into the hair above the ear."""
    for side in (-1, 1):
        if sketch.head.yaw * side > TURNED_AWAY:
            continue
        x, y = build.hinge
        start = bent(points((x, y)))[0]
        path = smooth(points((x, y, start[2]), (1.2, y + 0.02, 0.1), (1.27, y + 0.08, 0.62), (1.28, y + 0.14, 1.0))) * (
            side,
            1,
            1,
        )
        stops = ((0.0, colour, 1.0), (0.75, colour, 1.0), (1.0, colour, 0.0))
        sketch.shadow(_ribbon(path, build.temple), 0.05, 0.3, sketch.face(), (0.0, 0.07))
        sketch.line(path, build.temple, sketch.fade(path[0], path[-1], stops))
        light = ((0.0, WHITE, 0.3), (0.6, WHITE, 0.12), (0.9, WHITE, 0.0))
        sketch.line(path - (0, build.temple * 0.28, 0), build.temple * 0.22, sketch.fade(path[0], path[-1], light))


def _ribbon(path: Array, width: float) -> Array:
    half = np.array([0, width / 2, 0])
    return np.vstack([path - half, path[::-1] + half])


def front(sketch: Sketch, build: Build, colour: Colour, shine: float) -> None:
    """Rims and bridge over lenses that are drawn already."""
    light, dark = mixed(colour, WHITE, shine), mixed(colour, BLACK, 0.5)
    bridge = bent(smooth(build.bridge))
    sketch.line(bridge, build.rim * 1.15, colour)
    sketch.line(bridge - (0, build.rim * 0.3, 0), build.rim * 0.25, light, 0.8)
    for lens in lenses(build):
        sketch.line(lens, build.rim, colour, closed=True)
        sketch.line(lens * (1, 1, 1) + (0, build.rim * 0.22, 0), build.rim * 0.3, dark, 0.4, closed=True)
        upper = lens[: len(lens) // 2]
        sketch.line(upper - (0, build.rim * 0.24, 0.01), build.rim * 0.26, light, 0.75)
    for side in (-1, 1):
        x, y = build.hinge
        end = bent(points((x - 0.09, y), (x, y))) * (side, 1, 1)
        sketch.line(end, build.temple * 1.05, colour)
        sketch.line(end - (0, build.temple * 0.25, 0), build.temple * 0.2, light, 0.7)


def streaks(sketch: Sketch, lens: Path, middle: float, places: Sequence[tuple[float, float]], opacity: float) -> None:
    """Slanting reflections on one lens: (place across, width) each, in eye units from the lens's middle."""
    for place, width in places:
        x = middle + place
        band = points((x + 0.25, -0.5), (x + 0.25 + width, -0.5), (x - 0.25 + width, 0.55), (x - 0.25, 0.55))
        paint = sketch.fade((x, -0.4, BEFORE), (x, 0.4, BEFORE), ((0.0, WHITE, opacity), (1.0, WHITE, opacity * 0.15)))
        sketch.fill(bent(band), paint, within=[lens])


def cast(sketch: Sketch, build: Build, opacity: float) -> None:
    """The shadow of the rims on the face."""
    face = sketch.face()
    for lens in lenses(build):
        rim = np.vstack([lens, lens[:1]])
        inner = (rim - rim.mean(axis=0)) * 0.86 + rim.mean(axis=0)
        sketch.shadow(np.vstack([rim, inner[::-1]]), 0.045, opacity, face, (0.02, 0.09))
