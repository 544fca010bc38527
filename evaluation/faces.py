"""A folder of people, one folder a person, as vectors: what the shipped pipeline makes of every picture."""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from embeddings.image import ImageRefused
from embeddings.pipeline import Capture, FacePipeline
from embeddings.quality import FaceRefused
from embeddings.types import Quality

SUFFIXES: Final = {".jpg", ".jpeg", ".png", ".webp"}
Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """`vectors` float32 [n, dimension], with the person and the file of each, by person and then by name of the file.

    `frames` float32 [n, frames, dimension]: the same pictures as bursts, where they were asked for.
    `qualities`: what the gate measured of each, where it was kept.
    `failed`: pictures without a face or unreadable. `gate`: how many faces the quality gate objects to, by reason.
    """

    vectors: Vectors
    people: tuple[str, ...]
    files: tuple[str, ...]
    failed: int
    gate: Mapping[str, int]
    frames: Vectors | None = None
    qualities: tuple[Quality, ...] = ()


def pictures(folder: Path) -> list[Path]:
    """Every picture in the folders of a folder, or in the folder itself. Raises ValueError where there is none."""
    found = [path for path in sorted([*folder.glob("*/*"), *folder.glob("*")]) if path.suffix.lower() in SUFFIXES]
    if not found:
        raise ValueError("a folder of people holds one folder of pictures for each person")
    return found


def collect(
    folder: Path,
    pipeline: FacePipeline,
    *,
    gate: bool = False,
    threads: int = 2,
    burst: Callable[[bytes], list[bytes]] | None = None,
    seen: Callable[[], None],
) -> Faces:
    """The face nearest the centre of each picture; one that lies in no folder of its own counts as a person.

    `gate`: leave out what it objects to. `burst`: makes the frames of a picture's moment, the picture first. `seen`:
    called after each picture. Raises ValueError without pictures.
    """
    known: dict[bytes, list[Capture]] = {}

    def one(path: Path) -> list[Capture]:
        data = path.read_bytes()
        digest = hashlib.sha256(data).digest()
        if digest not in known:
            known[digest] = _captures(data, pipeline, burst)
        seen()
        return known[digest]

    rows: list[tuple[Path, list[Capture]]] = []
    failed, objections = 0, Counter[str]()
    chosen = pictures(folder)
    with ThreadPoolExecutor(threads) as pool:
        for path, captures in zip(chosen, pool.map(one, chosen), strict=True):
            if not captures:
                failed += 1
                continue
            refusals = captures[0].quality.refusals
            objections.update(refusal.value for refusal in refusals)
            if not (gate and refusals):
                rows.append((path, captures))
    vectors = [[capture.vector.values for capture in captures] for _, captures in rows]
    frames = np.array(vectors, np.float32) if vectors else np.zeros((0, 1, pipeline.spec.dimension), np.float32)
    return Faces(
        np.ascontiguousarray(frames[:, 0]),
        tuple(path.stem if path.parent == folder else path.parent.name for path, _ in rows),
        tuple(path.name for path, _ in rows),
        failed,
        dict(sorted(objections.items())),
        frames if burst is not None else None,
        tuple(captures[0].quality for _, captures in rows),
    )


def _captures(data: bytes, pipeline: FacePipeline, burst: Callable[[bytes], list[bytes]] | None) -> list[Capture]:
    """Of the picture, then of the other frames; a frame without a face counts as the picture. Empty without a face."""
    first = _capture(data, pipeline)
    if first is None or burst is None:
        return [] if first is None else [first]
    return [first, *(_capture(frame, pipeline) or first for frame in burst(data)[1:])]


def _capture(data: bytes, pipeline: FacePipeline) -> Capture | None:
    try:
        return pipeline.central(data)
    except (ImageRefused, FaceRefused, ValueError):  # the last: points of a face that coincide
        return None
