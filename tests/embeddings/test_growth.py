"""Which vectors a template may grow by, on drawn vectors."""

import math
from uuid import UUID

import numpy as np
import pytest

from embeddings.captures import Template, average
from embeddings.embed import DLIB_SPEC
from embeddings.growth import BESIDE_FMR, FMR, accepts, may_grow, stands
from embeddings.index import VectorIndex
from embeddings.matching import AMBIGUITY_MARGINS
from embeddings.operating import Measure, Mode, verification_point
from embeddings.types import FaceVector

ADA, GRACE = UUID(int=1), UUID(int=2)
MARGIN = AMBIGUITY_MARGINS[Measure.DISTANCE]
LIMIT = verification_point(DLIB_SPEC.operating_points, Mode(3, 1), FMR).threshold
BESIDE = verification_point(DLIB_SPEC.operating_points, Mode(3, 1), BESIDE_FMR).threshold


def at(distance: float, axis: int = 1) -> FaceVector:
    """So far from the first axis."""
    values = np.zeros(DLIB_SPEC.dimension, np.float32)
    cosine = 1 - distance**2 / 2
    values[0], values[axis] = cosine, math.sqrt(1 - cosine**2)
    return FaceVector(values, DLIB_SPEC.model_id)


ENROLLED = Template(at(0.0), 3)


@pytest.fixture
def index() -> VectorIndex:
    made = VectorIndex(DLIB_SPEC.model_id, DLIB_SPEC.dimension)
    made.put(ADA, ENROLLED)
    return made


def may(index: VectorIndex, vector: FaceVector, *held: FaceVector) -> bool:
    return may_grow(index, ADA, DLIB_SPEC, ENROLLED, Template(vector, 1), held)


@pytest.mark.parametrize(("distance", "right"), [(LIMIT - MARGIN - 1e-3, True), (LIMIT - MARGIN + 1e-3, False)])
def test_a_margin_inside_the_point_of_one_in_a_hundred_thousand(
    index: VectorIndex, distance: float, right: bool
) -> None:
    assert may(index, at(distance)) is right


def test_a_moment_that_is_held_already_adds_nothing(index: VectorIndex) -> None:
    near = DLIB_SPEC.same_capture_distance
    assert may(index, at(0.2), at(0.2, axis=2))
    assert at(0.2).distance(at(0.2, axis=2)) > near
    assert not may(index, at(0.2), at(0.2 - near / 2))


def test_somebody_as_near_stops_it(index: VectorIndex) -> None:
    index.put(GRACE, Template(at(0.2, axis=1), 3))
    assert not may(index, at(0.2, axis=1))
    assert may(index, at(0.2, axis=2))


def test_what_logins_added_opens_no_way_to_the_next(index: VectorIndex) -> None:
    """Step by step away from what was enrolled, each as far as the one before allows: it ends at the same margin."""
    held, reached = [at(0.0)], 0.0
    for _ in range(20):
        steps = [at(distance) for distance in np.arange(reached, 0.6, 0.005)]
        fit = [step for step in steps if may(index, step, *held[1:])]
        if not fit:
            break
        held.append(fit[-1])
        reached = fit[-1].distance(held[0])
        index.put(ADA, average(held, range(len(held))))
    assert len(held) > 1
    assert reached <= LIMIT - MARGIN + 1e-6


@pytest.mark.parametrize(("distance", "right"), [(BESIDE - 1e-3, True), (BESIDE + 1e-3, False)])
def test_what_was_enrolled_has_the_last_word(index: VectorIndex, distance: float, right: bool) -> None:
    index.put(ADA, Template(at(distance), 4))  # grown all the way there
    probe = Template(at(distance), 1)
    assert accepts(index, DLIB_SPEC, Template(at(distance), 4), probe, 1e-4)
    assert stands(index, DLIB_SPEC, ENROLLED, probe) is right
