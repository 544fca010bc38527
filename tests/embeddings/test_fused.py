"""The fused vector is two views side by side; its thresholds are measured for both ways of comparing."""

import itertools
from uuid import UUID

import numpy as np
import pytest

from embeddings import faceres
from embeddings.captures import Template, agree, average, group
from embeddings.cohort import Cohort
from embeddings.embed import DLIB_SPEC
from embeddings.fused import COHORT, MODEL_ID, WEIGHT
from embeddings.fused_points import FUSED_POINTS
from embeddings.image import ImageLimits, decode
from embeddings.index import VectorIndex
from embeddings.matching import verify
from embeddings.onnx import Runtime
from embeddings.operating import Measure, Mode, of_measure, verification_point
from embeddings.pipeline import FacePipeline
from embeddings.quality import QualityLimits
from embeddings.types import Box, Face
from tests.drawn_faces import drawn_face
from tests.portraits import portraits

KEY = UUID(int=1)


@pytest.fixture(scope="module")
def pipeline() -> FacePipeline:
    return FacePipeline.load(ImageLimits(), QualityLimits(), "fused")


def test_a_fused_vector_holds_dlibs_and_the_second_nets(pipeline: FacePipeline) -> None:
    data = portraits().obama.read_bytes()
    fused = pipeline.capture(data)
    plain = FacePipeline.load(ImageLimits(), QualityLimits(), "onnx").capture(data)
    parts = np.split(fused.vector.values, [DLIB_SPEC.dimension])
    np.testing.assert_allclose(parts[0], np.sqrt(1 - WEIGHT) * plain.vector.values, atol=1e-6)
    crop = faceres.crop(decode(data, ImageLimits()).pixels, fused.face)
    second = faceres.FaceresNet(Runtime(1)).embed(crop)
    np.testing.assert_allclose(parts[1], np.sqrt(WEIGHT) * second, atol=1e-6)
    assert fused.vector.model_id == pipeline.spec.model_id == MODEL_ID != plain.vector.model_id


def test_one_man_is_accepted_as_himself_and_not_as_another(pipeline: FacePipeline) -> None:
    found = portraits()
    one, two, other = (pipeline.capture(path.read_bytes()).vector for path in (found.obama, found.obama2, found.biden))
    spec = pipeline.spec
    for chosen in (spec, spec.by_distance()):
        index = VectorIndex(spec.model_id, spec.dimension, chosen.comparison)
        index.put(KEY, average([one], group([one], None, spec.same_capture_distance)))
        assert verify(index, KEY, Template(two, 1), spec.operating_points).accepted
        assert not verify(index, KEY, Template(other, 1), spec.operating_points).accepted
    agree([one, two], spec.operating_points, spec.same_capture_distance)


def test_the_central_face_is_measured_whatever_the_gate_says(pipeline: FacePipeline) -> None:
    data = portraits().obama.read_bytes()
    assert pipeline.central(data).vector.distance(pipeline.capture(data).vector) < 1e-6


def test_the_crop_turns_with_the_face_and_ends_at_the_edge() -> None:
    pixels = drawn_face(200)
    level = np.array([(70, 80), (130, 80), (100, 110), (80, 150), (120, 150)], np.float32)
    straight = faceres.crop(pixels, Face(Box(40, 40, 120, 140), 0.9, level))
    turned = np.ascontiguousarray(np.rot90(pixels))  # counter-clockwise: (x, y) -> (y, 200 - x)
    points = np.stack((level[:, 1], 200 - level[:, 0]), axis=1)
    assert straight.shape == (faceres.SIDE, faceres.SIDE, 3)
    again = faceres.crop(turned, Face(Box(40, 40, 140, 120), 0.9, points.astype(np.float32)))
    assert np.abs(again.astype(int) - straight).mean() < 1
    with pytest.raises(ValueError, match="coincide"):
        faceres.crop(pixels, Face(Box(0, 0, 9, 9), 0.9, np.zeros((5, 2), np.float32)))


@pytest.mark.parametrize("measure", list(Measure))
def test_more_captures_never_loosen_a_threshold(measure: Measure) -> None:
    points = of_measure(FUSED_POINTS, measure)
    rates = (1e-2, 1e-3, 1e-4, 1e-5)
    for enrolled, captures, fmr in itertools.product(range(1, 8), range(1, 6), rates):
        here = verification_point(points, Mode(enrolled, captures), fmr)
        for more in (Mode(enrolled + 1, captures), Mode(enrolled, captures + 1)):
            assert not here.stricter_than(verification_point(points, more, fmr))
    for mode in {point.mode for point in points}:
        rows = [point for point in points if point.mode == mode]
        for looser, stricter in itertools.pairwise(rows):
            assert stricter.stricter_than(looser)
            assert stricter.fmr < looser.fmr
            assert stricter.fnmr >= looser.fnmr
            assert stricter.impostor_events is not None
            assert stricter.impostor_events >= 1


def test_the_cohort_that_ships_is_of_eight_groups() -> None:
    cohort = Cohort.load(COHORT)
    assert cohort.means.shape == (8, DLIB_SPEC.dimension + faceres.DIMENSION)
    assert (np.linalg.norm(cohort.means, axis=1) < 1).all()  # a mean of many, not somebody's vector
