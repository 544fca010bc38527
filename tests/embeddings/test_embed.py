"""Both backends keep one contract, and agree with one another."""

import numpy as np
import pytest

from embeddings.align import CHIP_SIDE, Aligner
from embeddings.detect import CenterFace, Purpose
from embeddings.embed import Backend, Embedder, embedder_for
from embeddings.image import ImageLimits, decode
from embeddings.onnx import Runtime
from embeddings.types import Pixels
from tests.drawn_faces import drawn_face
from tests.portraits import portraits

BACKENDS: tuple[Backend, ...] = ("onnx", "dlib")
AGREEMENT = 1e-5


@pytest.fixture(scope="module", params=BACKENDS)
def embedder(request: pytest.FixtureRequest) -> Embedder:
    return embedder_for(request.param, Runtime(1))


def chips() -> list[Pixels]:
    noise = np.random.default_rng(1).integers(0, 256, (CHIP_SIDE, CHIP_SIDE, 3), np.uint8)
    return [drawn_face(CHIP_SIDE), noise, np.zeros((CHIP_SIDE, CHIP_SIDE, 3), np.uint8)]


def portrait_chips() -> list[Pixels]:
    detector, aligner = CenterFace.load(Runtime(1)), Aligner.load()
    found = portraits()
    cut = []
    for path in (found.obama, found.obama2, found.obama3, found.biden):
        pixels = decode(path.read_bytes(), ImageLimits()).pixels
        cut.append(aligner.chip(pixels, detector.detect(pixels, Purpose.FIND).faces[0]))
    return cut


def test_vectors_are_of_unit_length_and_named_for_their_model(embedder: Embedder) -> None:
    vectors = embedder.embed(chips())
    assert len(vectors) == 3
    for vector in vectors:
        assert vector.values.shape == (embedder.spec.dimension,)
        assert vector.model_id == embedder.spec.model_id
        assert abs(float(np.linalg.norm(vector.values)) - 1) < 1e-5


def test_a_face_and_its_mirror_image_have_one_vector(embedder: Embedder) -> None:
    chip = chips()[0]
    straight, mirrored = embedder.embed([chip, np.ascontiguousarray(chip[:, ::-1])])
    assert straight.distance(mirrored) < 1e-5


def test_a_vector_does_not_depend_on_its_company(embedder: Embedder) -> None:
    together = embedder.embed(chips())
    for chip, vector in zip(chips(), together, strict=True):
        assert embedder.embed([chip])[0].distance(vector) < 1e-6


def test_no_chips_no_vectors(embedder: Embedder) -> None:
    assert embedder.embed([]) == []


@pytest.mark.parametrize("chip", [np.zeros((149, 150, 3), np.uint8), np.zeros((150, 150, 3), np.float32)])
def test_what_is_no_chip_is_refused(embedder: Embedder, chip: Pixels) -> None:
    with pytest.raises(ValueError, match="a chip is"):
        embedder.embed([chip])


def test_both_backends_give_the_same_vectors_on_real_faces() -> None:
    faces = [*portrait_chips(), *chips()]
    ours, dlibs = (embedder_for(backend, Runtime(1)).embed(faces) for backend in BACKENDS)
    for one, other in zip(ours, dlibs, strict=True):
        assert float(np.abs(one.values - other.values).max()) < AGREEMENT
