"""The counting rules on pictures annotated by hand, and the detector's own figures on WIDER FACE where it is there."""

import json
import math
import os
from pathlib import Path

import pytest

from embeddings.detect import CenterFace, Purpose
from embeddings.hide import Care
from embeddings.image import ImageLimits, decode
from embeddings.onnx import Runtime
from embeddings.types import Box
from evaluation.detection import Annotation, Seen, matches, report, wider
from tests import evaluation_data
from tests.drawn_faces import crowd

ALL = ((0.0, math.inf),)
FACE = Annotation(Box(10, 10, 40, 50))


def seen(annotations: list[Annotation], *detected: tuple[Box, float]) -> Seen:
    return Seen(tuple(annotations), detected)


def test_a_face_is_found_once_by_its_strongest_box() -> None:
    weak, strong = (Box(10, 10, 40, 50), 0.4), (Box(12, 12, 40, 50), 0.9)
    assert matches([FACE], [weak, strong]) == {0: 1}
    result = report([seen([FACE], weak, strong)], ALL)
    assert (result.recalls[0].faces, result.recalls[0].found, result.recalls[0].share) == (1, 1, 1.0)
    assert result.extra_per_picture == 0  # it overlaps an annotation


def test_each_box_finds_one_face_the_one_it_overlaps_most() -> None:
    left, right = Annotation(Box(0, 0, 40, 40)), Annotation(Box(8, 0, 40, 40))
    assert matches([left, right], [(Box(7, 0, 40, 40), 0.9)]) == {1: 0}
    assert matches([left, right], [(Box(7, 0, 40, 40), 0.9), (Box(6, 0, 40, 40), 0.8)]) == {1: 0, 0: 1}


def test_too_little_overlap_is_a_miss_and_an_extra_but_not_far() -> None:
    result = report([seen([FACE], (Box(10, 10, 20, 20), 0.9))], ALL)
    assert result.recalls[0].found == 0
    assert (result.extra_per_picture, result.far_per_picture) == (1, 0)


def test_invalid_faces_are_neither_wanted_nor_wrong() -> None:
    result = report([seen([Annotation(FACE.box, invalid=True)], (FACE.box, 0.9)), seen([])], ALL)
    assert (result.pictures, result.recalls[0].faces, result.extra_per_picture) == (2, 0, 0)
    assert result.recalls[0].share == 0


def test_sizes_are_heights_and_their_ranges_half_open() -> None:
    small, large = Annotation(Box(0, 0, 60, 20)), Annotation(Box(100, 100, 20, 30))
    far = (Box(500, 500, 30, 30), 0.5)
    result = report([seen([small, large], (large.box, 0.9), far)], ((20, 30), (30, math.inf)))
    assert [(recall.faces, recall.found) for recall in result.recalls] == [(1, 0), (1, 1)]
    assert (result.extra_per_picture, result.far_per_picture) == (1, 1)


def test_annotations_are_read_in_the_order_of_names(tmp_path: Path) -> None:
    faces = [{"box": [1, 2, 3, 4], "invalid": True}]
    content = {"b.jpg": {"size": [9, 9], "faces": []}, "a.jpg": {"size": [9, 9], "faces": faces}}
    (tmp_path / "boxes.json").write_text(json.dumps(content))
    assert list(wider(tmp_path).items()) == [
        (tmp_path / "a.jpg", (Annotation(Box(1, 2, 3, 4), invalid=True),)),
        (tmp_path / "b.jpg", ()),
    ]


@pytest.mark.parametrize("purpose", Purpose)
def test_a_drawn_picture_is_searched_and_counted(purpose: Purpose) -> None:
    places = [(20, 20, 200), (300, 100, 120)]
    annotations = [Annotation(Box(x + 0.22 * s, y + 0.22 * s, 0.56 * s, 0.71 * s)) for x, y, s in places]
    faces = CenterFace.load(Runtime()).detect(crowd(640, 480, places), purpose).faces
    result = report([seen(annotations, *((face.box, face.score) for face in faces))], ALL)
    assert result.recalls[0].share == 1
    assert result.extra_per_picture == 0


WHOLE = "FACEWARDEN_TEST_LONG" in os.environ
FIGURES = {Care.USUAL: ((0.862, 0.909, 0.938), 4.7), Care.THOROUGH: ((0.893, 0.926, 0.945), 7.7)}


@pytest.mark.long
@pytest.mark.parametrize("care", Care if WHOLE else [Care.USUAL])
def test_recall_on_wider_face(care: Care) -> None:
    """The figures of docs/accuracy.md; every fifth picture in the usual way, or all in both in the long round."""
    pictures = list(wider(evaluation_data.folder("wider")).items())
    detector, limits = CenterFace.load(Runtime(), care), ImageLimits()
    found = []
    for path, annotations in pictures if WHOLE else pictures[::5]:
        faces = detector.detect(decode(path.read_bytes(), limits).pixels, Purpose.HIDE).faces
        found.append(seen(list(annotations), *((face.box, face.score) for face in faces)))
    result = report(found, [(size, math.inf) for size in (12.0, 20.0, 30.0)])
    shares, extra = FIGURES[care]
    slack = 0.003 if WHOLE else 0.04
    for recall, expected in zip(result.recalls, shares, strict=True):
        assert recall.share >= expected - slack
    assert result.extra_per_picture <= extra + (0.1 if WHOLE else 2)
