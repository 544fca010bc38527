"""Drawing with smooth edges into a part of a picture, in the picture's own pixels.

A small part is drawn on enlarged whole-numbered times and averaged back, so that edges stay smooth on small faces and a
pixel that nothing is drawn on keeps its value to the bit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from embeddings.types import Box, Pixels
from overlays.looks import Colour
from overlays.region import Rect, visible

Array = NDArray[np.float64]
Mask = NDArray[np.uint8]
Path = Array
"""A closed outline, or a line, in px of the picture: float64 [n, 2]."""

Stops = tuple[tuple[float, Colour, float], ...]
"""Of a ramp: place from 0 to 1, colour, opacity."""

TONES: Final = 512  # steps of a ramp
BITS: Final = 4  # of a fraction of a pixel, in OpenCV's whole-numbered coordinates
FARTHEST: Final = 1e6  # beyond it OpenCV's coordinates overflow
ENLARGED: Final = ((12, 8), (26, 4), (160, 2))  # up to so many px of the unit: times
STRIP: Final = 1 << 20  # pixels blended at a time
SMOOTH: Final = 3.0  # px: a wider shadow is made from a smaller picture, with a spread of at least so many


Places = NDArray[np.float32]


class Paint(Protocol):
    """What fills a shape: `at` gives colours and opacities (0 to 1), float32 [rows, columns, 4].

    `x` float32 [1, columns] and `y` float32 [rows, 1] are places of the picture.
    """

    def at(self, x: Places, y: Places) -> NDArray[np.float32]: ...


@dataclass(frozen=True, slots=True)
class Fade:
    """Colours along a line: `stops` are (place from 0 to 1, colour, opacity)."""

    start: tuple[float, float]
    end: tuple[float, float]
    stops: Stops

    def at(self, x: Places, y: Places) -> NDArray[np.float32]:
        across, down = self.end[0] - self.start[0], self.end[1] - self.start[1]
        length = max(across * across + down * down, 1e-9)
        along = (x - np.float32(self.start[0])) * np.float32(across / length)
        return ramp(along + (y - np.float32(self.start[1])) * np.float32(down / length), self.stops)


@dataclass(frozen=True, slots=True)
class Glow:
    """Colours from a middle outwards; `reach`: the two half axes, as the head shows them, float64 [2, 2]."""

    middle: tuple[float, float]
    reach: Array
    stops: Stops

    def at(self, x: Places, y: Places) -> NDArray[np.float32]:
        back = np.linalg.pinv(self.reach.T).astype(np.float32)
        across, down = x - np.float32(self.middle[0]), y - np.float32(self.middle[1])
        first, second = back[0, 0] * across + back[0, 1] * down, back[1, 0] * across + back[1, 1] * down
        return ramp(np.sqrt(first * first + second * second), self.stops)


def ramp(place: NDArray[np.float32], stops: Stops) -> NDArray[np.float32]:
    """What the stops say at each place, in TONES steps: float32 [rows, columns, 4]."""
    step = np.clip(place * np.float32(TONES - 1) + np.float32(0.5), 0, TONES - 1).astype(np.intp)
    tones: NDArray[np.float32] = _tones(stops)[step]
    return tones


@lru_cache(maxsize=256)
def _tones(stops: Stops) -> NDArray[np.float32]:
    where, at = [stop[0] for stop in stops], np.linspace(0, 1, TONES)
    values = np.array([(*colour, opacity) for _, colour, opacity in stops], np.float64)
    return np.stack([np.interp(at, where, values[:, part]) for part in range(4)], axis=-1).astype(np.float32)


class Canvas:
    """A part of a picture to draw on. `unit` in px says how small things get."""

    def __init__(self, pixels: Pixels, part: Rect, unit: float) -> None:
        self.part = part
        self.times = next((times for most, times in ENLARGED if unit <= most), 1)
        cut = pixels[part.slices]
        self._pixels = cut.copy() if self.times == 1 else cut.repeat(self.times, axis=0).repeat(self.times, axis=1)

    def finish(self, pixels: Pixels) -> None:
        """Puts what was drawn into `pixels`."""
        size = (self.part.width, self.part.height)
        drawn = self._pixels if self.times == 1 else cv2.resize(self._pixels, size, interpolation=cv2.INTER_AREA)
        pixels[self.part.slices] = drawn

    def fill(
        self, shapes: Sequence[Path], paint: Paint | Colour, opacity: float = 1.0, clip: Sequence[Path] | None = None
    ) -> None:
        """Fills the shapes together (where two overlap is a hole), only inside of every outline of `clip`."""
        found = self._shape(shapes, 0)
        if found is not None:
            self._paint(*found, paint, opacity, clip)

    def line(
        self,
        path: Path,
        width: float,
        paint: Paint | Colour,
        opacity: float = 1.0,
        clip: Sequence[Path] | None = None,
        *,
        closed: bool = False,
    ) -> None:
        """A line with round ends, `width` px of the picture."""
        thick = width * self.times
        found = self._shape([path], max(1, round(thick)), closed=closed)
        if found is not None:
            self._paint(*found, paint, opacity * min(1.0, thick), clip)

    def shadow(
        self,
        shapes: Sequence[Path],
        soft: float,
        opacity: float,
        clip: Sequence[Path],
        colour: Colour = (20, 12, 10),
        *,
        melting: bool = False,
    ) -> None:
        """A soft shadow of the shapes, inside of every outline of `clip`. `soft`: its spread, px of the picture.

        `melting`: the edge of `clip` is as soft as that of the shadow.
        """
        sigma = max(soft * self.times, 0.5)
        found = self._shape(shapes, 0, margin=int(3 * sigma) + 2)
        if found is None:
            return
        area, mask = found
        blurred = spread(mask, sigma)
        if melting:
            inside = spread(self._clipped(area, np.full_like(mask, 255), clip), sigma)
            blurred = np.asarray(cv2.multiply(blurred, inside, scale=1 / 255), np.uint8)
            clip = ()
        self._paint(area, blurred, colour, opacity, clip)

    def _shape(
        self, shapes: Sequence[Path], thick: int, *, closed: bool = False, margin: int = 0
    ) -> tuple[Rect, Mask] | None:
        """Where the shapes (or a line so thick) are: pixels of the enlarged part, and how far each is inside."""
        height, width = self._pixels.shape[:2]
        moved = [self._moved(shape) for shape in shapes if len(shape) > 1 and np.isfinite(shape).all()]
        if not moved:
            return None
        every, room = np.vstack(moved), thick / 2 + 2 + margin
        (left, top), (right, bottom) = every.min(axis=0) - room, every.max(axis=0) + room
        area = visible(Box(left, top, right - left, bottom - top), height, width)
        if area is None:
            return None
        mask = np.zeros((area.height, area.width), np.uint8)
        exact = [np.rint((each - (area.left, area.top)) * (1 << BITS)).astype(np.int32) for each in moved]
        if thick:
            cv2.polylines(mask, exact, closed, 255, min(thick, 32767), cv2.LINE_AA, BITS)
        else:
            cv2.fillPoly(mask, exact, 255, cv2.LINE_AA, BITS)
        return area, mask

    def _moved(self, shape: Path) -> Path:
        moved = (shape - (self.part.left, self.part.top)) * self.times - 0.5
        return np.clip(moved, -FARTHEST, FARTHEST)

    def _paint(
        self, area: Rect, mask: Mask, paint: Paint | Colour, opacity: float, clip: Sequence[Path] | None
    ) -> None:
        if clip:
            mask = self._clipped(area, mask, clip)
        rows = max(1, STRIP // area.width)
        for top in range(0, area.height, rows):
            some = slice(top, min(top + rows, area.height))
            share = mask[some].astype(np.float32) * np.float32(opacity / 255)
            if not share.any():
                continue
            under = self._pixels[area.top + some.start : area.top + some.stop, area.left : area.right]
            colour: NDArray[np.float32]
            if isinstance(paint, tuple):
                colour = np.array(paint, np.float32)
            else:
                colour = self._painted(paint, area, some)
                share = share * colour[:, :, 3]
                colour = colour[:, :, :3]
            below = under.astype(np.float32)
            under[:] = np.rint(below + (colour - below) * share[:, :, None]).astype(np.uint8)

    def _painted(self, paint: Paint, area: Rect, rows: slice) -> NDArray[np.float32]:
        x = (np.arange(area.left, area.right) + 0.5) / self.times + self.part.left
        y = (np.arange(area.top + rows.start, area.top + rows.stop) + 0.5) / self.times + self.part.top
        return paint.at(x.astype(np.float32)[None, :], y.astype(np.float32)[:, None])

    def _clipped(self, area: Rect, mask: Mask, clip: Sequence[Path]) -> Mask:
        for shape in clip:
            inside = np.zeros_like(mask)
            if len(shape) > 2 and np.isfinite(shape).all():
                exact = np.rint((self._moved(shape) - (area.left, area.top)) * (1 << BITS)).astype(np.int32)
                cv2.fillPoly(inside, [exact], 255, cv2.LINE_AA, BITS)
            mask = np.asarray(cv2.multiply(mask, inside, scale=1 / 255), np.uint8)
        return mask


def spread(mask: Mask, sigma: float) -> Mask:
    """The mask blurred, a very soft one on fewer pixels."""
    height, width = mask.shape
    fewer = max(1, int(sigma / SMOOTH))
    small = (max(1, width // fewer), max(1, height // fewer))
    blurred = cv2.resize(mask, small, interpolation=cv2.INTER_AREA) if fewer > 1 else mask
    blurred = cv2.GaussianBlur(blurred, (0, 0), sigma / fewer, borderType=cv2.BORDER_REPLICATE)
    if fewer > 1:
        blurred = cv2.resize(blurred, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(blurred, np.uint8)
