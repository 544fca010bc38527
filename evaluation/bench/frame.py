"""Part (b): a webcam frame to a vector, from the bytes of the file, by the pipeline and by face_recognition."""

import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from embeddings.attributes import KINDS
from embeddings.image import ImageLimits
from embeddings.pipeline import FacePipeline
from embeddings.quality import QualityLimits
from evaluation.bench.rival import Rival, RivalFailed
from evaluation.bench.timing import Call, interleaved, pinned, ratio, timed


def measure(frame: bytes, python: Path | None, threads: int, rounds: int) -> dict[str, Any]:
    """Times, ms a frame, on so many cores; without the rival (`python` None) ours alone.

    "ours" is dlib's vector, which is what face_recognition gives too; "ours_everything" adds the second net and the
    attributes. `cpu_ms`: what one frame costs in processor time. Raises ImageRefused, FaceRefused, RivalFailed.
    """
    with pinned(threads):
        plain = FacePipeline.load(ImageLimits(), QualityLimits(), "onnx", threads)
        everything = FacePipeline.load(ImageLimits(), QualityLimits(), "fused", threads, KINDS)
        ours = {"ours": plain, "ours_everything": everything}
        calls: dict[str, Call] = {name: timed(partial(each.capture, frame)) for name, each in ours.items()}
        answer: dict[str, Any] = {"threads": threads}
        if python is None:
            found = interleaved(calls, rounds)
        else:
            with Rival(python, threads) as rival:
                calls["theirs"] = lambda: rival.frame(frame).milliseconds
                found = interleaved(calls, rounds)
                answer["distance"] = _distance(plain, rival, frame)
            answer["ratio"] = ratio(found["theirs"], found["ours"])
            answer["ratio_everything"] = ratio(found["theirs"], found["ours_everything"])
        answer["cpu_ms"] = {name: _processor_ms(each, frame, rounds) for name, each in ours.items()}
    return answer | {"times": {name: times.as_json() for name, times in found.items()}}


def _distance(pipeline: FacePipeline, rival: Rival, frame: bytes) -> float:
    """Between the two vectors of the frame, each scaled to unit length. Raises RivalFailed without one face."""
    vectors = rival.frame(frame).vectors
    if len(vectors) != 1:
        raise RivalFailed("face_recognition does not find exactly one face in the frame")
    theirs = vectors[0] / np.linalg.norm(vectors[0])
    return round(float(np.linalg.norm(theirs - pipeline.capture(frame).vector.values)), 4)


def _processor_ms(pipeline: FacePipeline, frame: bytes, rounds: int) -> float:
    start = time.process_time()
    for _ in range(rounds):
        pipeline.capture(frame)
    return round((time.process_time() - start) * 1000 / rounds, 3)
