"""Which pixels an overlay answers for."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Final

from embeddings.types import Box, Face

COVER: Final = 1.4
"""Each side of a cover in sides of the detector's box.

Measured on the validation pictures of WIDER FACE: 1.4 covers at least 95 % of the face in 9 of 10, 1.0 in 2 of 10.
"""


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


def visible(box: Box, height: int, width: int) -> Rect | None:
    """The pixels of a picture that the box touches, the partly touched ones too; None when it touches none."""
    left, top = max(0, floor(box.x)), max(0, floor(box.y))
    right, bottom = min(width, ceil(box.right)), min(height, ceil(box.bottom))
    if left >= right or top >= bottom:
        return None
    return Rect(left, top, right, bottom)


def largest_first(faces: Sequence[Face]) -> list[Face]:
    """Faces in the order in which covers are drawn.

    A small cover inside a large one then sums up what is hidden already, so it cannot bring detail back.
    """
    return sorted(faces, key=lambda face: face.box.area, reverse=True)
