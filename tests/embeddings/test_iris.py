import numpy as np
import pytest

from embeddings.detect import CenterFace, Purpose
from embeddings.iris import SIDE, IrisNet, opening
from embeddings.mesh import LEFT_EYE, RIGHT_EYE, FaceMesh
from embeddings.onnx import Runtime
from embeddings.types import Mesh, Pixels
from tests.drawn_faces import SKIN, drawn_face, ellipse

RUNTIME = Runtime(1)
HEIGHT = 400


@pytest.fixture(scope="module")
def net() -> IrisNet:
    return IrisNet.load(RUNTIME)


def mesh_of(pixels: Pixels) -> Mesh:
    face = CenterFace.load(RUNTIME).detect(pixels, Purpose.FIND).faces[0]
    return FaceMesh.load(RUNTIME).find(pixels, face)


def test_irises_are_where_they_are_drawn(net: IrisNet) -> None:
    """At x 75 and 125 of 200, y 92; the subject's left eye is the right one of the picture."""
    pixels = drawn_face(HEIGHT)
    eyes = net.find(pixels, mesh_of(pixels))
    assert eyes.right.iris[0] == pytest.approx((150, 184), abs=6)
    assert eyes.left.iris[0] == pytest.approx((250, 184), abs=6)
    assert 0.2 < eyes.right.opening < 0.5
    assert eyes.left.opening == pytest.approx(eyes.right.opening, abs=0.08)
    assert eyes.left.outline.shape == (16, 2)
    assert eyes.left.outline[0, 0] > eyes.left.outline[8, 0]  # the outer corner is away from the nose
    assert eyes.right.outline[0, 0] < eyes.right.outline[8, 0]


def test_a_mirrored_picture_swaps_the_eyes(net: IrisNet) -> None:
    pixels = drawn_face(HEIGHT)
    mirrored = np.ascontiguousarray(pixels[:, ::-1])
    mesh = mesh_of(pixels)
    flipped = mesh.points.copy()
    flipped[:, 0] = HEIGHT - flipped[:, 0]
    for one, other in zip(RIGHT_EYE, (263, 387, 385, 362, 380, 373), strict=True):
        flipped[[one, other]] = flipped[[other, one]]
    straight, turned = net.find(pixels, mesh), net.find(mirrored, Mesh(flipped, 1.0))
    for one_eye, other_eye in ((straight.left, turned.right), (straight.right, turned.left)):
        assert one_eye.opening == pytest.approx(other_eye.opening, abs=0.02)
        assert one_eye.iris[0, 0] == pytest.approx(HEIGHT - other_eye.iris[0, 0], abs=1)


def test_a_closed_eye_reads_less_than_an_open_one(net: IrisNet) -> None:
    """The subject's left eye is drawn over with skin and a line for the lashes."""
    pixels = drawn_face(HEIGHT)
    mesh = mesh_of(pixels)
    winking = pixels.copy()
    ellipse(winking, (250, 182), (32, 18), SKIN)
    ellipse(winking, (250, 190), (26, 2), (90, 60, 50))
    eyes = net.find(winking, mesh)
    assert eyes.left.opening < 0.6 * eyes.right.opening


def test_the_opening_is_mean_height_over_width() -> None:
    points = np.zeros((76, 2))
    points[0], points[8] = (0, 0), (SIDE, 0)
    points[[11, 12, 13], 1] = -8
    points[[3, 4, 5], 1] = 8
    assert opening(points) == pytest.approx(16 / SIDE)


def test_an_eye_whose_corners_coincide_is_refused(net: IrisNet) -> None:
    with pytest.raises(ValueError, match="corners"):
        net.find(drawn_face(100), Mesh(np.zeros((468, 3), np.float32), 1.0))


def test_the_two_eyes_have_points_of_their_own() -> None:
    assert not set(LEFT_EYE) & set(RIGHT_EYE)
