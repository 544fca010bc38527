"""Whether a head that turns is solid, or a flat or bent picture: how its corners move.

Between a frame from the front and one a little turned, two maps with eight free numbers each are fitted to the tracked
corners: a homography, which is how a flat picture moves, and an affine map of (x, y, z) with the depth that the mesh
saw from the front, which is how a head moves. What each leaves over is compared.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

LEAST_TRACKS: Final = 20
KEPT: Final = 0.85  # of the points, those that fit best, for the second fit
NEAREST: Final = 4  # mesh points that give a corner its depth
LEAST_RESIDUAL: Final = 0.05  # px of a face 200 px wide: below it both maps fit exactly
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Parallax:
    """What the corners of one frame say beside the reference frame before it.

    `ratio`: what the homography leaves over, over what depth leaves: below 1 flat, above 1 solid. `bulge`: what the
    homography leaves over, in distances of the outer eye corners.
    `tracks`: corners behind it. `yaw`, `pitch`: degrees, of the
    reference frame. `since`: when that was taken, seconds.
    """

    ratio: float
    bulge: float
    tracks: int
    yaw: float
    pitch: float
    since: float


def residuals(before: Floats, after: Floats, depth: Floats) -> tuple[float, float]:
    """Root mean square of what a homography and an affine map with depth leave over, px: of points [n, 2] before and
    after, and their depth [n] before. Raises ValueError for fewer than LEAST_TRACKS points."""
    if len(before) < LEAST_TRACKS:
        raise ValueError("too few corners to tell")
    with_depth = np.column_stack([before, depth, np.ones(len(before))])
    return _rms(_flat(before, after)), _rms(_affine(with_depth, after))


def ratio(flat: float, solid: float) -> float:
    return flat / max(solid, LEAST_RESIDUAL)


def depth_at(points: Floats, mesh: Floats) -> Floats:
    """The depth [n] of points [n, 2] from mesh points [m, 3] about them, weighted by nearness."""
    apart = np.linalg.norm(points[:, None] - mesh[None, :, :2], axis=2)
    near = np.argpartition(apart, NEAREST, axis=1)[:, :NEAREST]
    weights = 1 / np.maximum(np.take_along_axis(apart, near, axis=1), 1e-3)
    depths: Floats = (mesh[near, 2] * weights).sum(axis=1) / weights.sum(axis=1)
    return depths


def homography(before: Floats, after: Floats) -> Floats | None:
    """The best homography, float64 [3, 3]; None for points that lie on a line."""
    found: object = cv2.findHomography(before, after, 0)[0]
    return np.asarray(found, np.float64) if isinstance(found, np.ndarray) else None


def _flat(before: Floats, after: Floats) -> Floats:
    def left(fitted: NDArray[np.bool_]) -> Floats:
        found = homography(before[fitted], after[fitted])
        if found is None:
            return np.full(len(before), np.inf)
        moved = cv2.perspectiveTransform(before[:, None], found)[:, 0]
        return np.asarray(np.linalg.norm(moved - after, axis=1), np.float64)

    return _trimmed(left, len(before))


def _affine(with_depth: Floats, after: Floats) -> Floats:
    def left(fitted: NDArray[np.bool_]) -> Floats:
        found, *_ = np.linalg.lstsq(with_depth[fitted], after[fitted], rcond=None)
        return np.asarray(np.linalg.norm(with_depth @ found - after, axis=1), np.float64)

    return _trimmed(left, len(after))


def _trimmed(left: Callable[[NDArray[np.bool_]], Floats], count: int) -> Floats:
    """What is left over of the points that fit best, by a fit to them alone: some corners are always lost."""
    first = left(np.ones(count, bool))
    best = first <= np.quantile(first, KEPT)
    return left(best)[best]


def _rms(values: Floats) -> float:
    return float(np.sqrt((values**2).mean()))
