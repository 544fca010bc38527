"""Which pixels an overlay answers for."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Final, Literal

import numpy as np

from embeddings.types import Box
from overlays.head import Array, Head, head_of, seen, turned
from overlays.subject import Subject

Extent = Literal["head", "face"]

COVER: Final = 1.4
"""Each side of a cover of the face in sides of the detector's box.

Measured on the validation pictures of WIDER FACE: 1.4 covers at least 95 % of the face in 9 of 10, 1.0 in 2 of 10.
"""
SKULL: Final = (1.65, 2.2, 1.75)
"""Half axes of the head with hair and ears, across, down and to the back, in eye units.

With them the cover of the head held all of 40 heads of LFW, looked at one by one, but for hair that falls below the
chin (3 of them). On WIDER FACE the ellipse in 1.3 times the official box, a quarter of it above the box, was covered to
95 % for 274 of 275 faces, by the cover of the face alone for 260.
"""
SKULL_MIDDLE: Final = (0.0, -0.2, 1.1)
LARGEST: Final = 2.0
"""No cover of a head goes beyond so many of the longer sides of the box, whatever a mesh or five points say."""
TURNED_MORE: Final = 1.35
"""A mesh turns a profile too little (embeddings.mesh); the back of the head is where it would be at so many times."""
SQUARE, ROUND = 5, 4
"""Powers of the outline of a face's and of a head's cover."""
AROUND: Final = 2 ** (1 / SQUARE)
"""The outline that passes through the corners of a box is this many times as wide as the box (1.15)."""


@dataclass(frozen=True, slots=True)
class Rect:
    """Whole pixels of a picture: left and top are inside, right and bottom are not. Never empty."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns, for indexing a picture."""
        return slice(self.top, self.bottom), slice(self.left, self.right)


@dataclass(frozen=True, slots=True)
class Cover:
    """What is covered of one face: every pixel that `promised` touches, and what lies within the outline about it.

    The outline is |u|^power + |v|^power = 1 in half sides of `outline`, which passes around `promised`. `area`: the
    rectangle of which a style sums up the colours, or which it fills.
    """

    promised: Box
    outline: Box
    area: Box
    power: int


def cover_of(subject: Subject, extent: Extent = "head") -> Cover:
    """The cover of a subject: of the face, or of the head with hair, ears and chin."""
    promised = subject.face.box.scaled(COVER)
    if extent == "face":
        return Cover(promised, promised.scaled(AROUND), promised, SQUARE)
    whole = united(promised, skull(head_of(subject), subject.face.box))
    outline = _around(promised, whole)
    return Cover(promised, outline, outline, ROUND)


def skull(head: Head, box: Box) -> Box:
    """The upright rectangle about the head, hair and ears, never beyond LARGEST."""
    near, far = (_about(head, turn) for turn in (head.turn, turned(head.yaw * TURNED_MORE, head.pitch, head.roll)))
    left, top, right, bottom = (*np.minimum(near[:2], far[:2]), *np.maximum(near[2:], far[2:]))
    side, (x, y) = LARGEST * max(box.width, box.height), box.center
    most = Box(x - side / 2, y - side / 2, side, side)
    left, top, right, bottom = max(left, most.x), max(top, most.y), min(right, most.right), min(bottom, most.bottom)
    if left >= right or top >= bottom:
        return box
    return Box(float(left), float(top), float(right - left), float(bottom - top))


def _about(head: Head, turn: Array) -> Array:
    """The sides of the rectangle about a skull that is turned so: left, top, right, bottom, px."""
    middle = seen(np.array([SKULL_MIDDLE]), head.origin, turn, head.unit)[0, :2]
    half = head.unit * np.sqrt(((turn[:2] * np.array(SKULL)) ** 2).sum(axis=1))
    return np.concatenate([middle - half, middle + half])


def _around(promised: Box, whole: Box) -> Box:
    """The outline about the middle of `whole`, as small as takes in the corners of `promised`."""
    (x, y), half = whole.center, (whole.width / 2, whole.height / 2)
    farthest = max(
        (abs(corner_x - x) / half[0]) ** ROUND + (abs(corner_y - y) / half[1]) ** ROUND
        for corner_x in (promised.x, promised.right)
        for corner_y in (promised.y, promised.bottom)
    )
    return whole.scaled(max(1.0, farthest ** (1 / ROUND)))


def united(one: Box, other: Box) -> Box:
    """The smallest box about both."""
    left, top = min(one.x, other.x), min(one.y, other.y)
    return Box(left, top, max(one.right, other.right) - left, max(one.bottom, other.bottom) - top)


def visible(box: Box, height: int, width: int) -> Rect | None:
    """The pixels of a picture that the box touches, the partly touched ones too; None when it touches none."""
    left, top = max(0, floor(box.x)), max(0, floor(box.y))
    right, bottom = min(width, ceil(box.right)), min(height, ceil(box.bottom))
    if left >= right or top >= bottom:
        return None
    return Rect(left, top, right, bottom)


def largest_first(subjects: Sequence[Subject]) -> list[Subject]:
    """Subjects in the order in which they are drawn, without those whose box has no extent.

    A small cover inside a large one then sums up what is hidden already, so it cannot bring detail back.
    """
    there = [subject for subject in subjects if subject.face.box.width > 0 and subject.face.box.height > 0]
    return sorted(there, key=lambda subject: subject.face.box.area, reverse=True)
