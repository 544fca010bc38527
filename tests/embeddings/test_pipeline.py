from contextlib import suppress
from typing import get_args

import numpy as np
import pytest

from embeddings.embed import Backend
from embeddings.image import BrokenImage, ImageLimits, PictureFormat, encode
from embeddings.pipeline import FacePipeline
from embeddings.quality import FaceRefused, QualityLimits
from tests.drawn_faces import crowd
from tests.portraits import portraits


@pytest.fixture(scope="module")
def pipeline() -> FacePipeline:
    return FacePipeline.load(ImageLimits(), QualityLimits())


def test_one_man_is_nearer_to_himself_than_to_another(pipeline: FacePipeline) -> None:
    found = portraits()
    one, two, three, other = (
        pipeline.capture(path.read_bytes()).vector for path in (found.obama, found.obama2, found.obama3, found.biden)
    )
    own = max(one.distance(two), one.distance(three), two.distance(three))
    assert own < min(each.distance(other) for each in (one, two, three))


def test_half_a_face_is_refused_for_a_reason_or_recognised(pipeline: FacePipeline) -> None:
    found = portraits()
    whole = pipeline.capture(found.obama.read_bytes()).vector
    for path in (found.partial, found.partial2):
        with suppress(FaceRefused):
            assert pipeline.capture(path.read_bytes()).vector.distance(whole) < 0.5


def test_analysis_lists_every_face_the_largest_first(pipeline: FacePipeline) -> None:
    picture = crowd(640, 320, [(10, 20, 200), (330, 10, 300)])
    analysis = pipeline.analyse(encode(picture, PictureFormat.PNG))
    assert (analysis.width, analysis.height) == (640, 320)
    areas = [seen.face.box.area for seen in analysis.faces]
    assert len(areas) == 2
    assert areas == sorted(areas, reverse=True)


def test_every_entrance_refuses_what_is_no_picture(pipeline: FacePipeline) -> None:
    broken = encode(crowd(200, 200, []), PictureFormat.JPEG)[:200]
    for call in (pipeline.analyse, pipeline.capture, pipeline.locate):
        with pytest.raises(BrokenImage):
            call(broken)


def test_locate_gives_the_picture_back(pipeline: FacePipeline) -> None:
    pixels = crowd(320, 240, [(40, 20, 200)])
    picture, detection = pipeline.locate(encode(pixels, PictureFormat.PNG))
    assert np.array_equal(picture.pixels, pixels)
    assert picture.format is PictureFormat.PNG
    assert detection.faces


@pytest.mark.parametrize("backend", get_args(Backend))
def test_both_backends_can_be_chosen(backend: Backend) -> None:
    chosen = FacePipeline.load(ImageLimits(), QualityLimits(), backend=backend)
    assert chosen.capture(portraits().biden.read_bytes()).vector.model_id == chosen.spec.model_id
