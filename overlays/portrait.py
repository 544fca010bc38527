"""A drawn head of nobody: the shapes that `avatar` and `cartoon` show, and the face of the previews.

Its proportions are the mean face's, never the person's; only how the head stands, and how far mouth and eyes are open,
come from the picture.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from overlays.canvas import Path
from overlays.hair import Hair
from overlays.head import Array, Head, mean_face
from overlays.looks import Colour
from overlays.shapes import (
    OVAL,
    disc,
    hull,
    mirrored,
    on_face,
    points,
    ring,
    rounded,
    smooth,
)
from overlays.sketch import BLACK, WHITE, Sketch

RIGHT_EYE: Final = (33, 160, 158, 133, 153, 144)  # corner, two of the upper lid, corner, two of the lower lid
LEFT_EYE: Final = (362, 385, 387, 263, 373, 380)
WIDE_OPEN, SHUT = 0.28, 0.17  # of a mesh's eye, height over width: embeddings.mesh
WIDEST_MOUTH: Final = 0.5
STEPS: Final = 4  # openings are kept so coarsely

EYE: Final = (0.5, 0.02)
BROW: Final = points((-0.82, -0.30), (-0.66, -0.42), (-0.46, -0.45), (-0.24, -0.38))
NECK: Final = points(
    (-0.62, 1.1, 0.8), (-0.6, 2.0, 0.85), (-0.75, 3.2, 0.9), (0.75, 3.2, 0.9), (0.6, 2.0, 0.85), (0.62, 1.1, 0.8)
)
COLLAR: Final = points(
    (-5.5, 7.0, 1.0), (-4.2, 3.6, 1.0), (-2.2, 2.75, 1.0), (-0.9, 2.35, 0.9), (0, 2.62, 0.6), (0.9, 2.35, 0.9),
    (2.2, 2.75, 1.0), (4.2, 3.6, 1.0), (5.5, 7.0, 1.0),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Palette:
    """`ink`: of outlines; none are drawn without it."""

    skin: Colour
    hair: Colour
    shirt: Colour
    iris: Colour
    ink: Colour | None = None


@dataclass(frozen=True, slots=True)
class Expression:
    """`mouth` and `eyes`: how far open, 0 to 1; `smile`: -1 to 1."""

    mouth: float = 0.0
    eyes: float = 1.0
    smile: float = 0.6


def expression_of(head: Head) -> Expression:
    """Of the face's own mesh, in coarse steps."""
    shape = head.shape[:, :2]
    upper, lower, one, other = shape[[13, 14, 78, 308]]
    mouth = float(np.linalg.norm(upper - lower)) / max(float(np.linalg.norm(one - other)), 1e-6)
    eyes = [_opening(shape[list(eye)]) for eye in (RIGHT_EYE, LEFT_EYE)]
    wide = (sum(eyes) / 2 - SHUT) / (WIDE_OPEN - SHUT)
    return Expression(_coarse((mouth - 0.05) / WIDEST_MOUTH), max(_coarse(wide), 1 / STEPS))


def _opening(eye: Array) -> float:
    corner, upper, other_upper, other, other_lower, lower = eye
    heights = float(np.linalg.norm(upper - lower) + np.linalg.norm(other_upper - other_lower))
    return heights / max(2 * float(np.linalg.norm(corner - other)), 1e-6)


def _coarse(share: float) -> float:
    return round(min(max(share, 0.0), 1.0) * STEPS) / STEPS


def mixed(one: Colour, other: Colour, share: float) -> Colour:
    """`one` with so much of `other`."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


class Portrait:
    """Draws one head. Everything is in eye units of the head that the sketch stands on."""

    def __init__(self, palette: Palette, hair: Hair, expression: Expression, line: float = 0.05) -> None:
        self._colours = palette
        self._hair = hair
        self._look = expression
        self._line = line
        self._shade = mixed(palette.skin, (110, 40, 30), 0.30)
        self._dark = mixed(palette.skin, (60, 15, 15), 0.62)

    def draw(self, sketch: Sketch) -> None:
        face = self.outline(sketch.head)
        self._hair.behind(sketch, self._colours)
        self._neck(sketch, face)
        self._hair.back(sketch, self._colours)
        self._ears(sketch)
        self._skin(sketch, face)
        for side in (1, -1):
            self._eye(sketch, side)
        self._nose(sketch, face)
        self._mouth(sketch)
        self._hair.front(sketch, self._colours, face)

    @staticmethod
    def outline(head: Head) -> Path:
        """The face from ear to ear and down to the chin."""
        return rounded(hull(head.place(mean_face()[list(OVAL)] * (1.0, 1.0, 0.95))))

    def _edge(self, sketch: Sketch, shape: Array, *, closed: bool = True, width: float = 1.0) -> None:
        if self._colours.ink is not None:
            sketch.line(shape, self._line * width, self._colours.ink, closed=closed)

    def _neck(self, sketch: Sketch, face: Path) -> None:
        neck, collar = sketch.shown(NECK), sketch.shown(smooth(COLLAR))
        sketch.fill(neck, self._shade)
        self._edge(sketch, neck)
        sketch.shadow(face, 0.16, 0.42, neck, (0.0, 0.22))
        sketch.fill(
            collar,
            sketch.fade(
                (0, 2.3, 0.8),
                (0, 3.5, 0.8),
                ((0.0, mixed(self._colours.shirt, WHITE, 0.14), 1.0), (1.0, self._colours.shirt, 1.0)),
            ),
        )
        self._edge(sketch, collar)

    def _ears(self, sketch: Sketch) -> None:
        for side in (1, -1):
            if sketch.head.yaw * side > 0.5:  # on the far side
                continue
            ear = ring((1.2 * side, 0.32, 0.82), (0.2, 0, 0.18 * side), (0.02 * side, 0.32, 0))
            sketch.fill(ear, mixed(self._colours.skin, self._shade, 0.35))
            self._edge(sketch, ear)
            sketch.fill(ring((1.22 * side, 0.33, 0.78), (0.1, 0, 0.1 * side), (0, 0.18, 0)), self._shade, 0.8)

    def _skin(self, sketch: Sketch, face: Path) -> None:
        skin = self._colours.skin
        sketch.fill(face, skin)
        light, dark = mixed(skin, WHITE, 0.16), mixed(skin, self._shade, 0.85)
        sketch.fill(
            face,
            sketch.fade((-0.9, -0.7, 0.2), (1.1, 1.5, 0.2), ((0.0, light, 0.9), (0.5, skin, 0.0), (1.0, dark, 0.6))),
        )
        for side in (1, -1):
            middle = on_face(points((0.66 * side, 0.72)))[0]
            blush = mixed(skin, (235, 70, 75), 0.42)
            sketch.fill(
                face, sketch.glow(middle, 0.42, 0.32, ((0.0, blush, 0.55), (0.5, blush, 0.3), (1.0, blush, 0.0)))
            )
        self._edge(sketch, face)

    def _eye(self, sketch: Sketch, side: int) -> None:
        wide = self._look.eyes
        middle = on_face(points((EYE[0] * side, EYE[1])), 0.05)[0]
        white = _lid(middle, 0.245, 0.2 * wide + 0.02, 0.15 * wide + 0.02)
        shown = sketch.shown(white)
        sketch.fill(shown, (250, 250, 252))
        iris, within = middle + (0.0, -0.01, -0.01), [shown]
        sketch.fill(disc(iris, 0.15), mixed(self._colours.iris, BLACK, 0.45), within=within)
        sketch.fill(
            disc(iris, 0.125),
            sketch.glow(
                iris + (0, 0.05, 0),
                0.14,
                0.14,
                ((0.0, mixed(self._colours.iris, WHITE, 0.35), 1.0), (1.0, self._colours.iris, 1.0)),
            ),
            within=within,
        )
        sketch.fill(disc(iris, 0.068), (18, 14, 16), within=within)
        lashes = self._colours.ink or mixed(self._colours.hair, (20, 12, 12), 0.75)
        upper = white[: len(white) // 2 + 1]
        sketch.line(upper, 0.055, lashes)
        sketch.fill(
            shown,
            sketch.fade(
                tuple(middle + (0, -0.2, 0)),
                tuple(middle + (0, 0.02, 0)),
                ((0.0, (40, 30, 40), 0.5), (1.0, (40, 30, 40), 0.0)),
            ),
        )
        if wide > 0.3:
            sketch.fill(disc(iris + (-0.055, -0.06, -0.01), 0.042), WHITE, within=within)
            sketch.fill(disc(iris + (0.05, 0.05, -0.01), 0.02), WHITE, 0.8, within=within)
        brow = on_face(smooth(BROW if side < 0 else mirrored(BROW)), 0.03)
        sketch.line(brow, 0.1, self._colours.ink or mixed(self._colours.hair, (30, 18, 14), 0.35))

    def _nose(self, sketch: Sketch, face: Path) -> None:
        line = self._colours.ink or self._dark
        base = smooth(
            points(
                (-0.17, 0.56, -0.42), (-0.11, 0.66, -0.55), (0, 0.69, -0.66), (0.11, 0.66, -0.55), (0.17, 0.56, -0.42)
            )
        )
        sketch.line(base, 0.055, line, 1.0 if self._colours.ink else 0.7)
        tip = np.array([-0.02, 0.46, -0.72])
        light = mixed(self._colours.skin, WHITE, 0.6)
        sketch.fill(face, sketch.glow(tip, 0.13, 0.15, ((0.0, light, 0.75), (1.0, light, 0.0))))
        ridge = smooth(points((0, -0.05, -0.3), (0, 0.2, -0.48), (0, 0.42, -0.7), (0, 0.6, -0.7)))
        turned = min(max(abs(sketch.head.yaw) - 0.22, 0.0) * 3, 0.7)
        if turned:
            sketch.line(ridge, 0.045, line, turned)

    def _mouth(self, sketch: Sketch) -> None:
        line = self._colours.ink or mixed(self._dark, (120, 20, 30), 0.4)
        lift, drop = 0.13 * self._look.smile, 0.1 + 0.5 * self._look.mouth
        corners = points((-0.42, 1.08 - lift), (0.42, 1.08 - lift))
        top = smooth(
            points(
                tuple(corners[0]),
                (-0.2, 1.08 + lift * 0.35),
                (0, 1.08 + lift * 0.5),
                (0.2, 1.08 + lift * 0.35),
                tuple(corners[1]),
            )
        )
        if self._look.mouth < 0.2:
            sketch.line(on_face(top), 0.065, line)
            lip = smooth(points((-0.16, 1.27), (0, 1.3), (0.16, 1.27)))
            sketch.line(on_face(lip), 0.05, self._shade, 0.6)
            return
        low = smooth(
            points(
                tuple(corners[1]),
                (0.24, 1.06 + drop * 0.85),
                (0, 1.1 + drop),
                (-0.24, 1.06 + drop * 0.85),
                tuple(corners[0]),
            )
        )
        mouth = sketch.shown(on_face(np.vstack([top, low]), 0.0))
        sketch.fill(mouth, (96, 22, 34))
        sketch.fill(
            sketch.shown(on_face(np.vstack([top, top[::-1] + (0, 0.13)]), 0.0)), (252, 250, 246), within=[mouth]
        )
        tongue = ring((0, 1.16 + drop, -0.25), (0.24, 0, 0), (0, 0.2, 0))
        sketch.fill(tongue, (226, 100, 108), within=[mouth])
        sketch.line(mouth, 0.05, line, closed=True)


def _lid(middle: Array, across: float, up: float, down: float) -> Array:
    """An eye's outline, the upper lid first, from its image-left corner."""
    angle = np.linspace(np.pi, -np.pi, 40, endpoint=False)
    x, y = np.cos(angle), np.sin(angle)
    flat = np.column_stack([across * x, np.where(y > 0, -up, down) * np.abs(y) ** 0.9, 0.22 * (across * x) ** 2])
    outline: Array = middle + flat
    return outline
