"""The faces of the balls: one small drawing an emotion, on a ball of radius 1."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import numpy as np

from overlays.canvas import Fade, Glow, Path
from overlays.head import Array
from overlays.looks import Colour
from overlays.portrait import mixed
from overlays.shapes import mirrored, points, smooth
from overlays.sketch import WHITE, Sketch

NEUTRAL: Final = "neutral"
BROWN: Final[Colour] = (88, 46, 14)
DARK: Final[Colour] = (66, 28, 12)
YELLOW: Final[Colour] = (255, 203, 52)
LINE: Final = 0.075

Drawing = Callable[[Sketch], None]


def draw_face(sketch: Sketch, emotion: str) -> None:
    """The ball and its face; an emotion that is not known is drawn as none."""
    base, tint, face = EMOTIONS.get(emotion, EMOTIONS[NEUTRAL])
    ball = _ball(sketch)
    sketch.canvas.shadow([ball + (0, 0.03 * sketch.head.unit)], 0.035 * sketch.head.unit, 0.35, ())
    sketch.fill(ball, base)
    x, y = sketch.head.origin[:2] + np.array([-0.28, -0.42]) * sketch.head.unit
    light, edge = mixed(base, (255, 252, 210), 0.6), mixed(base, (206, 92, 8), 0.6)
    reach = np.eye(2) * 1.5 * sketch.head.unit
    sketch.canvas.fill(
        [ball],
        Glow(
            (float(x), float(y)),
            reach,
            ((0.0, light, 1.0), (0.45, base, 1.0), (0.85, mixed(base, edge, 0.55), 1.0), (1.0, edge, 1.0)),
        ),
    )
    if tint is not None:
        top = sketch.head.origin[1] - sketch.head.unit
        end = top + 1.25 * sketch.head.unit
        sketch.fill(
            ball, Fade((0.0, float(top)), (0.0, float(end)), ((0.0, tint, 0.8), (0.5, tint, 0.35), (1.0, tint, 0.0)))
        )
    face(sketch)


def laid(flat: Array, lift: float = 1.0) -> Array:
    """Points of the front, [n, 2], laid onto the ball."""
    away = np.minimum((flat**2).sum(axis=1), 0.99)
    return np.column_stack([flat, -np.sqrt(1 - away)]) * lift


def _ball(sketch: Sketch) -> Path:
    angle = np.linspace(0, 2 * np.pi, 180, endpoint=False)
    return sketch.head.origin[:2] + np.column_stack([np.cos(angle), np.sin(angle)]) * sketch.head.unit


def _oval(x: float, y: float, across: float, down: float) -> Array:
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    return laid(np.column_stack([x + np.cos(angle) * across, y + np.sin(angle) * down]))


def _both(sketch: Sketch, line: Array, width: float = LINE, colour: Colour = BROWN) -> None:
    for flat in (line, mirrored(line)):
        sketch.line(laid(smooth(flat)), width, colour)


def _eyes(sketch: Sketch, across: float = 0.105, down: float = 0.165, y: float = -0.18) -> None:
    for x in (-0.33, 0.33):
        sketch.fill(_oval(x, y, across, down), DARK)
        sketch.fill(_oval(x - across * 0.28, y - down * 0.42, across * 0.32, down * 0.24), WHITE, 0.85)


def _white_eyes(sketch: Sketch, size: float, pupil: float) -> None:
    for x in (-0.34, 0.34):
        sketch.fill(_oval(x, -0.2, size * 1.06, size * 1.2), mixed(BROWN, YELLOW, 0.35))
        sketch.fill(_oval(x, -0.2, size, size * 1.14), WHITE)
        sketch.fill(_oval(x, -0.18, pupil, pupil * 1.1), DARK)
        sketch.fill(_oval(x - pupil * 0.35, -0.18 - pupil * 0.4, pupil * 0.3, pupil * 0.3), WHITE)


def _mouth(sketch: Sketch, line: Array) -> None:
    sketch.line(laid(smooth(line)), LINE, BROWN)


def _open(sketch: Sketch, outline: Array, tongue: tuple[float, float] | None, *, teeth: bool) -> None:
    shape = sketch.shown(laid(outline))
    sketch.fill(shape, DARK)
    if teeth:
        top = outline[: len(outline) // 2]
        sketch.fill(laid(np.vstack([top, top[::-1] + (0, 0.13)])), WHITE, within=[shape])
    if tongue is not None:
        sketch.fill(_oval(0.0, tongue[0], 0.26, tongue[1]), (240, 92, 92), within=[shape])


def _happy(sketch: Sketch) -> None:
    for x in (-0.58, 0.58):
        middle = laid(points((x, 0.16)))[0]
        sketch.fill(
            _oval(x, 0.16, 0.2, 0.15),
            sketch.glow(middle, 0.2, 0.15, ((0.0, (255, 116, 84), 0.6), (1.0, (255, 116, 84), 0.0))),
        )
    _both(sketch, points((-0.48, -0.1), (-0.41, -0.24), (-0.33, -0.29), (-0.25, -0.24), (-0.18, -0.1)), 0.085)
    top = smooth(points((-0.52, 0.18), (-0.26, 0.215), (0, 0.225), (0.26, 0.215), (0.52, 0.18)))
    low = smooth(
        points((0.52, 0.18), (0.44, 0.44), (0.24, 0.62), (0, 0.68), (-0.24, 0.62), (-0.44, 0.44), (-0.52, 0.18)),
        steps=7,
    )
    _open(sketch, np.vstack([top, low]), (0.62, 0.16), teeth=True)


def _neutral(sketch: Sketch) -> None:
    _eyes(sketch)
    _mouth(sketch, points((-0.32, 0.36), (0, 0.37), (0.32, 0.36)))


def _sad(sketch: Sketch) -> None:
    _eyes(sketch, y=-0.08)
    _both(sketch, points((-0.56, -0.28), (-0.42, -0.36), (-0.24, -0.46)), 0.065)
    _mouth(sketch, points((-0.32, 0.52), (-0.17, 0.4), (0, 0.36), (0.17, 0.4), (0.32, 0.52)))
    tear = smooth(
        points((0.36, 0.14), (0.45, 0.34), (0.44, 0.43), (0.36, 0.47), (0.28, 0.43), (0.27, 0.34)), closed=True
    )
    sketch.fill(
        laid(tear),
        sketch.fade(
            laid(points((0.36, 0.12)))[0],
            laid(points((0.36, 0.48)))[0],
            ((0.0, (168, 222, 255), 0.95), (1.0, (60, 146, 236), 0.95)),
        ),
    )


def _angry(sketch: Sketch) -> None:
    _eyes(sketch, 0.1, 0.13, -0.06)
    _both(sketch, points((-0.58, -0.36), (-0.42, -0.27), (-0.18, -0.13)), 0.09)
    _mouth(sketch, points((-0.3, 0.5), (-0.16, 0.41), (0, 0.385), (0.16, 0.41), (0.3, 0.5)))


def _surprised(sketch: Sketch) -> None:
    _eyes(sketch, 0.12, 0.16, -0.16)
    _both(sketch, points((-0.5, -0.46), (-0.38, -0.55), (-0.22, -0.52)), 0.06)
    shape = _oval(0, 0.42, 0.19, 0.25)
    sketch.fill(shape, DARK)
    sketch.fill(_oval(0, 0.58, 0.17, 0.13), (240, 92, 92), within=[sketch.shown(shape)])


def _fearful(sketch: Sketch) -> None:
    _white_eyes(sketch, 0.2, 0.09)
    _both(sketch, points((-0.58, -0.46), (-0.42, -0.56), (-0.22, -0.6)), 0.06)
    top = smooth(points((-0.36, 0.46), (-0.2, 0.34), (0, 0.31), (0.2, 0.34), (0.36, 0.46)))
    low = smooth(points((0.36, 0.46), (0.2, 0.52), (0, 0.5), (-0.2, 0.52), (-0.36, 0.46)))
    _open(sketch, np.vstack([top, low]), None, teeth=True)


def _disgusted(sketch: Sketch) -> None:
    _both(sketch, points((-0.5, -0.26), (-0.36, -0.17), (-0.2, -0.12)), 0.07)
    _both(sketch, points((-0.5, -0.02), (-0.36, -0.08), (-0.2, -0.11)), 0.07)
    _both(sketch, points((-0.6, -0.36), (-0.42, -0.42), (-0.22, -0.32)), 0.06)
    _mouth(
        sketch, points((-0.38, 0.46), (-0.26, 0.36), (-0.13, 0.46), (0, 0.36), (0.13, 0.46), (0.26, 0.36), (0.38, 0.46))
    )


EMOTIONS: Final[Mapping[str, tuple[Colour, Colour | None, Drawing]]] = MappingProxyType(
    {
        NEUTRAL: (YELLOW, None, _neutral),
        "happy": (YELLOW, None, _happy),
        "sad": (YELLOW, None, _sad),
        "angry": ((250, 142, 56), (222, 36, 30), _angry),
        "surprised": (YELLOW, None, _surprised),
        "fearful": (YELLOW, (96, 136, 232), _fearful),
        "disgusted": ((178, 204, 66), (92, 150, 44), _disgusted),
    }
)
"""By emotion: colour of the ball, a tint of its upper half, its face."""
