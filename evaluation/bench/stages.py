"""Where the time of a login goes, stage by stage: medians of calls that take turns, one thread."""

from collections.abc import Mapping, Sequence
from typing import Final

from embeddings import faceres
from embeddings.align import Aligner
from embeddings.attributes import KINDS
from embeddings.detect import CenterFace, Purpose
from embeddings.embed import DlibEmbedder
from embeddings.image import ImageLimits, decode
from embeddings.mesh import FaceMesh
from embeddings.onnx import Runtime
from embeddings.packaged_attributes import PackagedAttributes
from embeddings.quality import QualityGate, QualityLimits
from evaluation.bench.timing import Times, interleaved, timed

ONLY_WITH: Final = {"second_net": ("EMBEDDER", "fused"), "attributes": ("ATTRIBUTES", "age,gender,emotion")}
"""Stages that a login has under one setting only."""


def vision(frame: bytes, rounds: int) -> dict[str, Times]:
    """The stages inside the pipeline, in their order. Raises ImageRefused or FaceRefused."""
    runtime = Runtime(1)
    detector, aligner, mesher = CenterFace.load(runtime), Aligner.load(), FaceMesh.load(runtime)
    gate = QualityGate(QualityLimits())
    first, second = DlibEmbedder(runtime), faceres.FaceresNet(runtime)
    estimator = PackagedAttributes.load(runtime, KINDS)
    pixels = decode(frame, ImageLimits()).pixels
    face = gate.main_face(detector.detect(pixels, Purpose.FIND).faces)
    chip, mesh = aligner.chip(pixels, face), mesher.find(pixels, face)
    calls = {
        "decode": lambda: decode(frame, ImageLimits()),
        "find": lambda: detector.detect(pixels, Purpose.FIND),
        "chip": lambda: aligner.chip(pixels, face),
        "mesh": lambda: mesher.find(pixels, face),
        "quality": lambda: gate.measure(chip, face, mesh),
        "first_net": lambda: first.embed([chip]),
        "second_net": lambda: second.embed(faceres.crop(pixels, face)),
        "attributes": lambda: estimator.estimate(pixels, [face]),
    }
    return interleaved({name: timed(call) for name, call in calls.items()}, rounds)


def table(
    settings: Mapping[str, str], vision_times: Mapping[str, Times], inside: Mapping[str, Sequence[float]]
) -> dict[str, float]:
    """Every stage's median in ms: those of the pipeline that a login under `settings` has, then those around it."""
    medians = {name: times.median for name, times in vision_times.items() if _has(settings, name)}
    medians |= {name: Times(tuple(values)).median for name, values in inside.items()}
    return {name: round(value, 3) for name, value in medians.items()}


def _has(settings: Mapping[str, str], stage: str) -> bool:
    name, value = ONLY_WITH.get(stage, ("", None))
    return settings.get(name) == value
