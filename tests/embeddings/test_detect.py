"""The detector on drawn faces: where they are, how large, upright boxes and points, and what it says it looked for."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from embeddings.centerface import decoded
from embeddings.detect import CenterFace, Detector, Purpose
from embeddings.hide import Care
from embeddings.onnx import Runtime
from embeddings.types import Box, Face
from tests.drawn_faces import crowd


@pytest.fixture(scope="module")
def detector() -> Detector:
    return CenterFace.load(Runtime())


def drawn_box(left: int, top: int, side: int) -> Box:
    """About where the detector's box of a drawing lies: forehead to chin (measured on one drawing of 600 pixels)."""
    return Box(left + 0.22 * side, top + 0.22 * side, 0.56 * side, 0.71 * side)


def matching(faces: tuple[Face, ...], expected: Box) -> list[Face]:
    return [face for face in faces if face.box.iou(expected) >= 0.5]


@pytest.mark.parametrize("purpose", [Purpose.FIND, Purpose.HIDE, Purpose.SUSPECT])
@pytest.mark.parametrize("side", [40, 80, 160, 300, 600, 900])
def test_one_face_of_any_size_is_found_once(detector: Detector, purpose: Purpose, side: int) -> None:
    (face,) = detector.detect(crowd(1200, 1000, [(150, 60, side)]), purpose).faces
    assert face.box.iou(drawn_box(150, 60, side)) >= 0.5
    assert 0.3 <= face.score <= 1


@pytest.mark.parametrize("purpose", Purpose)
def test_points_lie_where_eyes_nose_and_mouth_were_drawn(detector: Detector, purpose: Purpose) -> None:
    (face,) = detector.detect(crowd(500, 400, [(100, 50, 300)]), purpose).faces
    drawn = np.array([(75, 92), (125, 92), (100, 128), (80, 152), (120, 152)]) * 1.5 + (100, 50)
    assert face.points.dtype == np.float32
    assert np.linalg.norm(face.points - drawn, axis=1).max() < 0.25 * 75  # a quarter of the distance of the eyes


@pytest.mark.parametrize("purpose", Purpose)
def test_the_largest_comes_first(detector: Detector, purpose: Purpose) -> None:
    faces = detector.detect(crowd(640, 480, [(10, 10, 120), (300, 100, 260), (30, 250, 180)]), purpose).faces
    assert len(faces) == 3
    assert [face.box.area for face in faces] == sorted((face.box.area for face in faces), reverse=True)
    assert faces[0].box.iou(drawn_box(300, 100, 260)) >= 0.5


@pytest.mark.parametrize("purpose", Purpose)
def test_nobody(detector: Detector, purpose: Purpose) -> None:
    assert detector.detect(crowd(640, 480, []), purpose).faces == ()


@pytest.mark.parametrize(("width", "height"), [(16, 16), (16, 900), (900, 17), (33, 31)])
@pytest.mark.parametrize("purpose", Purpose)
def test_odd_shapes(detector: Detector, purpose: Purpose, width: int, height: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    for face in detector.detect(noise, purpose).faces:
        assert face.box.area > 0
        assert 0 <= face.box.center[0] < width
        assert 0 <= face.box.center[1] < height


def test_find_looks_closer_only_while_all_it_found_is_tiny(detector: Detector) -> None:
    near = detector.detect(crowd(1600, 1200, [(100, 100, 400)]), Purpose.FIND)
    assert near.smallest_face_px == pytest.approx(20 * 1600 / 192)
    far = detector.detect(crowd(1600, 1200, [(100, 100, 60)]), Purpose.FIND)
    assert len(far.faces) == 1
    assert far.smallest_face_px < near.smallest_face_px
    assert detector.detect(crowd(1600, 1200, []), Purpose.FIND).smallest_face_px == pytest.approx(20 * 1600 / 1280)


def test_find_does_not_enlarge_without_end(detector: Detector) -> None:
    assert detector.detect(crowd(400, 300, []), Purpose.FIND).smallest_face_px == pytest.approx(20 * 400 / 640)
    assert detector.detect(crowd(48, 48, []), Purpose.FIND).smallest_face_px == pytest.approx(20 * 48 / 192)


def test_hide_finds_faces_anywhere_in_a_picture_of_several_tiles(detector: Detector) -> None:
    width, height = 2600, 1900
    places = [(left, top, 56) for left in range(5, width - 60, 331) for top in range(7, height - 60, 287)]
    places += [(1150, 850, 56)]
    detection = detector.detect(crowd(width, height, places), Purpose.HIDE)
    assert detection.smallest_face_px == pytest.approx(9)
    for place in places:
        assert len(matching(detection.faces, drawn_box(*place))) == 1, place
    assert len(detection.faces) == len(places)


def test_a_thorough_search_finds_each_face_once() -> None:
    picture = crowd(640, 480, places := [(10, 10, 24), (100, 100, 60), (300, 50, 300)])
    detection = CenterFace.load(Runtime(), Care.THOROUGH).detect(picture, Purpose.HIDE)
    assert len(detection.faces) == len(places)
    assert all(len(matching(detection.faces, drawn_box(*place))) == 1 for place in places)


@pytest.mark.parametrize(("side", "shift"), [(100, 0), (220, 80)])
def test_a_face_that_a_seam_cuts_is_one_face(detector: Detector, side: int, shift: int) -> None:
    step, last = side + 30, side + 200  # some lie on a seam of each scale
    lefts, tops = range(10, 1500 - last, step), range(10, 1200 - last, step)
    places = [(left + shift, top + shift, side) for left in lefts for top in tops]
    faces = detector.detect(crowd(1500, 1200, places), Purpose.HIDE).faces
    for place in places:
        assert len(matching(faces, drawn_box(*place))) == 1, place
    assert len(faces) == len(places)


def test_hide_finds_a_face_larger_than_a_tile_once(detector: Detector) -> None:
    picture = crowd(2200, 1800, [(200, 0, 1800)])
    faces = detector.detect(picture, Purpose.HIDE).faces
    assert len(matching(faces, drawn_box(200, 0, 1800))) == 1


def test_above_twelve_megapixels_smaller_faces_are_not_searched_for(detector: Detector) -> None:
    detection = detector.detect(np.zeros((3001, 4000, 3), np.uint8), Purpose.HIDE)
    assert detection.smallest_face_px == pytest.approx(18)


def test_the_input_is_left_alone(detector: Detector) -> None:
    picture = crowd(300, 300, [(20, 20, 200)])
    picture.flags.writeable = False
    assert len(detector.detect(picture, Purpose.HIDE).faces) == 1
    mirrored = picture[:, ::-1]  # a view with a negative stride
    assert len(detector.detect(mirrored, Purpose.FIND).faces) == 1


def test_decoding_follows_the_published_formula() -> None:
    heat = np.zeros((8, 8), np.float32)
    heat[3, 5], heat[7, 0] = 0.9, 0.4
    generator = np.random.default_rng(1)
    scale, offset = generator.random((2, 2, 8, 8), np.float32)
    landmarks = generator.random((10, 8, 8), np.float32)
    found = decoded(heat, scale, offset, landmarks, 0.5)
    height, width = 4 * np.exp(scale[:, 3, 5])
    left = (5 + offset[1, 3, 5] + 0.5) * 4 - width / 2
    top = (3 + offset[0, 3, 5] + 0.5) * 4 - height / 2
    np.testing.assert_allclose(found.corners, [[left, top, left + width, top + height]], rtol=1e-5)
    np.testing.assert_allclose(found.points[0, :, 0], left + landmarks[1::2, 3, 5] * width, rtol=1e-5)
    np.testing.assert_allclose(found.points[0, :, 1], top + landmarks[0::2, 3, 5] * height, rtol=1e-5)
    assert found.scores == pytest.approx([0.9])


LARGE = """
import sys
import cv2
import numpy as np
from embeddings.detect import CenterFace, Purpose
from embeddings.image import ImageLimits, PictureFormat, decode, encode
from embeddings.onnx import Runtime
from tests.drawn_faces import crowd

file = encode(crowd(8000, 5000, [(3000, 2000, 200), (100, 100, 60), (4000, 300, 3000)]), PictureFormat.JPEG, 80)
picture = decode(file, ImageLimits())
detection = CenterFace.load(Runtime()).detect(picture.pixels, Purpose.HIDE)
(peak,) = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(len(detection.faces), detection.smallest_face_px, peak)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a process finds its peak there")
def test_forty_megapixels_are_searched_in_less_than_a_gigabyte() -> None:
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    command = [sys.executable, "-c", LARGE]
    run = subprocess.run(command, cwd=root, env=environment, check=True, capture_output=True, text=True)
    faces, smallest, kilobytes = run.stdout.split()
    assert int(faces) == 3
    assert float(smallest) == pytest.approx(18)
    assert int(kilobytes) < 1_000_000
