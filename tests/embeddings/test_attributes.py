"""The rules of what is told, the crops, and the packaged estimator on portraits."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embeddings.attributes import (
    EMOTIONS,
    KINDS,
    NOTHING,
    Age,
    Attributes,
    Emotion,
    Gender,
    combine,
    described,
    emotion,
    gender,
)
from embeddings.crops import Crop, eye_mouth_crop
from embeddings.detect import CenterFace, Purpose
from embeddings.image import ImageLimits, decode
from embeddings.onnx import Runtime
from embeddings.packaged_attributes import PackagedAttributes
from embeddings.types import Box, Face
from tests.drawn_faces import drawn_face
from tests.portraits import portraits


@pytest.fixture(scope="module")
def estimator() -> PackagedAttributes:
    return PackagedAttributes.load(Runtime(1))


def look(estimator: PackagedAttributes, path: Path) -> Attributes:
    pixels = decode(path.read_bytes(), ImageLimits()).pixels
    faces = CenterFace.load(Runtime(1)).detect(pixels, Purpose.FIND).faces
    return estimator.estimate(pixels, faces[:1])[0]


@pytest.mark.parametrize(
    ("male", "years", "told"),
    [
        (0.95, 40.0, Gender.MALE),
        (0.05, 40.0, Gender.FEMALE),
        (0.7, 40.0, Gender.UNKNOWN),
        (0.99, 2.9, Gender.UNKNOWN),
        (0.99, None, Gender.MALE),
    ],
)
def test_gender_is_told_when_sure_and_not_of_small_children(male: float, years: float | None, told: Gender) -> None:
    assert gender(male, years, "m").value is told


def test_an_unsure_emotion_is_unknown() -> None:
    even = np.full(7, 1 / 7)
    assert emotion(even, "m").value is Emotion.UNKNOWN
    happy = np.array([0, 0, 0, 0.9, 0.1, 0, 0])
    assert emotion(happy, "m").value is Emotion.HAPPY


@given(st.lists(st.floats(0, 1), min_size=1, max_size=5))
def test_averaging_frames_averages_their_probabilities(shares: list[float]) -> None:
    frames = [Attributes(Age(30, 25, 35, "a"), gender(share, 30, "a")) for share in shares]
    told = combine(frames).gender
    assert told is not None
    assert told.male == pytest.approx(np.mean(shares))
    assert combine(frames).emotion is None


def test_an_average_of_nothing_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at least one"):
        combine([])


def test_only_what_is_wanted_is_described() -> None:
    found = Attributes(Age(30, 25, 35, "a"), gender(0.9, 30, "a"))
    assert described(found, {"age"}) == {"age": {"years": 30, "low": 25, "high": 35, "model_id": "a"}}
    assert described(found, KINDS).keys() == {"age", "gender"}
    assert described(NOTHING, KINDS) == {}


def test_portraits_of_two_men(estimator: PackagedAttributes) -> None:
    people = portraits()
    for path, born in ((people.obama, 48), (people.biden, 70)):
        found = look(estimator, path)
        assert found.gender is not None
        assert found.gender.value is Gender.MALE
        assert found.age is not None
        assert found.age.low <= found.age.years <= found.age.high
        assert abs(found.age.years - born) < 15
        assert found.emotion is not None
        assert sum(found.emotion.probabilities.values()) == pytest.approx(1)
        assert tuple(found.emotion.probabilities) == EMOTIONS
    assert look(estimator, people.obama).emotion.value is Emotion.HAPPY  # type: ignore[union-attr]


def test_the_mirror_image_looks_the_same(estimator: PackagedAttributes) -> None:
    chip = drawn_face(200)
    straight, mirrored = estimator.estimate_chip(chip), estimator.estimate_chip(np.ascontiguousarray(chip[:, ::-1]))
    assert straight.age is not None
    assert mirrored.age is not None
    assert straight.age.years == pytest.approx(mirrored.age.years, abs=1.0)


@pytest.mark.parametrize("degrees", [-30, 30])
def test_an_emotion_does_not_hang_on_how_the_head_leans(estimator: PackagedAttributes, degrees: float) -> None:
    pixels = drawn_face(400)
    points = np.array([(150, 184), (250, 184), (200, 262), (160, 306), (240, 306)], np.float32)
    matrix = cv2.getRotationMatrix2D((200, 200), -degrees, 1)
    leaning = np.asarray(cv2.warpAffine(pixels, matrix, (400, 400), borderMode=cv2.BORDER_REPLICATE), np.uint8)
    moved = (points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    felt = []
    for picture, where in ((pixels, points), (leaning, moved)):
        found = estimator.estimate(picture, [Face(Box(90, 60, 220, 300), 1.0, where)])[0].emotion
        assert found is not None
        felt.append(list(found.probabilities.values()))
    assert np.abs(np.subtract(felt[0], felt[1])).max() < 0.3


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_only_what_was_asked_for_is_looked_for(kind: str) -> None:
    found = PackagedAttributes.load(Runtime(1), frozenset({kind})).estimate_chip(drawn_face(160))
    assert described(found, KINDS).keys() == {kind}


def test_a_crop_levels_the_eyes_and_keeps_their_place() -> None:
    picture = drawn_face(200)
    points = np.array([(75, 92), (125, 92), (100, 131), (80, 153), (120, 153)], np.float32)
    angle = np.deg2rad(25)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = np.column_stack([turn, (100, 100) - turn @ (100, 100)])
    turned = np.asarray(cv2.warpAffine(picture, matrix, (200, 200), borderMode=cv2.BORDER_REPLICATE), np.uint8)
    moved = (points @ turn.T + matrix[:, 2]).astype(np.float32)
    straight = eye_mouth_crop(points, 2.0, 0.5).cut(picture, 64)
    levelled = eye_mouth_crop(moved, 2.0, 0.5).cut(turned, 64)
    assert np.abs(straight.astype(int) - levelled).mean() < 4


@pytest.mark.parametrize(("leaning", "left"), [(0, 0), (8, 8), (-8, -8), (30, 10), (-30, -10)])
def test_a_crop_leaves_a_head_as_it_leans_up_to_its_tilt(leaning: float, left: float) -> None:
    angle = np.deg2rad(leaning)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    points = (np.array([(-20, 0), (20, 0), (0, 20), (-15, 40), (15, 40)]) @ turn + 100).astype(np.float32)
    crop = eye_mouth_crop(points, 2.0, 0.5, tilt=np.deg2rad(10))
    assert np.rad2deg(angle - crop.turn) == pytest.approx(left, abs=1e-4)


def test_points_that_coincide_give_no_crop() -> None:
    with pytest.raises(ValueError, match="coincide"):
        eye_mouth_crop(np.full((5, 2), 9, np.float32), 2, 0.5)


@pytest.mark.parametrize("size", [32, 64, 300])
def test_a_crop_of_one_colour_has_that_colour(size: int) -> None:
    plain = np.full((100, 100, 3), 77, np.uint8)
    assert (Crop(50, 50, 140).cut(plain, size) == 77).all()


def test_points_of_a_crop_lead_back_into_the_picture() -> None:
    crop = Crop(40, 60, 80, 0.3)
    assert crop.points_in_picture(np.array([[32.0, 32.0]]), 64) == pytest.approx(np.array([[40.0, 60.0]]))
