"""Frames are not captures.

Error rates of "three photos enrolled" hold for photos of three moments. The frames of one burst lie .10 to .14 apart,
photos of different days .25 to .45; judged at the row of three photos, a burst would refuse half of those who
come back another day. So frames that lie close, or were taken within seconds, are averaged into one capture.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from embeddings.operating import Measure, Mode, OperatingPoint, of_measure, verification_point
from embeddings.types import FaceVector

F = TypeVar("F", np.float32, np.float64)
SAME_CAPTURE_DISTANCE: Final = 0.18
"""dlib's vectors nearer than this are of one capture: above the frames of a clip, below photos of different days.
Each model has its own (`ModelSpec.same_capture_distance`)."""
SAME_CAPTURE_SECONDS: Final = 10.0
"""Frames taken within this time are of one capture, however they differ."""
AGREEMENT_FMR: Final = 1e-3
"""How often a stranger's photo may pass as another photo of the person that is being enrolled."""


class FramesDisagree(Exception):
    """The pictures of one enrolment or login show different people."""

    code: ClassVar[str] = "frames_disagree"


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """A person's vector, and how many independent captures stand behind it; their own means float64 [dimension], in
    order, where it was made of them."""

    vector: FaceVector
    captures: int
    means: tuple[NDArray[np.float64], ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if self.captures < 1:
            raise ValueError("a template holds at least one capture")

    def without_last(self) -> "Template | None":
        """The same of all captures but the last; None for a single one, and where they are not known."""
        if len(self.means) < 2:
            return None
        mean = _unit(np.sum(self.means[:-1], axis=0)).astype(np.float32)
        return Template(FaceVector(mean, self.vector.model_id), self.captures - 1, self.means[:-1])


def template(vectors: Sequence[FaceVector], taken_at: Sequence[float | None] | None, near: float) -> Template:
    """The frames grouped into captures and averaged; see `group` and `average`."""
    return average(vectors, group(vectors, taken_at, near))


def average(vectors: Sequence[FaceVector], groups: Sequence[int]) -> Template:
    """The mean of each capture's mean, unit length; `groups` holds each vector's capture number.

    Raises ValueError without vectors, for vectors of two models, and for vectors that cancel out.
    """
    if not vectors or len(groups) != len(vectors):
        raise ValueError("a template needs vectors, and a capture number for each")
    if len({vector.model_id for vector in vectors}) != 1:
        raise ValueError("vectors of two models have no mean")
    numbers = sorted(set(groups))
    values = np.stack([vector.values for vector in vectors]).astype(np.float64)
    means = [_unit(values[np.asarray(groups) == number].sum(axis=0)) for number in numbers]
    mean = _unit(np.sum(means, axis=0))
    return Template(FaceVector(mean.astype(np.float32), vectors[0].model_id), len(numbers), tuple(means))


def averages(
    vectors: NDArray[np.float32], owners: NDArray[np.int64], groups: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """`average` for many people at once: unit vectors [n, dimension], the person of each, 0 to p - 1 without a gap, and
    its capture. Their templates [p, dimension], and how many captures stand behind each [p]. Raises ValueError for
    vectors that cancel out.
    """
    order = np.lexsort((groups, owners))
    owner, capture = owners[order], groups[order]
    new_person = np.diff(owner, prepend=-1) != 0
    starts = np.flatnonzero(new_person | (np.diff(capture, prepend=-1) != 0))
    people = np.flatnonzero(new_person[starts])
    if people.size == order.size:
        return _units(vectors[order]), np.ones(order.size, np.int32)
    means = _units(np.add.reduceat(vectors[order].astype(np.float64), starts, axis=0))
    means = _units(np.add.reduceat(means, people, axis=0))
    return means.astype(np.float32), np.diff(people, append=starts.size).astype(np.int32)


def group(vectors: Sequence[FaceVector], taken_at: Sequence[float | None] | None, near: float) -> tuple[int, ...]:
    """Each vector's capture number, from 0: single linkage by distance and by time.

    `taken_at`: when each frame was taken, seconds of any one clock, None where unknown. `near`: vectors nearer
    than this are of one capture, `ModelSpec.same_capture_distance`. Raises ValueError without vectors, without a time
    or None for each, and for vectors of two models.
    """
    times = taken_at if taken_at is not None else [None] * len(vectors)
    if not vectors or len(times) != len(vectors):
        raise ValueError("a template needs vectors, and one time or None for each")
    label = list(range(len(vectors)))
    for i in range(len(vectors)):
        for j in range(i):
            if label[i] != label[j] and _same_capture(vectors[i], vectors[j], times[i], times[j], near):
                old, new = max(label[i], label[j]), min(label[i], label[j])
                label = [new if value == old else value for value in label]
    numbers = {name: number for number, name in enumerate(sorted(set(label)))}
    return tuple(numbers[name] for name in label)


def agree(vectors: Sequence[FaceVector], points: Sequence[OperatingPoint], near: float) -> None:
    """Refuses vectors that are not all of one person: raises FramesDisagree.

    Vectors that lie close are averaged; each average must be accepted by the template of all the others, at FMR 1e-3
    of that mode. Times play no part, or two people photographed at once would pass as one capture. On LFW (1,589
    people, photos of different days) that refuses 5 in 100 sets of two, three or five photos of one person, and lets
    1 in 1,000 pass that hold one photo of somebody else.
    """
    groups, by_distance = group(vectors, None, near), of_measure(points, Measure.DISTANCE)
    for number in range(max(groups) + 1 if len(vectors) > 1 else 0):
        apart = [vector for vector, its in zip(vectors, groups, strict=True) if its == number]
        others = [vector for vector, its in zip(vectors, groups, strict=True) if its != number]
        if not others:
            return
        rest = average(others, [its for its in groups if its != number])
        point = verification_point(by_distance, Mode(rest.captures, 1), AGREEMENT_FMR)
        if average(apart, [0] * len(apart)).vector.distance(rest.vector) > point.threshold:
            raise FramesDisagree("the pictures show different people")


def _same_capture(one: FaceVector, other: FaceVector, at: float | None, other_at: float | None, near: float) -> bool:
    alike = one.distance(other) < near  # before the times: it refuses two models
    return alike or (at is not None and other_at is not None and abs(at - other_at) <= SAME_CAPTURE_SECONDS)


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    unit: NDArray[np.float64] = _units(vector[None])[0]
    return unit


def _units(vectors: NDArray[F]) -> NDArray[F]:
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))[:, None]
    if (lengths < 1e-6).any():
        raise ValueError("these vectors cancel out and have no mean direction")
    scaled: NDArray[F] = vectors / lengths
    return scaled
