import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embeddings.align import CHIP_SIDE, Aligner, similarity, warp
from embeddings.detect import CenterFace, Purpose
from embeddings.onnx import Runtime
from embeddings.types import Box, Face
from tests.drawn_faces import crowd, drawn_face

numbers = st.floats(-100, 100, allow_nan=False)


@given(angle=st.floats(-3.1, 3.1), scale=st.floats(0.1, 10), x=numbers, y=numbers, seed=st.integers(0, 99))
def test_a_similarity_is_found_again(angle: float, scale: float, x: float, y: float, seed: int) -> None:
    points = np.random.default_rng(seed).uniform(-50, 50, (5, 2))
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = similarity(points, points @ turn.T + (x, y))
    assert np.allclose(matrix[:, :2], turn, atol=1e-6 * scale)
    assert np.allclose(matrix[:, 2], (x, y), atol=1e-5)


def test_points_that_coincide_are_refused() -> None:
    points = np.ones((5, 2))
    with pytest.raises(ValueError, match="coincide"):
        similarity(points, np.arange(10.0).reshape(5, 2))
    with pytest.raises(ValueError, match="coincide"):
        similarity(np.arange(10.0).reshape(5, 2), points)


def test_warping_by_nothing_copies_the_picture() -> None:
    picture = drawn_face(CHIP_SIDE)
    identity = np.array([[1.0, 0, 0], [0, 1, 0]])
    assert np.abs(warp(picture, identity, CHIP_SIDE).astype(int) - picture).max() <= 1


def test_outside_the_picture_is_black() -> None:
    far = np.array([[1.0, 0, 1000], [0, 1, 1000]])
    assert not warp(drawn_face(64), far, 32).any()


@pytest.mark.parametrize("height", [120, 240, 700])
def test_a_chip_does_not_depend_on_the_size_of_the_face(height: int) -> None:
    detector, aligner = CenterFace.load(Runtime(1)), Aligner.load()
    chips = []
    for side in (240, height):
        pixels = crowd(2 * side, 2 * side, [(side // 2, side // 2, side)])
        chips.append(aligner.chip(pixels, detector.detect(pixels, Purpose.FIND).faces[0]).astype(float))
    assert np.abs(chips[0] - chips[1]).mean() < 6


def test_a_face_at_the_edge_is_cut_but_has_a_chip() -> None:
    points = np.array([(-5, 20), (25, 20), (10, 40), (-2, 55), (22, 55)], np.float32)
    chip = Aligner.load().chip(drawn_face(80), Face(Box(-20, 0, 60, 80), 0.9, points))
    assert chip.shape == (CHIP_SIDE, CHIP_SIDE, 3)
    assert not chip[:, 0].any()
