"""The caller's own picture, stuck where it is asked to be."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar, Final, Literal

import cv2
import numpy as np

from embeddings.types import Box, Pixels
from overlays.head import Array, Head, head_of, mean_face
from overlays.looks import Artwork, BadLook, Choice, Look, Own
from overlays.region import largest_first, visible
from overlays.shapes import points
from overlays.subject import Subject

Anchor = Literal["forehead", "eyes", "nose", "mouth", "whole"]

PLACES: Final[Mapping[Anchor, tuple[int, tuple[float, float, float], float, float]]] = MappingProxyType(
    {
        "forehead": (151, (0.0, -0.1, -0.12), 2.0, 1.25),
        "eyes": (168, (0.0, 0.1, -0.2), 2.5, 1.0),
        "nose": (4, (0.0, -0.05, -0.08), 0.9, 0.8),
        "mouth": (13, (0.0, 0.06, -0.15), 1.4, 0.8),
        "whole": (5, (0.0, 0.05, 0.5), 3.4, 4.6),
    }
)
"""By anchor: MediaPipe's point that it lies on, from there to the picture's middle, and the most that the picture is
wide and high, in eye units."""


class Sticker:
    """Drawn flat before the face and turning with it. What it leaves free stays to be seen: it hides nothing."""

    name: ClassVar[str] = "sticker"
    title: ClassVar[str] = "Your own sticker"
    hides: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset({"mesh"})
    looks: ClassVar[Mapping[str, Look]] = MappingProxyType({"picture": Own(), "anchor": Choice(tuple(PLACES), "whole")})

    def __init__(self, *, picture: Artwork | None = None, anchor: Anchor = "whole") -> None:
        """Raises BadLook without a picture."""
        if picture is None:
            raise BadLook("picture", "a picture with transparency (RGBA)")
        self._anchor: Anchor = anchor
        opacity = picture[:, :, 3:].astype(np.float32) / 255
        self._art = np.concatenate([picture[:, :, :3].astype(np.float32) * opacity, opacity], axis=2)

    def draw(self, pixels: Pixels, subjects: Sequence[Subject]) -> Pixels:
        """A new picture with the sticker on."""
        drawn = pixels.copy()
        for subject in largest_first(subjects):
            self._stick(drawn, self._corners(head_of(subject)))
        return drawn

    def _corners(self, head: Head) -> Array:
        """Where the picture's corners come to lie, float64 [4, 2], clockwise from the upper left one."""
        number, away, most_wide, most_high = PLACES[self._anchor]
        high, wide = self._art.shape[:2]
        size = min(most_wide / wide, most_high / high)
        half = wide * size / 2, high * size / 2
        own = head.shape[number]
        middle = np.clip(own, mean_face()[number] - 0.4, mean_face()[number] + 0.4) + away
        return head.place(middle + points((-1, -1, 0), (1, -1, 0), (1, 1, 0), (-1, 1, 0)) * (*half, 0.0))

    def _stick(self, drawn: Pixels, corners: Array) -> None:
        low, high = corners.min(axis=0) - 1, corners.max(axis=0) + 1
        area = visible(Box(float(low[0]), float(low[1]), *(float(side) for side in high - low)), *drawn.shape[:2])
        if area is None:
            return
        art = self._shrunk(corners)
        rows, columns = art.shape[:2]
        start = np.array([(0, 0), (columns, 0), (columns, rows), (0, rows)], np.float32) - 0.5
        end = (corners - (area.left, area.top) - 0.5).astype(np.float32)
        if abs(float(cv2.contourArea(end))) < 0.25:
            return
        matrix = cv2.getPerspectiveTransform(start, end)
        warped = cv2.warpPerspective(
            art, matrix, (area.width, area.height), flags=cv2.INTER_LINEAR, borderValue=(0, 0, 0, 0)
        )
        under = drawn[area.slices].astype(np.float32)
        drawn[area.slices] = np.rint(np.clip(under * (1 - warped[:, :, 3:]) + warped[:, :, :3], 0, 255)).astype(
            np.uint8
        )

    def _shrunk(self, corners: Array) -> Artwork | np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        """The art about as large as it is drawn, with a clear rim, so that its edges are smooth."""
        sides = np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=1)
        scale = min(1.0, 1.5 * float(sides.max()) / max(self._art.shape[:2]))
        size = tuple(max(1, round(side * scale)) for side in self._art.shape[1::-1])
        art = cv2.resize(self._art, size, interpolation=cv2.INTER_AREA) if scale < 1 else self._art
        return np.asarray(art, np.float32)
