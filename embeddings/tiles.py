"""A large picture in overlapping parts, so that memory does not grow with the picture."""

from dataclasses import dataclass
from itertools import product
from math import ceil
from typing import Final

import cv2
import numpy as np

from embeddings.types import Pixels

TILE_SIDE: Final = 1024
TILE_AREA: Final = TILE_SIDE * TILE_SIDE
"""Pixels of one run: a run on 2 MP takes half as long again a pixel and twice the memory (measured on one core)."""
OVERLAP: Final = 128  # a face up to this size is whole in one tile; a larger one is for the next smaller scale


@dataclass(frozen=True, slots=True)
class Tile:
    """A part of a picture in whole pixels of the picture, and the scale at which it is searched."""

    x: int
    y: int
    width: int
    height: int
    scale: float

    def cut_from(self, pixels: Pixels) -> Pixels:
        """This part of `pixels`, resized to the searched scale."""
        part = pixels[self.y : self.y + self.height, self.x : self.x + self.width]
        return resized(part, searched(self.width, self.scale), searched(self.height, self.scale))

    @property
    def factors(self) -> tuple[float, float]:
        """Searched pixels a pixel of the picture, across and down; not quite `scale`, since sides are whole."""
        return searched(self.width, self.scale) / self.width, searched(self.height, self.scale) / self.height


def resized(pixels: Pixels, width: int, height: int) -> Pixels:
    """`pixels` at another size: averaged when smaller, interpolated when larger."""
    smaller = width < pixels.shape[1]
    size = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
    return np.asarray(size, dtype=np.uint8)


def shrunk(pixels: Pixels, width: int, height: int) -> Pixels:
    """The same in less time, and not to the last bit: halved while it is twice as large, which OpenCV does quickest."""
    while pixels.shape[1] >= 2 * width and pixels.shape[0] >= 2 * height:
        pixels = resized(pixels, pixels.shape[1] // 2, pixels.shape[0] // 2)
    return resized(pixels, width, height)


def searched(side: int, scale: float) -> int:
    """The length of a side at a scale, at least one pixel."""
    return max(1, round(side * scale))


def fits_one(width: int, height: int, scale: float) -> bool:
    return searched(width, scale) * searched(height, scale) <= TILE_AREA


def tiles(width: int, height: int, scale: float) -> list[Tile]:
    """Tiles that cover a picture of this size, each of at most TILE_AREA pixels at the searched scale.

    Neighbours share at least OVERLAP searched pixels. A picture that fits is one tile.
    """
    if fits_one(width, height, scale):
        return [Tile(0, 0, width, height, scale)]
    columns, rows = spans(width, scale), spans(height, scale)
    return [Tile(x, y, across, down, scale) for (y, down), (x, across) in product(rows, columns)]


def spans(length: int, scale: float) -> list[tuple[int, int]]:
    """Starts and lengths, in pixels of the picture, of equal parts that cover `length`."""
    side, overlap = int(TILE_SIDE / scale), ceil(OVERLAP / scale)
    if length <= side:
        return [(0, length)]
    count = ceil((length - overlap) / (side - overlap))
    part = ceil((length + (count - 1) * overlap) / count)
    return [(round(index * (length - part) / (count - 1)), part) for index in range(count)]
