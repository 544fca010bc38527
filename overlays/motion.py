"""How a face's box moves from frame to frame, and which box of the next frame is the same face's."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from embeddings.types import Box, Face

Numbers = NDArray[np.float64]
FOLLOWS: Final = 0.75
"""Share of the difference between a prediction and what is seen that the place takes over at once."""
LEARNS: Final = 0.35
"""Share of it that the speed takes over (an alpha-beta filter: the two shares of a steady-state Kalman filter)."""
SLOWS_SECONDS: Final = 0.25
"""A face that is not seen goes on at its speed, which halves in this time: heads turn back and stop."""
REACH: Final = 1.5
"""Boxes are compared this many times as large: a small face may move by its own size between two frames."""
REACH_A_SECOND: Final = 1.5
REACH_MOST: Final = 3.0
"""The longer a face was not seen, the further it may have gone."""
ALIKE: Final = 0.12
"""Least overlap of two boxes, so enlarged, of one face."""
SIZES: Final = 2.2
"""A face does not grow or shrink by more than this from one sight to the next."""


@dataclass(slots=True)
class Motion:
    """Place and size (centre x, centre y, width, height; pixels) at a `moment` (seconds), speed in pixels a second."""

    place: Numbers
    speed: Numbers
    moment: float

    @classmethod
    def of(cls, box: Box, moment: float) -> "Motion":
        return cls(_numbers(box), np.zeros(2), moment)

    def at(self, moment: float) -> Box:
        """Where it should be at `moment`, before or after the last sight."""
        gone = moment - self.moment
        half = SLOWS_SECONDS / np.log(2)
        way = np.sign(gone) * half * (1 - np.exp(-abs(gone) / half))
        return _box(self.place[:2] + self.speed * way, self.place[2:])

    def see(self, box: Box, moment: float) -> None:
        """Takes over what was seen at `moment`."""
        seen, expected, passed = _numbers(box), _numbers(self.at(moment)), moment - self.moment
        missed = seen - expected
        if abs(passed) > 1e-6:
            self.speed = self.speed + LEARNS * missed[:2] / passed
        self.place = expected + FOLLOWS * missed
        self.moment = moment


def pairs(tracks: Sequence[Motion], seen: Sequence[Box], moment: float) -> list[tuple[int, int]]:
    """Which of `tracks` is which of `seen` at `moment`: rows of both, each at most once, the most alike first."""
    if not tracks or not seen:
        return []
    reaches = [min(REACH_MOST, REACH + REACH_A_SECOND * abs(moment - track.moment)) for track in tracks]
    boxes = [track.at(moment) for track in tracks]
    alike = np.concatenate(
        [
            overlap(_corners([box.scaled(reach)]), _corners([other.scaled(reach) for other in seen]))
            for box, reach in zip(boxes, reaches, strict=True)
        ]
    )
    found, rows, columns = [], set[int](), set[int]()
    for flat in np.argsort(-alike, axis=None, kind="stable"):
        row, column = divmod(int(flat), len(seen))
        if alike[row, column] < ALIKE:
            break
        if row not in rows and column not in columns:
            found.append((row, column))
            rows.add(row)
            columns.add(column)
    return found


def overlap(one: Numbers, other: Numbers) -> Numbers:
    """Intersection over union of each of `one` [n, 4] with each of `other` [m, 4], left, top, right, bottom: [n, m].

    0 where the sizes are too different for one face.
    """
    sides = np.minimum(one[:, None, 2:], other[None, :, 2:]) - np.maximum(one[:, None, :2], other[None, :, :2])
    shared = np.prod(np.maximum(sides, 0), axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (one, other)]
    ratio = areas[0][:, None] / areas[1][None, :]
    found = shared / (areas[0][:, None] + areas[1][None, :] - shared)
    return np.where((ratio < SIZES**2) & (ratio > SIZES**-2), found, 0.0)


def moved(face: Face, box: Box) -> Face:
    """The face carried to `box` with its points."""
    scale = np.array([box.width / face.box.width, box.height / face.box.height], np.float32)
    origin = np.array([face.box.x, face.box.y], np.float32)
    points = (face.points - origin) * scale + np.array([box.x, box.y], np.float32)
    return Face(box, face.score, points.astype(np.float32))


def _numbers(box: Box) -> Numbers:
    return np.array([*box.center, box.width, box.height])


def _box(center: Numbers, sides: Numbers) -> Box:
    left, top = center - sides / 2
    return Box(float(left), float(top), float(sides[0]), float(sides[1]))


def _corners(boxes: Sequence[Box]) -> Numbers:
    return np.array([[box.x, box.y, box.right, box.bottom] for box in boxes])
