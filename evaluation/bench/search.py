"""Part (d): 1:N search against numpy, faiss and face_recognition, on random vectors of 128 numbers.

Runs as a program of its own, since numpy's BLAS takes the number of its threads from the environment at its start.
"""

import json
import os
import subprocess
import sys
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
from evaluation.bench.rival import THREAD_VARIABLES, Rival, RivalFailed
from evaluation.bench.timing import Call, interleaved, pinned, ratio, timed

SEED: Final = 20_260_101
LIMIT: Final = 8
PROBES: Final = 64


def in_own_process(size: int, python: Path | None, threads: int, rounds: int) -> dict[str, Any]:
    """`measure`, both sides with so many threads. Raises RivalFailed."""
    arguments = [str(size), str(threads), str(rounds), *([str(python)] if python else [])]
    done = subprocess.run(  # noqa: S603 - this very module
        [sys.executable, "-m", "evaluation.bench.search", *arguments],
        env={**os.environ, **dict.fromkeys(THREAD_VARIABLES, str(threads))},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        text=True,
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()
        raise RivalFailed("the search could not be measured" + (f": {last[-1]}" if last else ""))
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


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


def main() -> None:
    size, threads, rounds = (int(each) for each in sys.argv[1:4])
    python = Path(sys.argv[4]) if len(sys.argv) > 4 else None
    print(json.dumps(measure(size, python, threads, rounds)))  # noqa: T201 - to the process that asked


if __name__ == "__main__":
    main()
