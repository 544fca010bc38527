"""Which pixels an overlay answers for."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Final, Literal

import numpy as np

from embeddings.types import Box
from overlays.head import Head, head_of
from overlays.subject import Subject

Extent = Literal["head", "face"]

COVER: Final = 1.4
"""Each side of a cover of the face in sides of the detector's box.

Measured on the validation pictures of WIDER FACE: 1.4 covers at least 95 % of the face in 9 of 10, 1.0 in 2 of 10.
"""
SKULL: Final = (1.65, 2.2, 1.75)
"""Half axes of the head with hair and ears, across, down and to the back, in eye units."""
SKULL_MIDDLE: Final = (0.0, -0.2, 1.1)
LARGEST: Final = 2.4
"""No cover of a head goes beyond so many boxes, whatever a mesh or five points say."""
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
    """The upright rectangle about the head, hair and ears, never beyond LARGEST boxes."""
    axes, middle = np.array(SKULL), np.array([SKULL_MIDDLE])
    x, y = head.place(middle)[0]
    across, down = head.unit * np.sqrt(((head.turn[:2] * axes) ** 2).sum(axis=1))
    most = box.scaled(LARGEST)
    left, top = max(x - across, most.x), max(y - down, most.y)
    right, bottom = min(x + across, most.right), min(y + down, most.bottom)
    return box if left >= right or top >= bottom else Box(left, top, right - left, bottom - top)


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
    """Subjects in the order in which they are drawn.

    A small cover inside a large one then sums up what is hidden already, so it cannot bring detail back.
    """
    return sorted(subjects, key=lambda subject: subject.face.box.area, reverse=True)
