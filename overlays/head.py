"""How a head stands in the picture: where things drawn in its own three dimensions come to lie.

A head's own coordinates are in eye units (the distance between the middles of the eyes): x to the right of a face that
looks at the camera, y down, z away from the camera, the origin between the eyes.
"""

from dataclasses import dataclass
from functools import cache
from importlib import resources
from io import BytesIO
from typing import Final

import numpy as np
from numpy.typing import NDArray

from embeddings.types import Box, Face, Mesh
from overlays.subject import Subject

Array = NDArray[np.float64]

SURE: Final = 0.5  # of a mesh: below it, its points mean nothing (embeddings.types.Mesh)
CAMERA: Final = 10.0
"""Distance of the eye that looks at the artwork, in eye units (about 60 cm): how fast things shrink to the back."""
FIVE: Final = (1, 61, 291)  # MediaPipe's nose tip and corners of the mouth; the eyes are the middles of their corners
EYES: Final = ((33, 133), (362, 263))  # image-left eye, image-right eye
BOX_IN_EYES: Final = 2.3  # width of the detector's box of a frontal face: median of 500 people of LFW
BOX_MIDDLE: Final = 0.34  # how far its centre lies below the eyes
AWRY: Final = (0.14, 0.1, 0.09, 0.06, 0.09, 0.09)
"""Standard deviations of what chance does to a head of nobody: yaw, pitch, roll (radians), logarithm of its size, and
its place across and down (eye units)."""
HELD: Final = (0.09, 0.25, 0.0, 0.0, 0.0, 0.0)
"""Misses, in eye units, that a radian of yaw and of pitch cost where five points are all there is."""
STEPS: Final = 8
NEGLIGIBLE: Final = 0.1
"""A step so many times the one that slopes are measured by, 1e-5 radians or eye units, is the last."""
STIFF: Final = (10, 152, 234, 454, 33, 133, 362, 263, 168, 6, 127, 356, 21, 251, 54, 284, 109, 338, 103, 332, 67, 297)
"""Points that speech and looks hardly move, all around the face."""


@cache
def mean_face() -> Array:
    """The mesh of nobody, float64 [468, 3] in eye units: the mean of 500 people of LFW who look ahead, made even."""
    packed = resources.files("overlays").joinpath("mean_face.npy").read_bytes()
    points: Array = np.load(BytesIO(packed)).astype(np.float64) / 10_000
    points.setflags(write=False)
    return points


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """`turn`: float64 [3, 3], its columns the head's own axes in the picture's; `origin` float64 [3] and `unit` in px.

    `mesh`: float64 [468, 3], px: the face's own points, or the mean face standing as this head does.
    """

    origin: Array
    turn: Array
    unit: float
    mesh: Array

    def place(self, shape: Array) -> Array:
        """Points of the head's own space, float64 [n, 3], in the picture: float64 [n, 2], px."""
        return seen(shape, self.origin, self.turn, self.unit)[:, :2]

    def depth(self, shape: Array) -> Array:
        """How far behind the eyes points of the head's own space are from the camera: float64 [n], eye units."""
        away: Array = shape @ self.turn[2]
        return away

    def mean(self) -> Array:
        """The mean face standing as this head does, float64 [468, 3], px."""
        return seen(mean_face(), self.origin, self.turn, self.unit)

    @property
    def shape(self) -> Array:
        """The face's points in the head's own space, float64 [468, 3]."""
        depth = (self.mesh[:, 2:] - self.origin[2]) / self.unit
        turned = np.hstack([(self.mesh[:, :2] - self.origin[:2]) / self.unit / nearness(depth), depth])
        own: Array = turned @ self.turn
        return own

    @property
    def yaw(self) -> float:
        """Radians; positive where the nose points to the right of the picture."""
        return float(np.arctan2(-self.turn[0, 2], self.turn[2, 2]))

    @property
    def pitch(self) -> float:
        """Radians; positive with the chin up."""
        return float(np.arcsin(np.clip(self.turn[1, 2], -1, 1)))

    @property
    def roll(self) -> float:
        """Radians; positive where the head is turned clockwise on the screen."""
        return float(np.arctan2(self.turn[1, 0], self.turn[0, 0]))


def head_of(subject: Subject) -> Head:
    """From the mesh; without one that lies on the face, from the five points; without these, upright in the box."""
    if subject.mesh is not None and _lies_on(subject.mesh, subject.face.box):
        return _from_mesh(subject.mesh)
    found = _from_five(subject.face)
    return found if found is not None else _from_box(subject.face.box)


def seen(shape: Array, origin: Array, turn: Array, unit: float) -> Array:
    """Points [n, 3] of a head's own space in px of the picture, z as well; the camera shrinks what is far."""
    moved = shape @ turn.T
    shown: Array = origin + unit * np.hstack([moved[:, :2] * nearness(moved[:, 2:]), moved[:, 2:]])
    return shown


def held(head: Head, most: float, middle: tuple[float, float, float], lot: np.random.Generator) -> Head:
    """A head of nobody that stands about alike, `middle` (of its own space) about in its place, with the mean face.

    Turned aside and nodding by at most so many radians. How it is held and its size are off by chance: where eyes and
    mouth of a person lie in a picture, and how they hold their head, would else tell photos of one person.
    """
    aside, nod, lean, larger, across, down = lot.normal(0, AWRY)
    yaw, pitch = (min(max(angle, -most), most) for angle in (head.yaw + aside, head.pitch + nod))
    turn, unit = turned(yaw, pitch, head.roll + lean), head.unit * float(np.exp(larger))
    place = np.array(middle)
    moved = head.origin + head.unit * head.turn @ place - unit * turn @ place + head.unit * np.array([across, down, 0])
    return Head(moved, turn, unit, seen(mean_face(), moved, turn, unit))


def nearness(depth: Array) -> Array:
    """How large things are drawn that lie so many eye units behind the eyes."""
    larger: Array = CAMERA / np.maximum(CAMERA + depth, CAMERA / 4)
    return larger


def _lies_on(mesh: Mesh, box: Box) -> bool:
    flat = mesh.points[:, :2].astype(np.float64)
    if mesh.score < SURE or not np.isfinite(mesh.points).all():
        return False
    low, high = flat.min(axis=0), flat.max(axis=0)
    x, y = (low + high) / 2
    side = max(box.width, box.height)
    near = abs(x - box.center[0]) < side / 2 and abs(y - box.center[1]) < side / 2
    return bool(near and 0.5 * side < (high - low).max() < 1.8 * side)


def _from_mesh(mesh: Mesh) -> Head:
    """The turn, scale and shift that bring the mean face's stiff points nearest (Umeyama, without reflection)."""
    points = mesh.points.astype(np.float64)
    source, target = mean_face()[list(STIFF)], points[list(STIFF)]
    start, end = source - source.mean(axis=0), target - target.mean(axis=0)
    left, size, right = np.linalg.svd(end.T @ start)
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    turn = left @ np.diag(signs) @ right
    unit = float((size * signs).sum() / (start**2).sum())
    origin = target.mean(axis=0) - unit * turn @ source.mean(axis=0)
    return Head(origin, turn, max(unit, 1e-3), points)


def _from_five(face: Face) -> Head | None:
    """The turn that brings the mean face's five points nearest; None where the points do not lie in the box."""
    points, box = face.points.astype(np.float64), face.box
    if points.shape != (5, 2) or not np.isfinite(points).all():
        return None
    inside = np.abs(points - box.center) <= np.array([box.width, box.height]) * 0.75
    eyes, mouth = points[:2].mean(axis=0), points[3:].mean(axis=0)
    unit = max(float(np.linalg.norm(points[1] - points[0])), 0.9 * float(np.linalg.norm(mouth - eyes)))
    if not inside.all() or not 0.25 * box.width < unit < 1.2 * box.width:
        return None
    across = points[1] - points[0]
    start = np.array([0.0, 0.0, np.arctan2(across[1], across[0]), np.log(unit), *eyes])
    return _standing(_nearest(start, points))


def _nearest(values: Array, points: Array) -> Array:
    """Gauss-Newton on yaw, pitch, roll, log of the unit, x and y, held near a face that looks ahead."""
    for _ in range(STEPS):
        unit = np.exp(values[3])
        steps = np.array([1.0, 1.0, 1.0, 1.0, unit, unit]) * 1e-4
        now, *beside = _misses(values + np.vstack([np.zeros(6), np.diag(steps)]), points)
        slopes = (np.array(beside) - now).T / steps
        move = np.linalg.lstsq(slopes, -now, rcond=None)[0]
        values = values + np.clip(move, *(np.array([-1, 1])[:, None] * (0.5, 0.5, 0.5, 0.3, np.inf, np.inf)))
        if (np.abs(move) < NEGLIGIBLE * steps).all():
            break
    values[:2] = np.clip(values[:2], (-1.3, -0.8), (1.3, 0.8))
    return values


def _misses(tried: Array, points: Array) -> Array:
    """How far five points are from where heads have them, tried float64 [n, 6] as `_nearest` names them: float64
    [n, 16], eye units, ten distances and then HELD."""
    five = _five()
    (sy, sp, sr), (cy, cp, cr) = np.sin(tried[:, :3].T), np.cos(tried[:, :3].T)
    # The rows of `turned`, for all heads at once: [n, 3] each
    across = np.stack([cr * cy - sr * sp * sy, -sr * cp, -cr * sy - sr * sp * cy], axis=1) @ five.T
    down = np.stack([sr * cy + cr * sp * sy, cr * cp, -sr * sy + cr * sp * cy], axis=1) @ five.T
    near = nearness(np.stack([cp * sy, -sp, cp * cy], axis=1) @ five.T)
    unit, origin = np.exp(tried[:, 3]), tried[:, 4:]
    shown = np.stack([across * near, down * near], axis=2)
    missed = shown + ((origin[:, None] - points) / unit[:, None, None])
    return np.hstack([missed.reshape(len(tried), -1), tried * HELD])


@cache
def _five() -> Array:
    """The mean face's eyes, nose tip and corners of the mouth, float64 [5, 3]."""
    mean = mean_face()
    return np.vstack([mean[list(EYES[0])].mean(axis=0), mean[list(EYES[1])].mean(axis=0), mean[list(FIVE)]])


def turned(yaw: float, pitch: float, roll: float) -> Array:
    """The turn of a head, float64 [3, 3], from angles in radians as `Head` reads them."""
    (sy, sp, sr), (cy, cp, cr) = np.sin((yaw, pitch, roll)), np.cos((yaw, pitch, roll))
    around_y = np.array([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]])
    around_x = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    around_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    turn: Array = around_z @ around_x @ around_y
    return turn


def _standing(values: Array) -> Head:
    origin, turn, unit = np.array([values[4], values[5], 0.0]), turned(*values[:3]), float(np.exp(values[3]))
    return Head(origin, turn, unit, seen(mean_face(), origin, turn, unit))


def _from_box(box: Box) -> Head:
    unit = max((box.width * box.height * BOX_IN_EYES**-2 / 1.294) ** 0.5, 1e-3)  # 1.294: height over width of the box
    x, y = box.center
    return _standing(np.array([0.0, 0.0, 0.0, np.log(unit), x, y - BOX_MIDDLE * unit]))
