"""Faces drawn for tests, of nobody: good enough for the detector, and the project holds no picture of a person."""

import cv2
import numpy as np

from embeddings.types import Pixels

SKIN = (214, 170, 140)
SIDE = 200  # the face is drawn at this height and resized


def drawn_face(height: int = SIDE) -> Pixels:
    """A square of `height` pixels with one face from the front, RGB."""
    picture = np.full((SIDE, SIDE, 3), (120, 140, 150), np.uint8)
    ellipse(picture, (100, 84), (70, 78), (60, 40, 30))  # hair
    ellipse(picture, (100, 170), (26, 30), (190, 145, 118))  # neck
    ellipse(picture, (100, 105), (58, 76), SKIN)
    ellipse(picture, (100, 60), (56, 34), (60, 40, 30), (180, 360))
    for x in (75, 125):
        ellipse(picture, (x, 92), (13, 6), (240, 240, 240))
        ellipse(picture, (x, 92), (6, 6), (70, 45, 30))
        ellipse(picture, (x, 92), (3, 3), (10, 10, 10))
        ellipse(picture, (x, 78), (16, 4), (60, 40, 30))
        ellipse(picture, (x, 87), (14, 3), (150, 105, 85))
        ellipse(picture, (x + (8 if x > 100 else -8), 122), (12, 9), (225, 165, 140))
    ellipse(picture, (100, 112), (7, 22), (226, 186, 158))
    ellipse(picture, (100, 131), (13, 6), (190, 140, 112))
    for x in (94, 106):
        ellipse(picture, (x, 133), (3, 2), (90, 55, 45))
    ellipse(picture, (100, 153), (22, 8), (175, 80, 80))
    ellipse(picture, (100, 152), (20, 1), (110, 40, 40))
    soft = cv2.GaussianBlur(picture, (0, 0), 2.0)
    shade = 1.0 - 0.25 * np.abs(np.linspace(-1, 1, SIDE))[None, :, None] ** 2
    shaded = (soft * shade).astype(np.uint8)
    return np.asarray(cv2.resize(shaded, (height, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def ellipse(
    picture: Pixels,
    center: tuple[int, int],
    axes: tuple[int, int],
    colour: tuple[int, int, int],
    arc: tuple[int, int] = (0, 360),
) -> None:
    cv2.ellipse(picture, center, axes, 0, arc[0], arc[1], colour, -1, cv2.LINE_AA)


def crowd(width: int, height: int, faces: list[tuple[int, int, int]]) -> Pixels:
    """A plain picture with a drawn face at each (left, top, height of the drawing)."""
    picture = np.full((height, width, 3), (120, 140, 150), np.uint8)
    for left, top, side in faces:
        picture[top : top + side, left : left + side] = drawn_face(side)
    return picture
