"""Drawing in a head's own space: shapes in eye units, shown as the head stands, on a canvas."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from embeddings.types import Box, Pixels
from overlays.canvas import Canvas, Fade, Glow, Paint, Path, Stops
from overlays.head import Array, Head
from overlays.looks import Colour
from overlays.region import visible
from overlays.shapes import OVAL, hull, rounded

BLACK: Final[Colour] = (0, 0, 0)
WHITE: Final[Colour] = (255, 255, 255)


class Sketch:
    """A canvas and the head that is drawn about. `keep`: nothing is drawn outside of it, an outline of the picture."""

    def __init__(self, canvas: Canvas, head: Head, keep: Path | None = None) -> None:
        self.canvas = canvas
        self.head = head
        self._keep = keep

    def shown(self, shape: Array) -> Path:
        """A shape of the head's space in the picture."""
        return self.head.place(shape)

    def fill(
        self, shape: Array, paint: Paint | Colour, opacity: float = 1.0, within: Sequence[Path] | None = None
    ) -> None:
        """Fills an outline, [n, 3] of the head's space or [n, 2] of the picture, inside of `within` if given."""
        self.canvas.fill([self._path(shape)], paint, opacity, self._clip(within))

    def line(
        self,
        shape: Array,
        width: float,
        paint: Paint | Colour,
        opacity: float = 1.0,
        within: Sequence[Path] | None = None,
        *,
        closed: bool = False,
    ) -> None:
        """A line `width` eye units wide."""
        size = width * self.head.unit
        self.canvas.line(self._path(shape), size, paint, opacity, self._clip(within), closed=closed)

    def shadow(
        self, shape: Array, soft: float, opacity: float, within: Path, shift: tuple[float, float] = (0.0, 0.05)
    ) -> None:
        """The soft shadow of an outline on `within`, shifted across and down the picture; all in eye units.

        On a photo the edge of `within` melts away too; in a drawing it is sharp.
        """
        moved = self._path(shape) + np.array(shift) * self.head.unit
        soft, clip = soft * self.head.unit, self._clip([within]) or ()
        self.canvas.shadow([moved], soft, opacity, clip, melting=self._keep is None)

    def glow(self, middle: Array, across: float, down: float, stops: Stops) -> Glow:
        """A paint from a place of the head [3] outwards, half axes in eye units."""
        shown = self.shown(np.stack([middle, middle + (across, 0, 0), middle + (0, down, 0)]))
        return Glow((float(shown[0, 0]), float(shown[0, 1])), shown[1:] - shown[0], stops)

    def fade(self, start: Sequence[float], end: Sequence[float], stops: Stops) -> Fade:
        """A paint along a line between two places of the head."""
        shown = self.shown(np.array([start, end], np.float64))
        return Fade((float(shown[0, 0]), float(shown[0, 1])), (float(shown[1, 0]), float(shown[1, 1])), stops)

    def face(self) -> Path:
        """The outline of the face itself as the picture shows it."""
        return rounded(hull(self.head.mesh[list(OVAL), :2]))

    def _path(self, shape: Array) -> Path:
        return self.shown(shape) if shape.shape[1] == 3 else shape

    def _clip(self, within: Sequence[Path] | None) -> Sequence[Path] | None:
        kept = () if self._keep is None else (self._keep,)
        return (*(within or ()), *kept) or None


def sketch(pixels: Pixels, head: Head, shape: Array, keep: Path | None = None) -> Sketch | None:
    """A sketch on the part of the picture in which `shape` (outlines of the picture, [n, 2]) lies; None where none."""
    low, high = shape.min(axis=0) - 2, shape.max(axis=0) + 2
    part = visible(Box(float(low[0]), float(low[1]), *(float(side) for side in high - low)), *pixels.shape[:2])
    return None if part is None else Sketch(Canvas(pixels, part, head.unit), head, keep)
