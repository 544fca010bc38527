"""Part (b): a webcam frame to a vector, from the bytes of the file, by the pipeline and by face_recognition."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from embeddings.align import Aligner
from embeddings.attributes import KINDS
from embeddings.detect import CenterFace, Purpose
from embeddings.embed import DlibEmbedder
from embeddings.image import ImageLimits, decode
from embeddings.onnx import Runtime
from embeddings.pipeline import FacePipeline
from embeddings.quality import QualityLimits
from embeddings.side_by_side import SideBySide
from embeddings.types import FaceVector
from evaluation.bench.rival import Rival, RivalFailed
from evaluation.bench.timing import Call, interleaved, pinned, ratio, timed


def measure(frame: bytes, python: Path | None, threads: int, rounds: int) -> dict[str, Any]:
    """Times, ms a frame, on so many cores; without the rival (`python` None) ours alone.

    "ours": decoded, found, aligned, dlib's vector of face and mirror image: what face_recognition does, and no more.
    "ours_gated": the same as a login does it, with the mesh and the quality gate. "ours_everything": with the second
    net and the attributes as well. `cpu_ms`: what one frame costs in processor time. Raises ImageRefused, FaceRefused,
    RivalFailed.
    """
    with pinned(threads):
        ours = _ours(threads)
        calls: dict[str, Call] = {name: timed(partial(vector, frame)) for name, vector in ours.items()}
        answer: dict[str, Any] = {"threads": threads}
        if python is None:
            found = interleaved(calls, rounds)
        else:
            with Rival(python, threads) as rival:
                calls["theirs"] = lambda: rival.frame(frame).milliseconds
                found = interleaved(calls, rounds)
                answer["distance"] = _distance(ours["ours"](frame), rival, frame)
            for name in ours:
                answer[name.replace("ours", "ratio")] = ratio(found["theirs"], found[name])
        answer["cpu_ms"] = {name: _processor_ms(vector, frame, rounds) for name, vector in ours.items()}
    return answer | {"times": {name: times.as_json() for name, times in found.items()}}


def _ours(cores: int) -> dict[str, Callable[[bytes], FaceVector]]:
    limits, quality = ImageLimits(), QualityLimits()
    runtime = Runtime(cores=cores)
    plain = FacePipeline.load(limits, quality, "onnx", runtime=runtime)
    everything = FacePipeline.load(limits, quality, "fused", attributes=KINDS, runtime=runtime)
    detector, aligner, embedder = CenterFace.load(runtime), Aligner.load(), DlibEmbedder(runtime)

    def bare(frame: bytes) -> FaceVector:
        pixels = decode(frame, limits).pixels
        with SideBySide(runtime.cores, whole=True):
            face = detector.detect(pixels, Purpose.FIND).faces[0]
            return embedder.vector(pixels, face, aligner.chip(pixels, face))

    return {
        "ours": bare,
        "ours_gated": lambda frame: plain.capture(frame).vector,
        "ours_everything": lambda frame: everything.capture(frame).vector,
    }


def _distance(ours: FaceVector, rival: Rival, frame: bytes) -> float:
    """Between the two vectors of the frame, each scaled to unit length. Raises RivalFailed without one face."""
    vectors = rival.frame(frame).vectors
    if len(vectors) != 1:
        raise RivalFailed("face_recognition does not find exactly one face in the frame")
    return round(float(np.linalg.norm(vectors[0] / np.linalg.norm(vectors[0]) - ours.values)), 4)


def _processor_ms(vector: Callable[[bytes], FaceVector], frame: bytes, rounds: int) -> float:
    start = time.process_time()
    for _ in range(rounds):
        vector(frame)
    return round((time.process_time() - start) * 1000 / rounds, 3)
