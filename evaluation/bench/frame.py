"""Part (b): a webcam frame to a vector, from the bytes of the file, by the pipeline and by face_recognition."""

import time
from pathlib import Path
from typing import Any

import numpy as np

from embeddings.image import ImageLimits
from embeddings.pipeline import FacePipeline
from embeddings.quality import QualityLimits
from evaluation.bench.rival import Rival, RivalFailed
from evaluation.bench.timing import Call, interleaved, pinned, ratio, timed


def measure(frame: bytes, python: Path | None, threads: int, rounds: int) -> dict[str, Any]:
    """Times, ms a frame, on so many cores; without the rival (`python` None) ours alone.

    `cpu_ms`: what one frame of ours costs in processor time. Raises ImageRefused, FaceRefused, RivalFailed.
    """
    with pinned(threads):
        pipeline = FacePipeline.load(ImageLimits(), QualityLimits(), "onnx", threads)
        calls: dict[str, Call] = {"ours": timed(lambda: pipeline.capture(frame))}
        answer: dict[str, Any] = {"threads": threads}
        if python is None:
            found = interleaved(calls, rounds)
        else:
            with Rival(python, threads) as rival:
                calls["theirs"] = lambda: rival.frame(frame).milliseconds
                found = interleaved(calls, rounds)
                answer["distance"] = _distance(pipeline, rival, frame)
            answer["ratio"] = ratio(found["theirs"], found["ours"])
        answer["cpu_ms"] = _processor_ms(pipeline, frame, rounds)
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
