"""Is every face that was to be hidden hidden? The finished picture is searched again and held against the original.

What counts as *left*: a covered face that passes for itself. Its vector is made of both pictures, at the points at
which the original had it (an attacker knows where it was) and at those at which the finished picture shows a face, if
it shows one there; and the two are compared as one photo with another at FMR. That says something only where the
original holds a face that can be recognised: of at least EYES_PX, in which the mesh network sees one; and only as far
as a plain patch in the same place, which leaves nothing, does not come as near. A smaller or doubtful face is left when
a face is found in its place whose pixels are hardly changed.

What counts as *bare*: a face found in the finished picture that is under no cover and that nobody asked to keep. A
cover takes away what stood beside a face, so the second search may see what the first did not.

A face that is found on a cover, and is not the person's, is *detectable* and no failure: an avatar is a face, and
should be.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from embeddings.image import Picture
from embeddings.likeness import Likeness
from embeddings.pipeline import FacePipeline
from embeddings.types import Box, Face, Pixels
from overlays.style import Subject, style
from service.errors import ServiceError
from service.workflows.overlay_choice import shared

FMR: Final = 1e-3
EYES_PX: Final = 8.0
"""Between the eyes. Vectors of less say nothing."""
PATCHES: Final = ((24, 26, 31), (245, 245, 245))
UNCHANGED: Final = 8.0
"""Mean change of the pixels of a box, of 255, up to which it is as it was: more than a fresh file changes."""
FLAT: Final = 10.0
"""Deviation of the pixels of a box, of 255, up to which it holds nothing: a cover that was drawn before, say."""
AT_ONE_PLACE: Final = 1.6
"""Sides of a box within which a face that is found belongs to it."""
SAME_IOU: Final = 0.3


class NotHidden(ServiceError):
    """`detail`: how many faces, and nothing about whose."""

    code: ClassVar[str] = "not_hidden"

    def __init__(self, left: int, bare: int) -> None:
        told = [f"{left} would still pass for themselves"] if left else []
        told += [f"{bare} would be uncovered"] if bare else []
        self.detail = f"Of the faces {' and '.join(told)}."
        super().__init__(self.detail)


@dataclass(frozen=True, slots=True)
class Proof:
    """`detectable`: covers that a face is found on. `left`: numbers of the hidden faces that still match themselves.
    `bare`: faces that were found beside all covers."""

    hidden: int
    detectable: int
    left: frozenset[int]
    bare: tuple[Face, ...]

    @property
    def holds(self) -> bool:
        return not self.left and not self.bare


class Prover:
    """May be shared between threads; holds nothing of a picture."""

    def __init__(self, pipeline: FacePipeline) -> None:
        self._pipeline = pipeline
        self._likeness = Likeness(pipeline.spec, FMR)

    def of(self, original: Pixels) -> "Proving":
        """For one picture, which is drawn on in rounds."""
        return Proving(original, self._pipeline, self._likeness)


class Proving:
    """Called with what a round has drawn. A face that was found hidden is not compared again: more covers bring nothing
    of it back."""

    def __init__(self, original: Pixels, pipeline: FacePipeline, likeness: Likeness) -> None:
        self._original = original
        self._pipeline = pipeline
        self._likeness = likeness
        self._hidden: set[int] = set()

    def __call__(self, finished: Picture, hidden: Sequence[Face], others: Sequence[Face]) -> Proof:
        """`hidden`: in the same order in each round, new ones at the end. `others`: faces that were found in the
        original and are to stay as they are."""
        pixels, found = finished.pixels, self._pipeline.search(finished).faces
        left = {
            number for number, face in enumerate(hidden) if number not in self._hidden and self._passes(pixels, face)
        }
        self._hidden = set(range(len(hidden))) - left
        covers, bare = set[int](), list[Face]()
        for face in found:
            under = [number for number, other in enumerate(hidden) if at_one_place(face.box, other.box)]
            covers.update(under)
            if under and (self._passes(pixels, face) or unchanged(self._original, pixels, face)):
                left.add(min(under, key=lambda number: distance(face.box, hidden[number].box)))
            elif not under and not any(at_one_place(face.box, o.box) or face.box.iou(o.box) > SAME_IOU for o in others):
                bare.append(face)
        return Proof(len(hidden), len(covers), frozenset(left), tuple(bare))

    def _passes(self, finished: Pixels, face: Face) -> bool:
        """Whether the two pictures show one person at the points of `face`, as far as that can be told."""
        original, vector = self._original, self._pipeline.vector
        if np.linalg.norm(face.points[1] - face.points[0]) < EYES_PX or self._pipeline.mesh(original, face) is None:
            return False
        before, after = vector(original, face), vector(finished, face)
        if before is None or after is None or not self._likeness.same(before, after):
            return False
        patched = (style("solid", cover="face", colour=ink).draw(original, [Subject(face)]) for ink in PATCHES)
        blank = [seen for picture in patched if (seen := vector(picture, face)) is not None]
        return all(self._likeness.nearer(before, after, than=seen) for seen in blank)


def at_one_place(box: Box, face: Box) -> bool:
    """Whether the middle of a box that was found lies in what a cover of `face` promises to hide, about."""
    x, y = box.center
    around = face.scaled(AT_ONE_PLACE)
    return around.x <= x <= around.right and around.y <= y <= around.bottom


def distance(one: Box, other: Box) -> float:
    (x, y), (other_x, other_y) = one.center, other.center
    return (x - other_x) ** 2 + (y - other_y) ** 2


def unchanged(original: Pixels, finished: Pixels, face: Face) -> bool:
    """Whether the pixels of a box hold something, and are as they were but for what a fresh file changes."""
    height, width = original.shape[:2]
    frame = Box(0, 0, width, height)
    if shared(face.box, frame) <= 0:
        return False
    top, bottom = max(0, int(face.box.y)), min(height, int(face.box.bottom) + 1)
    left, right = max(0, int(face.box.x)), min(width, int(face.box.right) + 1)
    parts = [pixels[top:bottom, left:right].astype(np.int16) for pixels in (original, finished)]
    return float(parts[0].std()) > FLAT and float(np.abs(parts[0] - parts[1]).mean()) <= UNCHANGED
