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

SUFFIXES: Final = {".jpg", ".jpeg", ".png", ".webp"}
Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """`vectors` float32 [n, dimension], with the person and the file of each, by person and then by name of the file.

    `failed`: pictures without a face or unreadable. `gate`: how many faces the quality gate objects to, by reason.
    """

    vectors: Vectors
    people: tuple[str, ...]
    files: tuple[str, ...]
    failed: int
    gate: Mapping[str, int]


def pictures(folder: Path) -> list[Path]:
    """Every picture in the folders of a folder, or in the folder itself. Raises ValueError where there is none."""
    found = [path for path in sorted([*folder.glob("*/*"), *folder.glob("*")]) if path.suffix.lower() in SUFFIXES]
    if not found:
        raise ValueError("a folder of people holds one folder of pictures for each person")
    return found


def collect(
    folder: Path, pipeline: FacePipeline, *, gate: bool = False, threads: int = 2, seen: Callable[[], None]
) -> Faces:
    """The face nearest the centre of each picture; one that lies in no folder of its own counts as a person.

    `gate`: leave out what it objects to. `seen`: called after each picture. Raises ValueError without pictures.
    """
    known: dict[bytes, Capture | None] = {}

    def one(path: Path) -> Capture | None:
        data = path.read_bytes()
        digest = hashlib.sha256(data).digest()
        if digest not in known:
            known[digest] = _capture(data, pipeline)
        seen()
        return known[digest]

    rows: list[tuple[Path, Capture]] = []
    failed, objections = 0, Counter[str]()
    chosen = pictures(folder)
    with ThreadPoolExecutor(threads) as pool:
        for path, capture in zip(chosen, pool.map(one, chosen), strict=True):
            if capture is None:
                failed += 1
                continue
            objections.update(refusal.value for refusal in capture.quality.refusals)
            if not (gate and capture.quality.refusals):
                rows.append((path, capture))
    vectors = [capture.vector.values for _, capture in rows]
    return Faces(
        np.stack(vectors) if vectors else np.zeros((0, pipeline.spec.dimension), np.float32),
        tuple(path.stem if path.parent == folder else path.parent.name for path, _ in rows),
        tuple(path.name for path, _ in rows),
        failed,
        dict(sorted(objections.items())),
    )


def _capture(data: bytes, pipeline: FacePipeline) -> Capture | None:
    try:
        return pipeline.central(data)
    except (ImageRefused, FaceRefused, ValueError):  # the last: points of a face that coincide
        return None
