"""One aligner and one embedder serve all threads: dlib's predictor is const, its net is locked."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from embeddings.align import Aligner
from embeddings.detect import CenterFace, Purpose
from embeddings.embed import Backend, embedder_for
from embeddings.onnx import Runtime
from embeddings.types import Pixels
from tests.drawn_faces import crowd


@pytest.mark.parametrize(("backend", "rounds"), [("onnx", 12), ("dlib", 2)])
def test_threads_get_what_one_thread_gets(backend: Backend, rounds: int) -> None:
    runtime = Runtime(1)
    detector, aligner, embedder = CenterFace.load(runtime), Aligner.load(), embedder_for(backend, runtime)
    pictures = [crowd(320, 320, [(60 + 8 * i, 50, 160 + 10 * i)]) for i in range(4)]
    faces = [detector.detect(pixels, Purpose.FIND).faces[0] for pixels in pictures]

    def vector(number: int) -> tuple[Pixels, bytes]:
        chip = aligner.chip(pictures[number], faces[number])
        return chip, embedder.embed([chip])[0].values.tobytes()

    alone = [vector(number) for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(vector, [0, 1, 2, 3] * rounds))
    for place, (chip, values) in enumerate(together):
        assert np.array_equal(chip, alone[place % 4][0])
        assert values == alone[place % 4][1]
