"""The gate on portraits that are spoilt by degrees, and on the evaluation's films where they are there."""

import cv2
import numpy as np
import pytest

from embeddings.image import ImageLimits, decode
from embeddings.pipeline import FacePipeline
from embeddings.quality import FaceRefused, QualityGate, QualityLimits
from embeddings.types import Box, Face, HeadPose, Mesh, Pixels, Refusal
from tests.drawn_faces import crowd
from tests.embeddings.test_mesh import by_hand, rotation
from tests.evaluation_data import folder
from tests.portraits import portraits


@pytest.fixture(scope="module")
def pipeline() -> FacePipeline:
    return FacePipeline.load(ImageLimits(), QualityLimits())


@pytest.fixture(scope="module")
def portrait() -> Pixels:
    return decode(portraits().obama.read_bytes(), ImageLimits()).pixels


def objections(pipeline: FacePipeline, pixels: Pixels) -> tuple[Refusal, ...]:
    try:
        pipeline.capture_pixels(pixels)
    except FaceRefused as refusal:
        return refusal.reasons
    return ()


def face(x: float, side: float, score: float = 0.9) -> Face:
    points = np.array([(x, 0), (x + side / 2, 0), (x + side / 4, 5), (x, 9), (x + side / 2, 9)], np.float32)
    return Face(Box(x, 0, side, side), score, points)


def test_a_refusal_goes_by_its_first_reason() -> None:
    assert FaceRefused(Refusal.BLURRED, Refusal.TOO_DARK).code == "blurred"


def test_portraits_pass(pipeline: FacePipeline) -> None:
    found = portraits()
    for path in (found.obama, found.obama2, found.obama3, found.biden):
        assert objections(pipeline, decode(path.read_bytes(), ImageLimits()).pixels) == ()


def test_a_dark_face_is_named_so(pipeline: FacePipeline, portrait: Pixels) -> None:
    assert Refusal.TOO_DARK in objections(pipeline, (portrait * 0.1).astype(np.uint8))


def test_a_blown_out_face_is_named_so(pipeline: FacePipeline, portrait: Pixels) -> None:
    glaring = np.clip(portrait.astype(float) * 1.6 + 110, 0, 255).astype(np.uint8)
    assert Refusal.TOO_BRIGHT in objections(pipeline, glaring)


def test_a_blurred_face_is_named_so(pipeline: FacePipeline, portrait: Pixels) -> None:
    soft = np.asarray(cv2.GaussianBlur(portrait, (0, 0), 9), np.uint8)
    assert Refusal.BLURRED in objections(pipeline, soft)


def test_a_small_face_is_named_so(pipeline: FacePipeline, portrait: Pixels) -> None:
    small = np.asarray(cv2.resize(portrait, None, fx=0.12, fy=0.12, interpolation=cv2.INTER_AREA), np.uint8)
    assert Refusal.TOO_SMALL in objections(pipeline, small)


def test_nobody_and_several_people_are_told_apart(pipeline: FacePipeline, portrait: Pixels) -> None:
    assert objections(pipeline, np.full((240, 320, 3), 128, np.uint8)) == (Refusal.NO_FACE,)
    assert objections(pipeline, np.hstack([portrait, portrait])) == (Refusal.SEVERAL_FACES,)
    assert objections(pipeline, crowd(640, 320, [(20, 40, 240), (360, 40, 240)])) == (Refusal.SEVERAL_FACES,)


@pytest.mark.parametrize(("side", "score", "counts"), [(50, 0.9, True), (39, 0.9, False), (50, 0.4, False)])
def test_a_far_smaller_or_doubtful_face_does_not_count(side: float, score: float, counts: bool) -> None:
    gate, main = QualityGate(QualityLimits()), face(0, 100)
    others = [main, face(200, side, score)]
    if counts:
        with pytest.raises(FaceRefused):
            gate.main_face(others)
    else:
        assert gate.main_face(others) is main


@pytest.mark.parametrize(
    ("yaw", "pitch", "roll", "away"),
    [
        (0, -6, 0, False),
        (39, -6, 0, False),
        (-39, -6, 90, False),
        (41, -6, 0, True),
        (-41, -6, 0, True),
        (0, 19, 0, False),
        (0, 21, 0, True),
        (0, -31, 0, False),
        (0, -33, 0, True),
    ],
)
def test_away_is_a_head_turned_too_far_to_a_side_up_or_down(yaw: float, pitch: float, roll: float, away: bool) -> None:
    mesh = by_hand(rotation(HeadPose(yaw, pitch, roll)))
    quality = QualityGate(QualityLimits()).measure(np.full((150, 150, 3), 128, np.uint8), face(0, 100), mesh)
    assert (Refusal.TURNED_AWAY in quality.refusals) is away
    assert quality.pose is not None
    assert (quality.pose.yaw, quality.pose.pitch) == pytest.approx((yaw, pitch), abs=0.05)


def test_where_no_mesh_fits_nothing_is_said_of_the_head_but_that_it_is_away() -> None:
    mesh = Mesh(by_hand().points, 0.4)
    quality = QualityGate(QualityLimits()).measure(np.full((150, 150, 3), 128, np.uint8), face(0, 100), mesh)
    assert quality.pose is None
    assert Refusal.TURNED_AWAY in quality.refusals


def test_a_film_of_somebody_who_looks_left_right_down_and_up(pipeline: FacePipeline) -> None:
    """Frame 64 on: yaw of 25 to 50 degrees; 360 to 408: chin down by 40; 440 to 470: chin up by 25 to 33."""
    film = cv2.VideoCapture(str(folder("webcam") / "turning_live.mp4"))
    away = {}
    for number in range(1, 560):
        there, frame = film.read()
        assert there
        if number in {8, 40, 56, 152, 160, 184, 208, 368, 392, 400, 448, 456, 528, 552}:
            away[number] = Refusal.TURNED_AWAY in objections(pipeline, np.ascontiguousarray(frame[:, :, ::-1]))
    film.release()
    turned = {152, 160, 368, 392, 400, 448, 456}
    assert {number for number, is_away in away.items() if is_away} == turned


@pytest.mark.parametrize("name", ["bbaf2n", "brbk7n", "lrwp9a", "pwij3p"])
def test_people_before_a_webcam_pass(pipeline: FacePipeline, name: str) -> None:
    frames = (folder("webcam") / f"talking_{name}.mjpeg").read_bytes().split(b"\xff\xd8\xff")[1:]
    pictures = [decode(b"\xff\xd8\xff" + frame, ImageLimits()).pixels for frame in frames[::10]]
    passed = sum(objections(pipeline, pixels) == () for pixels in pictures)
    assert passed >= 0.9 * len(pictures)
