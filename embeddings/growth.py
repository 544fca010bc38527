"""Templates that grow by their owner's own logins: which login may add its vector.

Everything is judged against what was enrolled, never against what a login has added before: a vector that somebody else
got in cannot open the door to the next, so a template cannot be walked away step by step.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from embeddings.captures import Template
from embeddings.embed import ModelSpec
from embeddings.index import VectorIndex
from embeddings.lookalike import verify_apart
from embeddings.matching import AMBIGUITY_MARGINS
from embeddings.operating import Mode, of_measure, verification_point
from embeddings.types import FaceVector

FMR: Final = 1e-5
"""The point that a login has to lie well inside of."""
BESIDE_FMR: Final = 1e-3
"""What was enrolled must accept every login by a template that grew at this rate, whatever was added."""
MOST: Final = 10
"""Vectors of a person, those enrolled included."""


def well_inside(index: VectorIndex, spec: ModelSpec, enrolled: Template, probe: Template) -> bool:
    """Whether a probe is beyond the point of FMR 1e-5 by the margin at least within which two people count as not told
    apart. On LFW that is 82 in 100 logins against three photos enrolled, 71 against one."""
    return _room(index, spec, enrolled, probe, FMR) >= AMBIGUITY_MARGINS[index.comparison.measure]


def may_grow(
    index: VectorIndex, key: UUID, spec: ModelSpec, enrolled: Template, probe: Template, held: Sequence[FaceVector]
) -> bool:
    """Whether a login adds its vector to the template of `key`.

    `enrolled`: what was enrolled alone; `held`: every vector of the person. The probe must be well inside the point of
    FMR 1e-5, of another moment than each vector held, and by far nearer to them than to anybody else in the index
    (`verify_apart`, at the same point). Raises ValueError where no point was measured at 1e-5.
    """
    points = of_measure(spec.operating_points, index.comparison.measure)
    if not well_inside(index, spec, enrolled, probe):
        return False
    if any(probe.vector.distance(vector) < spec.same_capture_distance for vector in held):
        return False
    return verify_apart(index, key, probe, points, FMR).accepted


def stands(index: VectorIndex, spec: ModelSpec, enrolled: Template, probe: Template) -> bool:
    """Whether what was enrolled alone accepts a probe as well, at BESIDE_FMR. Of a template that grew this is asked
    beside the login's own decision: however it grew, it opens to nobody whom the enrolled pictures would be far from.
    """
    return accepts(index, spec, enrolled, probe, BESIDE_FMR)


def accepts(index: VectorIndex, spec: ModelSpec, enrolled: Template, probe: Template, fmr: float) -> bool:
    """Whether a template, which need not be in the index, accepts a probe as `verify` would."""
    return _room(index, spec, enrolled, probe, fmr) >= 0


def _room(index: VectorIndex, spec: ModelSpec, enrolled: Template, probe: Template, fmr: float) -> float:
    points = of_measure(spec.operating_points, index.comparison.measure)
    point = verification_point(points, Mode(enrolled.captures, probe.captures), fmr)
    return point.room(index.compare(probe.vector, enrolled.vector))
