"""Part (d): 1:N search against numpy, faiss and face_recognition, on random vectors of 128 numbers."""

from itertools import cycle
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from embeddings.captures import Template
from embeddings.embed import DLIB_SPEC
from embeddings.index import VectorIndex
from embeddings.types import FaceVector
from evaluation.bench.rival import Rival
from evaluation.bench.timing import Call, interleaved, pinned, ratio, timed

SEED: Final = 20_260_101
LIMIT: Final = 8
PROBES: Final = 64


def measure(size: int, python: Path | None, threads: int, rounds: int) -> dict[str, Any]:
    """One probe against `size` people: the nearest eight of ours; numpy's float32 product with all; faiss's flat index;
    `compare_faces` on one array. Raises RivalFailed."""
    rows = units(size, DLIB_SPEC.dimension, SEED)
    probes = cycle(FaceVector(row, DLIB_SPEC.model_id) for row in units(PROBES, DLIB_SPEC.dimension, SEED + 1))
    with pinned(threads):
        index = VectorIndex(DLIB_SPEC.model_id, DLIB_SPEC.dimension)
        for number, row in enumerate(rows):
            index.put(UUID(int=number), Template(FaceVector(row, DLIB_SPEC.model_id), 1))
        calls: dict[str, Call] = {
            "ours": timed(lambda: index.search(next(probes), LIMIT)),
            "numpy": timed(lambda: rows @ next(probes).values),
        }
        if python is None:
            found = interleaved(calls, rounds)
        else:
            with Rival(python, threads) as rival:
                rival.ask("gallery", size=size, dimension=DLIB_SPEC.dimension, seed=SEED)
                calls["faiss"] = lambda: float(rival.ask("faiss", seed=SEED + 1)["ms"])
                calls["compare_faces"] = lambda: float(rival.ask("compare", seed=SEED + 1)["ms"])
                found = interleaved(calls, rounds)
    return {
        "size": size,
        "threads": threads,
        "times": {name: times.as_json() for name, times in found.items()},
        "ratios": {name: ratio(times, found["ours"]) for name, times in found.items() if name != "ours"},
    }


def units(size: int, dimension: int, seed: int) -> NDArray[np.float32]:
    """Random unit vectors [size, dimension], the same as the rival's worker makes."""
    values = np.random.default_rng(seed).standard_normal((size, dimension), np.float32)
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    return values
