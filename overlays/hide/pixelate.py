"""Large even cells on the face's own grid."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar, Final

import cv2

from embeddings.types import Pixels
from overlays.looks import EXTENT, Look, Whole
from overlays.region import Extent, cover_of, largest_first, visible
from overlays.subject import Subject
from overlays.summary import CELLS, summary

STRENGTH: Final = Whole(1, 5, 5)
"""The strongest unless told otherwise: hard edges between the cells tell more than a blur of as many colours."""


class Pixelate:
    """A few flat cells a face, larger the larger the face."""

    name: ClassVar[str] = "pixelate"
    title: ClassVar[str] = "Large pixels"
    hides: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset()
    looks: ClassVar[Mapping[str, Look]] = MappingProxyType({"cover": EXTENT, "strength": STRENGTH})

    def __init__(self, *, cover: Extent = "head", strength: int = STRENGTH.default) -> None:
        self._extent: Extent = cover
        self._cells = CELLS[strength]

    def draw(self, pixels: Pixels, subjects: Sequence[Subject]) -> Pixels:
        """A new picture with the faces covered."""
        drawn = pixels.copy()
        for subject in largest_first(subjects):
            area = visible(cover_of(subject, self._extent).area, *pixels.shape[:2])
            if area is not None:
                cells = summary(drawn, area, subject.face.box, self._cells, subject.seed)
                drawn[area.slices] = cv2.resize(cells, (area.width, area.height), interpolation=cv2.INTER_NEAREST)
        return drawn
