"""Outlines in a head's own space (see `overlays.head`) and how they are made from a few points."""

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Final

import cv2
import numpy as np

from overlays.head import Array, mean_face

STEPS: Final = 10
"""Points of a smooth line between two that are given."""

# MediaPipe's face mesh, point numbers in order along each line.
OVAL: Final = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150,
    136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
IMAGE_RIGHT_EYE: Final = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)
IMAGE_LEFT_EYE: Final = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
IMAGE_RIGHT_BROW: Final = (276, 283, 282, 295, 285, 336, 296, 334, 293, 300)
IMAGE_LEFT_BROW: Final = (46, 53, 52, 65, 55, 107, 66, 105, 63, 70)
OUTER_LIPS: Final = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
INNER_LIPS: Final = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191)
NOSE_RIDGE: Final = (168, 6, 197, 195, 5, 4)
NOSE_BASE: Final = (98, 97, 2, 326, 327)


def points(*given: tuple[float, ...]) -> Array:
    """float64 [n, 2 or 3]."""
    return np.array(given, np.float64)


def smooth(given: Array, *, closed: bool = False, steps: int = STEPS) -> Array:
    """A smooth line through the points (Catmull and Rom): float64 [n * steps (+ 1), dimensions]."""
    count = len(given)
    if closed:
        rows = np.arange(count)
        before, start, end, after = (given[(rows + shift) % count] for shift in (-1, 0, 1, 2))
    else:
        ends = np.vstack([2 * given[0] - given[1], given, 2 * given[-1] - given[-2]])
        before, start, end, after = (ends[shift : shift + count - 1] for shift in range(4))
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    before, start, end, after = (each[:, None, :] for each in (before, start, end, after))
    along = 0.5 * (
        2 * start
        + (end - before) * t
        + (2 * before - 5 * start + 4 * end - after) * t**2
        + (3 * start - before - 3 * end + after) * t**3
    )
    line = along.reshape(-1, given.shape[1])
    whole: Array = line if closed else np.vstack([line, given[-1:]])
    return whole


def mirrored(shape: Array) -> Array:
    """The same on the other side of the head."""
    other: Array = shape * (np.array([-1, 1, 1]) if shape.shape[1] == 3 else np.array([-1, 1]))
    return other


def ring(middle: Sequence[float], across: Sequence[float], down: Sequence[float], count: int = 48) -> Array:
    """An ellipse in space by its middle and two half axes, float64 [count, 3]."""
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)[:, None]
    turned: Array = np.array(middle) + np.cos(angle) * np.array(across) + np.sin(angle) * np.array(down)
    return turned


def disc(middle: Sequence[float], radius: float, count: int = 48) -> Array:
    """A circle in the plane that faces ahead."""
    return ring(middle, (radius, 0, 0), (0, radius, 0), count)


def on_face(flat: Array, lift: float = 0.02) -> Array:
    """Points [n, 2] of the head's front laid onto the mean face, `lift` eye units before it: float64 [n, 3]."""
    return _laid(np.ascontiguousarray(flat, np.float64).tobytes()) - (0, 0, lift)


@lru_cache(maxsize=512)
def _laid(packed: bytes) -> Array:
    flat, mean = np.frombuffer(packed, np.float64).reshape(-1, 2), mean_face()
    away = ((flat[:, None, :] - mean[None, :, :2]) ** 2).sum(axis=2)
    weights = np.exp(-away / (2 * 0.09**2)) + np.exp(-away / (2 * 0.4**2)) * 1e-4 + 1e-12
    depth = (weights * mean[None, :, 2]).sum(axis=1) / weights.sum(axis=1)
    return np.column_stack([flat, depth])


def ellipsoid(middle: Sequence[float], axes: Sequence[float]) -> Array:
    """Points all over an ellipsoid, float64 [n, 3]: its outline from any side is that of their hull."""
    surface: Array = np.array(middle) + _sphere() * np.array(axes)
    return surface


@cache
def _sphere() -> Array:
    around, up = np.meshgrid(np.linspace(0, 2 * np.pi, 40, endpoint=False), np.linspace(-1, 1, 25))
    wide = np.sqrt(np.maximum(1 - np.sin(up * np.pi / 2) ** 2, 0))
    sphere = np.column_stack(
        [(wide * np.cos(around)).ravel(), np.sin(up * np.pi / 2).ravel(), (wide * np.sin(around)).ravel()]
    )
    sphere.setflags(write=False)
    return sphere


def hull(flat: Array) -> Array:
    """The outline about points of the picture, float64 [n, 2] in order."""
    found = cv2.convexHull(flat.astype(np.float32))
    return np.asarray(found[:, 0, :], np.float64)


def rounded(outline: Array) -> Array:
    """An outline without its corners: halved edges, twice (Chaikin)."""
    for _ in range(2):
        after = np.roll(outline, -1, axis=0)
        outline = np.stack([0.75 * outline + 0.25 * after, 0.25 * outline + 0.75 * after], axis=1).reshape(-1, 2)
    return outline


def grown(outline: Array, factor: float) -> Array:
    """The outline as many times as large, about its middle."""
    middle = (outline.min(axis=0) + outline.max(axis=0)) / 2
    larger: Array = middle + (outline - middle) * factor
    return larger
