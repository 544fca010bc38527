"""Large even cells on the face's own grid."""

from collections.abc import Sequence
from typing import ClassVar

import cv2

from embeddings.types import Face, Pixels
from overlays.region import COVER, largest_first, visible
from overlays.summary import summary


class Pixelate:
    """A few flat cells a face, larger the larger the face."""

    name: ClassVar[str] = "pixelate"
    hides: ClassVar[bool] = True

    def draw(self, pixels: Pixels, faces: Sequence[Face]) -> Pixels:
        """A new picture with the faces covered."""
        drawn = pixels.copy()
        for face in largest_first(faces):
            area = visible(face.box.scaled(COVER), *pixels.shape[:2])
            if area is not None:
                cells = summary(drawn, area, face.box)
                drawn[area.slices] = cv2.resize(cells, (area.width, area.height), interpolation=cv2.INTER_NEAREST)
        return drawn
