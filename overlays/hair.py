"""Hair and headwear of the drawn heads: a cap over the skull that ends at a line across the forehead."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from overlays.canvas import Path
from overlays.head import Array
from overlays.looks import Colour
from overlays.shapes import ellipsoid, hull, mirrored, points, ring, smooth
from overlays.sketch import WHITE, Sketch

if TYPE_CHECKING:
    from overlays.portrait import Palette

FAR: Final = 6.0  # beyond the head on any side, eye units
SKULL: Final = ((0.0, -0.42, 0.72), (1.3, 1.62, 1.5))


def even(*half: tuple[float, float, float]) -> Array:
    """A line across the forehead that is the same on both sides, from its image-left half, ending in the middle."""
    left = points(*half)
    return np.vstack([left, mirrored(left[-2::-1])])


CROPPED: Final = even(
    (-1.22, 0.3, 0.78), (-1.16, -0.1, 0.5), (-1.02, -0.42, 0.15), (-0.7, -0.62, -0.1), (0.0, -0.68, -0.3)
)
PARTED: Final = points(
    (-1.24, 0.42, 0.8), (-1.2, 0.0, 0.5), (-1.02, -0.32, 0.12), (-0.5, -0.42, -0.25), (0.1, -0.62, -0.32),
    (0.52, -0.98, -0.2), (0.82, -0.7, -0.02), (1.06, -0.38, 0.25), (1.18, 0.0, 0.55), (1.22, 0.3, 0.78),
)  # fmt: skip
FRINGE: Final = even(
    (-1.26, 1.2, 0.7),
    (-1.2, 0.6, 0.45),
    (-1.1, 0.1, 0.15),
    (-0.98, -0.16, -0.05),
    (-0.5, -0.26, -0.34),
    (0.0, -0.3, -0.42),
)
MIDDLE: Final = even(
    (-1.3, 1.3, 0.7),
    (-1.22, 0.6, 0.4),
    (-1.12, -0.05, 0.12),
    (-0.8, -0.5, -0.12),
    (-0.36, -0.86, -0.26),
    (0.0, -1.12, -0.2),
)
BAND: Final = even((-1.34, -0.3, 0.8), (-1.2, -0.42, 0.3), (-0.7, -0.5, -0.22), (0.0, -0.52, -0.42))
LONG: Final = points(
    (-1.3, -0.6, 0.8), (-1.55, 0.4, 0.9), (-1.62, 1.4, 0.9), (-1.5, 2.3, 0.9), (-0.9, 2.75, 0.9), (0.9, 2.75, 0.9),
    (1.5, 2.3, 0.9), (1.62, 1.4, 0.9), (1.55, 0.4, 0.9), (1.3, -0.6, 0.8),
)  # fmt: skip
BOB: Final = points(
    (-1.3, -0.6, 0.8), (-1.55, 0.2, 0.9), (-1.58, 0.9, 0.9), (-1.35, 1.5, 0.9), (-0.6, 1.62, 0.9), (0.6, 1.62, 0.9),
    (1.35, 1.5, 0.9), (1.58, 0.9, 0.9), (1.55, 0.2, 0.9), (1.3, -0.6, 0.8),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Hair:
    """`line`: where it ends on the forehead, from the image's left ear to its right one; `fall`: what hangs behind the
    neck; `curls`: waves of its outline; `bun`: a knot on top; `knitted`: a hat of the shirt's colour over the line."""

    line: Array
    fall: Array | None = None
    curls: bool = False
    bun: bool = False
    knitted: bool = False

    def behind(self, sketch: Sketch, colours: "Palette") -> None:
        """What lies behind the neck."""
        if self.fall is not None:
            fall = smooth(self.fall, closed=True)
            sketch.fill(fall, _darker(colours.hair, 0.28))
            _edge(sketch, fall, colours)

    def back(self, sketch: Sketch, colours: "Palette") -> None:
        """The skull, seen beside the face."""
        if self.bun:
            knot = ring((0.0, -2.15, 0.95), (0.5, 0, 0), (0, 0.46, 0))
            sketch.fill(
                knot,
                sketch.glow(
                    np.array([-0.15, -2.3, 0.9]),
                    0.7,
                    0.6,
                    ((0.0, _lighter(colours.hair, 0.2), 1.0), (1.0, _darker(colours.hair, 0.2), 1.0)),
                ),
            )
            _edge(sketch, knot, colours)
        cap = self._cap(sketch)
        sketch.fill(cap, _darker(colours.hair, 0.22))
        _edge(sketch, cap, colours)

    def front(self, sketch: Sketch, colours: "Palette", face: Path) -> None:
        """What lies over the forehead."""
        line, cap = sketch.shown(smooth(self.line)), self._cap(sketch)
        above = _above(line, sketch)
        sketch.canvas.shadow([above], 0.09 * sketch.head.unit, 0.34, [face, cap])
        colour = colours.shirt if self.knitted else colours.hair
        paint = sketch.fade(
            (-0.5, -2.0, 0.4),
            (0.3, -0.1, 0.2),
            ((0.0, _lighter(colour, 0.22), 1.0), (0.55, colour, 1.0), (1.0, _darker(colour, 0.16), 1.0)),
        )
        sketch.fill(cap, paint, within=[above])
        if self.knitted:
            self._band(sketch, colour)
        else:
            self._strands(sketch, colour, [cap, above])
        if colours.ink is not None:
            sketch.line(line, 0.05, colours.ink, within=[cap])
            sketch.line(cap, 0.05, colours.ink, within=[above], closed=True)

    def _cap(self, sketch: Sketch) -> Path:
        middle, axes = SKULL
        size = 1.07 if self.curls or self.knitted else 1.0
        cap = hull(sketch.shown(ellipsoid(middle, tuple(axis * size for axis in axes))))
        if not self.curls:
            return cap
        return _waved(cap, 0.1 * sketch.head.unit)

    def _strands(self, sketch: Sketch, colour: Colour, within: list[Path]) -> None:
        middle, axes = SKULL
        for place, width, share in ((-0.55, 0.1, 0.30), (-0.28, 0.06, 0.22), (0.35, 0.08, 0.14), (0.7, 0.05, 0.12)):
            angle = np.linspace(0.15, 1.15, 12)
            across = place * np.cos(angle * 0.6)
            shine = np.column_stack(
                [
                    middle[0] + across * axes[0],
                    middle[1] - axes[1] * np.sin(angle) * np.sqrt(1 - across**2) * 0.97,
                    middle[2] - axes[2] * np.cos(angle) * np.sqrt(1 - across**2),
                ]
            )
            sketch.line(shine, width, _lighter(colour, 0.55), share, within)

    def _band(self, sketch: Sketch, colour: Colour) -> None:
        low, high = smooth(self.line), smooth(self.line + (0, -0.5, 0.12)) * (1.01, 1, 1)
        band = np.vstack([low * (1.03, 1, 1), high[::-1]])
        sketch.fill(
            band,
            sketch.fade(
                (-1.2, 0, 0),
                (1.2, 0, 0),
                (
                    (0.0, _lighter(colour, 0.3), 1.0),
                    (0.5, _lighter(colour, 0.16), 1.0),
                    (1.0, _darker(colour, 0.1), 1.0),
                ),
            ),
        )
        for start, end in zip(low[::4], high[::4], strict=True):
            sketch.line(np.stack([start, end]), 0.035, _darker(colour, 0.3), 0.5)


def _edge(sketch: Sketch, shape: Array, colours: "Palette") -> None:
    if colours.ink is not None:
        sketch.line(shape, 0.05, colours.ink, closed=True)


def _above(line: Path, sketch: Sketch) -> Path:
    """Everything on the far side of the line, along the head's own up and sideways."""
    level = np.array([np.cos(sketch.head.roll), np.sin(sketch.head.roll)]) * sketch.head.unit * FAR
    up = np.array([level[1], -level[0]])
    return np.vstack([line, line[-1] + level, line[-1] + level + up, line[0] - level + up, line[0] - level])


def _waved(outline: Path, height: float) -> Path:
    """The outline with scallops."""
    closed = np.vstack([outline, outline[:1]])
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    at = np.linspace(0, length[-1], 320, endpoint=False)
    even_line = np.column_stack([np.interp(at, length, closed[:, part]) for part in (0, 1)])
    outwards = even_line - even_line.mean(axis=0)
    outwards /= np.maximum(np.linalg.norm(outwards, axis=1, keepdims=True), 1e-9)
    wave = np.abs(np.sin(np.linspace(0, 17 * np.pi, 320, endpoint=False)))[:, None]
    waved: Path = even_line + outwards * wave * height
    return waved


def _lighter(colour: Colour, share: float) -> Colour:
    red, green, blue = (round(part + (white - part) * share) for part, white in zip(colour, WHITE, strict=True))
    return red, green, blue


def _darker(colour: Colour, share: float) -> Colour:
    red, green, blue = (round(part * (1 - share)) for part in colour)
    return red, green, blue


KINDS: Final = (
    Hair(CROPPED),
    Hair(PARTED),
    Hair(FRINGE, fall=BOB),
    Hair(MIDDLE, fall=LONG),
    Hair(CROPPED, curls=True),
    Hair(PARTED, bun=True),
    Hair(BAND, knitted=True),
)
"""Every kind there is, to be drawn by lot."""
