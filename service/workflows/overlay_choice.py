"""Which of the faces of a picture an overlay is for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final
from uuid import UUID

import numpy as np

from embeddings.types import Box, Face, Pixels
from service.errors import ServiceError
from service.familiar import Familiar

KEPT_SHARE: Final = 0.5
"""Of a face's box that a box to keep has to cover; a face that is only touched by it stays hidden."""
_MEAN_POINTS: Final = np.array([(0.29, 0.42), (0.71, 0.42), (0.5, 0.63), (0.33, 0.8), (0.67, 0.8)], np.float32)
"""Where the detector's five points lie in its box, on average of a face from the front."""


class UnknownFace(ServiceError):
    """A number that no face of the picture has."""

    code: ClassVar[str] = "unknown_face"


@dataclass(frozen=True, slots=True)
class Which:
    """Faces to draw on: all, unless said otherwise.

    `numbers`: those alone, by their place in the list of faces, from 0. `add`: boxes that are faces too, whatever else
    is asked. `keep`: boxes whose faces stay as they are. `but_enrolled`: who is enrolled in `tenant` and agreed to
    overlays stays as they are. `only`: somebody enrolled there, and nobody else.
    """

    numbers: frozenset[int] | None = None
    add: tuple[Box, ...] = ()
    keep: tuple[Box, ...] = ()
    but_enrolled: bool = False
    only: UUID | None = None
    tenant: str = ""

    @property
    def everybody(self) -> bool:
        """Whether a face is meant that nobody has named: one that only turns up later as well."""
        return self.numbers is None and self.only is None

    @property
    def by_person(self) -> bool:
        """Whether faces are compared with people enrolled."""
        return self.but_enrolled or self.only is not None


@dataclass(frozen=True, slots=True)
class Chosen:
    """`drawn`: to draw on, largest first. `left`: found, and to stay as they are."""

    drawn: tuple[Face, ...]
    left: tuple[Face, ...]


def choose(which: Which, pixels: Pixels, faces: Sequence[Face], familiar: Familiar | None, *, hides: bool) -> Chosen:
    """`faces` as they were found, largest first; `hides`: whether doubts are to end hidden.

    Raises UnknownFace, and what `Familiar` raises.
    """
    if which.numbers is not None and any(number >= len(faces) for number in which.numbers):
        raise UnknownFace
    wanted = {
        number
        for number, face in enumerate(faces)
        if (which.numbers is None or number in which.numbers) and not kept(face, which.keep)
    }
    if familiar is not None and which.only is not None:
        wanted &= familiar.maybe(which.only, pixels, faces) if hides else familiar.surely(which.only, pixels, faces)
    if familiar is not None and which.but_enrolled:
        wanted -= familiar.welcome(pixels, faces)
    drawn = [face for number, face in enumerate(faces) if number in wanted] + [as_face(box) for box in which.add]
    left = tuple(face for number, face in enumerate(faces) if number not in wanted)
    return Chosen(tuple(sorted(drawn, key=lambda face: face.box.area, reverse=True)), left)


def kept(face: Face, keep: Sequence[Box]) -> bool:
    """Whether one of the boxes covers KEPT_SHARE of the face's."""
    return any(shared(face.box, box) >= KEPT_SHARE * face.box.area for box in keep)


def shared(one: Box, other: Box) -> float:
    """The area that two boxes have in common."""
    across = min(one.right, other.right) - max(one.x, other.x)
    down = min(one.bottom, other.bottom) - max(one.y, other.y)
    return max(across, 0.0) * max(down, 0.0)


def as_face(box: Box) -> Face:
    """A box that somebody drew, as a face from the front that fills it."""
    points = _MEAN_POINTS * (box.width, box.height) + (box.x, box.y)
    return Face(box, 1.0, points.astype(np.float32))
