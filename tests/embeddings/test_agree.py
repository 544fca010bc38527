"""The pictures of one enrolment show one person."""

import numpy as np
import pytest

from embeddings.captures import SAME_CAPTURE_DISTANCE, FramesDisagree, agree, template
from embeddings.dlib_points import DLIB_POINTS
from embeddings.image import ImageLimits
from embeddings.pipeline import FacePipeline
from embeddings.quality import QualityLimits
from embeddings.types import FaceVector
from tests.embeddings.vectors import at_distance, random_vector
from tests.evaluation_data import folder

PERSON, OTHER = random_vector(1), random_vector(2)


def photos(person: FaceVector, count: int, distance: float = 0.24) -> list[FaceVector]:
    """Of different days: each that far from the person's middle."""
    return [at_distance(person, distance, seed) for seed in range(count)]


@pytest.mark.parametrize("count", [1, 2, 3, 5, 10])
def test_photos_of_one_person_agree(count: int) -> None:
    agree(photos(PERSON, count), DLIB_POINTS, SAME_CAPTURE_DISTANCE)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 9])
def test_one_photo_of_somebody_else_is_found_wherever_it_stands(count: int) -> None:
    for place in (0, count // 2, count):
        mixed = photos(PERSON, count)
        mixed.insert(place, OTHER)
        with pytest.raises(FramesDisagree) as refusal:
            agree(mixed, DLIB_POINTS, SAME_CAPTURE_DISTANCE)
        assert refusal.value.code == "frames_disagree"
        assert not any(sign.isdigit() for sign in str(refusal.value))


def test_a_burst_of_somebody_else_does_not_vouch_for_itself() -> None:
    burst = [at_distance(OTHER, 0.05, seed) for seed in range(4)]
    with pytest.raises(FramesDisagree):
        agree([*photos(PERSON, 3), *burst], DLIB_POINTS, SAME_CAPTURE_DISTANCE)


def test_two_people_in_equal_parts_disagree() -> None:
    with pytest.raises(FramesDisagree):
        agree([*photos(PERSON, 3), *photos(OTHER, 3)], DLIB_POINTS, SAME_CAPTURE_DISTANCE)


@pytest.mark.parametrize(("distance", "agrees"), [(0.37, True), (0.38, False)])
def test_two_photos_are_judged_at_one_in_a_thousand(distance: float, agrees: bool) -> None:
    pair = [PERSON, at_distance(PERSON, distance, 3)]
    if agrees:
        agree(pair, DLIB_POINTS, SAME_CAPTURE_DISTANCE)
    else:
        with pytest.raises(FramesDisagree):
            agree(pair, DLIB_POINTS, SAME_CAPTURE_DISTANCE)


def test_opposite_vectors_disagree_before_their_mean_is_asked_for() -> None:
    opposite = FaceVector(-PERSON.values, PERSON.model_id)
    with pytest.raises(FramesDisagree):
        agree([PERSON, opposite], DLIB_POINTS, SAME_CAPTURE_DISTANCE)


def test_a_template_of_those_who_agree_is_near_each() -> None:
    frames = photos(PERSON, 4)
    agree(frames, DLIB_POINTS, SAME_CAPTURE_DISTANCE)
    made = template(frames, None, SAME_CAPTURE_DISTANCE).vector
    assert max(made.distance(frame) for frame in frames) < 0.377
    assert np.isclose(made.distance(PERSON), 0.12, atol=0.02)


def test_a_father_agrees_with_himself_and_not_with_his_family() -> None:
    family = folder("photos")
    pipeline = FacePipeline.load(ImageLimits(), QualityLimits())
    dad, again, son, mother = (
        pipeline.capture((family / f"Family1-{name}.jpg").read_bytes()).vector
        for name in ("Dad1", "Dad2", "Son1", "Mom1")
    )
    agree([dad, again], DLIB_POINTS, SAME_CAPTURE_DISTANCE)
    for other in (son, mother):
        with pytest.raises(FramesDisagree):
            agree([dad, again, other], DLIB_POINTS, SAME_CAPTURE_DISTANCE)
