"""What each style looks like, on a face that is drawn here: nobody's."""

from functools import cache
from typing import Final

import numpy as np

from embeddings.types import Box, Face, Mesh, Pixels
from overlays.canvas import Canvas, Fade
from overlays.hair import KINDS
from overlays.head import EYES, FIVE, Head, mean_face, seen, turned
from overlays.looks import Artwork
from overlays.portrait import Expression, Palette, Portrait
from overlays.region import Rect
from overlays.sketch import Sketch
from overlays.style import style
from overlays.subject import Subject

SIDE: Final = 320
UNIT: Final = 56.0
ORIGIN: Final = (160.0, 146.0, 0.0)
STANDING: Final = (0.16, 0.02, 0.03)  # yaw, pitch, roll in radians
PALETTE: Final = Palette((240, 192, 156), (74, 46, 38), (66, 108, 196), (82, 116, 84))
GROUND: Final = ((232, 238, 246), (196, 210, 228))
WEARER: Final = Expression(0.0, 1.0, 0.7)
HAIRCUT: Final = 1
SEED: Final = 11
STAR: Final = ((255, 214, 64), (240, 168, 20))


@cache
def preview(name: str) -> Pixels:
    """The style of that name on the drawn face: uint8 [320, 320, 3], not to be written to. Raises UnknownStyle."""
    look: dict[str, object] = {"picture": star(), "anchor": "forehead"} if name == "sticker" else {}
    drawn = style(name, **look).draw(drawn_face(), [wearer()])
    drawn.setflags(write=False)
    return drawn


@cache
def drawn_face() -> Pixels:
    """The face without any style."""
    picture = np.zeros((SIDE, SIDE, 3), np.uint8)
    canvas = Canvas(picture, Rect(0, 0, SIDE, SIDE), UNIT)
    corners = np.array([(-2, -2), (SIDE + 2, -2), (SIDE + 2, SIDE + 2), (-2, SIDE + 2)], np.float64)
    canvas.fill([corners], Fade((0.0, 0.0), (0.0, float(SIDE)), ((0.0, GROUND[0], 1.0), (1.0, GROUND[1], 1.0))))
    Portrait(PALETTE, KINDS[HAIRCUT], WEARER).draw(Sketch(canvas, standing(), corners))
    canvas.finish(picture)
    picture.setflags(write=False)
    return picture


def standing() -> Head:
    origin, turn = np.array(ORIGIN), turned(*STANDING)
    return Head(origin, turn, UNIT, seen(mean_face(), origin, turn, UNIT))


def wearer() -> Subject:
    """The drawn face as a detector and a mesh would find it."""
    mesh = standing().mesh
    low, high = mesh[:, :2].min(axis=0), mesh[:, :2].max(axis=0)
    box = Box(float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1]))
    eyes = [mesh[list(corners), :2].mean(axis=0) for corners in EYES]
    points = np.vstack([*eyes, mesh[list(FIVE), :2]]).astype(np.float32)
    return Subject(Face(box, 1.0, points), Mesh(mesh.astype(np.float32), 1.0), "happy", SEED)


@cache
def star() -> Artwork:
    """A star to show a sticker with."""
    side = 256
    angle = np.linspace(0, 2 * np.pi, 10, endpoint=False) - np.pi / 2
    reach = np.where(np.arange(10) % 2, 0.46, 0.98) * side / 2
    outline = side / 2 + np.column_stack([np.cos(angle), np.sin(angle)]) * reach[:, None]
    whole = Rect(0, 0, side, side)
    shape, art = Canvas(np.zeros((side, side, 3), np.uint8), whole, side), np.full((side, side, 3), STAR[1], np.uint8)
    shape.fill([outline], (255, 255, 255))
    opacity = np.zeros((side, side, 3), np.uint8)
    shape.finish(opacity)
    light = Canvas(art, whole, side)
    middle = side / 2 + (outline - side / 2) * 0.86
    light.fill([middle], Fade((0.0, 0.0), (0.0, float(side)), ((0.0, (255, 240, 150), 1.0), (1.0, STAR[0], 1.0))))
    light.finish(art)
    return np.dstack([art, opacity[:, :, :1]])
