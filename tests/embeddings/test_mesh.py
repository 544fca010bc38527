"""The mesh on drawn faces, on a film of somebody turning, and its measures on meshes made by hand."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from embeddings.detect import CenterFace, Purpose
from embeddings.mesh import (
    CHIN,
    IMAGE_LEFT_SIDE,
    IMAGE_RIGHT_SIDE,
    LEFT_EYE,
    LIPS,
    RIGHT_EYE,
    SURE,
    TOP,
    FaceMesh,
    crop_of_mesh,
    eye_openings,
    mouth_opening,
    pose,
)
from embeddings.onnx import Runtime
from embeddings.types import Box, Face, HeadPose, Mesh, Pixels
from tests.drawn_faces import drawn_face
from tests.evaluation_data import folder

RUNTIME = Runtime(1)
SIDE = 400


@pytest.fixture(scope="module")
def net() -> FaceMesh:
    return FaceMesh.load(RUNTIME)


def found(pixels: Pixels) -> Face:
    return CenterFace.load(RUNTIME).detect(pixels, Purpose.FIND).faces[0]


def turned(pixels: Pixels, degrees: float) -> Pixels:
    """Clockwise on the screen."""
    matrix = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), -degrees, 1)
    return np.asarray(cv2.warpAffine(pixels, matrix, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE), np.uint8)


def by_hand(turn: NDArray[np.float64] | None = None) -> Mesh:
    """A head from the front, 100 px wide, with eyes of a third and a mouth of a fifth; turned by a rotation."""
    points = np.zeros((468, 3))
    points[[TOP, CHIN, IMAGE_LEFT_SIDE, IMAGE_RIGHT_SIDE]] = [(0, -70, 0), (0, 70, 0), (-50, 0, 0), (50, 0, 0)]
    for eye, x in ((RIGHT_EYE, -30), (LEFT_EYE, 10)):
        outline = np.array([(0, 0), (6, -3), (12, -3), (18, 0), (12, 3), (6, 3)])
        points[list(eye), :2] = outline + np.array((x, -20))
    points[list(LIPS), :2] = [(0, 26), (0, 34), (-20, 30), (20, 30)]
    if turn is not None:
        points = points @ turn.T
    return Mesh(points.astype(np.float32), 1.0)


def rotation(angles: HeadPose) -> NDArray[np.float64]:
    """Roll first, then pitch, then yaw, with the signs that HeadPose states; x right, y down, z away."""
    yaw, pitch, roll = np.deg2rad([angles.yaw, angles.pitch, angles.roll])
    around_down = np.array([[np.cos(yaw), 0, -np.sin(yaw)], [0, 1, 0], [np.sin(yaw), 0, np.cos(yaw)]])
    around_across = np.array([[1, 0, 0], [0, np.cos(pitch), np.sin(pitch)], [0, -np.sin(pitch), np.cos(pitch)]])
    around_away = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    product: NDArray[np.float64] = around_down @ around_across @ around_away
    return product


@given(st.floats(-80, 80), st.floats(-80, 80), st.floats(-170, 170))
def test_the_pose_is_the_rotation_that_was_applied(yaw: float, pitch: float, roll: float) -> None:
    read = pose(by_hand(rotation(HeadPose(yaw, pitch, roll))))
    assert (read.yaw, read.pitch, read.roll) == pytest.approx((yaw, pitch, roll), abs=0.05)


def test_signs_of_a_pose() -> None:
    """Nose to the right of the picture, chin up, clockwise on the screen: all positive."""
    assert rotation(HeadPose(30, 0, 0)) @ (0, 0, -1) == pytest.approx((0.5, 0, -np.sqrt(0.75)))
    assert rotation(HeadPose(0, 30, 0)) @ (0, 0, -1) == pytest.approx((0, -0.5, -np.sqrt(0.75)))
    assert rotation(HeadPose(0, 0, 30)) @ (1, 0, 0) == pytest.approx((np.sqrt(0.75), 0.5, 0))


def test_openings_of_eyes_and_mouth() -> None:
    mesh = by_hand()
    assert eye_openings(mesh) == pytest.approx((1 / 3, 1 / 3))
    assert mouth_opening(mesh) == pytest.approx(0.2)


def test_left_and_right_eye_are_the_subjects_own() -> None:
    mesh = by_hand()
    mesh.points[list(LEFT_EYE)[1], 1] = mesh.points[list(LEFT_EYE)[5], 1]
    mesh.points[list(LEFT_EYE)[2], 1] = mesh.points[list(LEFT_EYE)[4], 1]
    left, right = eye_openings(mesh)
    assert left == pytest.approx(0)
    assert right == pytest.approx(1 / 3)
    assert mesh.points[LEFT_EYE[0], 0] > mesh.points[RIGHT_EYE[0], 0]


def test_the_mesh_lies_on_the_face(net: FaceMesh) -> None:
    """The drawing has its eyes at x 75 and 125 of 200, y 92; its mouth at 100, 153."""
    mesh = net.find(drawn_face(SIDE), found(drawn_face(SIDE)))
    assert mesh.points.shape == (468, 3)
    assert mesh.score > SURE
    right, left = (mesh.points[list(eye), :2].mean(axis=0) for eye in (RIGHT_EYE, LEFT_EYE))
    assert right == pytest.approx((150, 184), abs=12)
    assert left == pytest.approx((250, 184), abs=12)
    assert mesh.points[list(LIPS), :2].mean(axis=0) == pytest.approx((200, 306), abs=12)
    assert mesh.points[1, 2] < mesh.points[IMAGE_LEFT_SIDE, 2]  # the tip of the nose is nearer


@pytest.mark.parametrize("degrees", [-25, 25])
def test_roll_follows_the_picture(net: FaceMesh, degrees: float) -> None:
    straight, leaning = drawn_face(SIDE), turned(drawn_face(SIDE), degrees)
    before, after = (pose(net.find(pixels, found(pixels))) for pixels in (straight, leaning))
    assert after.roll - before.roll == pytest.approx(degrees, abs=3)
    assert after.yaw == pytest.approx(before.yaw, abs=5)


def test_a_second_pass_and_the_next_frame_stay_on_the_face(net: FaceMesh) -> None:
    pixels = drawn_face(SIDE)
    once, twice = (net.find(pixels, found(pixels), twice=again) for again in (False, True))
    assert np.abs(once.points - twice.points)[:, :2].mean() < 3
    moved = np.roll(pixels, 6, axis=1)
    followed = net.follow(moved, once)
    assert (followed.points - once.points)[:, 0].mean() == pytest.approx(6, abs=2)


def test_the_crop_of_a_mesh_turns_with_it() -> None:
    tilt = np.deg2rad(30)
    crop = crop_of_mesh(by_hand(rotation(HeadPose(0, 0, 30))))
    assert crop.turn == pytest.approx(tilt, abs=1e-3)
    assert crop.side == pytest.approx(1.4 * 140, rel=0.01)


def test_where_there_is_no_face_the_score_says_so(net: FaceMesh) -> None:
    plain = np.full((SIDE, SIDE, 3), 128, np.uint8)
    assert net.find(plain, found(drawn_face(SIDE))).score < SURE


def test_a_face_without_extent_has_no_mesh(net: FaceMesh) -> None:
    with pytest.raises(ValueError, match="extent"):
        net.find(drawn_face(SIDE), Face(Box(5, 5, 0, 0), 1.0, np.zeros((5, 2), np.float32)))


def test_a_film_of_somebody_turning_left_right_down_and_up(net: FaceMesh) -> None:
    """The subject's left is the right of the picture."""
    film = cv2.VideoCapture(str(folder("webcam") / "turning_live.mp4"))
    poses: list[HeadPose] = []
    for frame in range(0, 500, 25):
        film.set(cv2.CAP_PROP_POS_FRAMES, frame)
        ok, bgr = film.read()
        assert ok
        pixels = np.ascontiguousarray(bgr[:, :, ::-1], np.uint8)
        poses.append(pose(net.find(pixels, found(pixels))))
    film.release()
    yaws, pitches = [each.yaw for each in poses], [each.pitch for each in poses]
    assert abs(yaws[0]) < 10
    assert max(yaws[3:7]) > 30
    assert min(yaws[9:13]) < -12
    assert min(pitches[14:17]) < -25
    assert max(pitches[17:20]) > 15
