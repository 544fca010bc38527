"""Part (d): 1:N search against numpy, faiss and face_recognition, and whether it decides right.

Runs as a program of its own, since numpy's BLAS takes the number of its threads from the environment at its start.
"""

import json
import os
import subprocess
import sys
from itertools import cycle
from pathlib import Path
from typing import Any, Final

from embeddings.types import FaceVector
from evaluation.bench.rival import THREAD_VARIABLES, Rival, RivalFailed
from evaluation.bench.searched import different, filled, make_case
from evaluation.bench.timing import Call, interleaved, pinned, ratio, timed

SEED: Final = 20_260_101
LIMIT: Final = 8
PROBES: Final = 64
TURN: Final = 8
"""Searches in a row."""
MOST_PROBES: Final = 10_000
COMPARED: Final = 130_000_000_000
"""Multiplications of float64 that the decisions of one gallery may cost: 10,000 probes at 100,000 people of 128."""


def in_own_process(size: int, dimension: int, python: Path | None, threads: int, rounds: int) -> dict[str, Any]:
    """`measure`, both sides with so many threads. Raises RivalFailed."""
    arguments = [str(size), str(dimension), str(threads), str(rounds), *([str(python)] if python else [])]
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


def measure(size: int, dimension: int, python: Path | None, threads: int, rounds: int) -> dict[str, Any]:
    """One probe near the threshold against `size` people: who passes, of the nearest eight, by ours; numpy's float32
    product with all; where there is a rival, faiss's flat index and `compare_faces` on one array.

    "times" and "ratios" are call by call, each beginning with what another left in the caches; "ratio_in_a_row" of
    TURN searches at a time, numpy over ours. "different": of "probes", how many decisions (who, or nobody) are others
    than those of float64 products with everybody. Raises RivalFailed.
    """
    case = make_case(size, dimension, max(PROBES, min(MOST_PROBES, COMPARED // (size * dimension))), SEED)
    probes = cycle(case.probes)
    with pinned(threads):
        index = filled(case)
        calls: dict[str, Call] = {
            "ours": timed(lambda: index.search(FaceVector(next(probes), case.spec.model_id), LIMIT, case.worst)),
            "numpy": timed(lambda: case.gallery @ next(probes)),
        }
        rows = interleaved({name: in_a_row(call) for name, call in calls.items()}, rounds)
        if python is None:
            found = interleaved(calls, rounds)
        else:
            with Rival(python, threads) as rival:
                rival.ask("gallery", size=size, dimension=dimension, seed=SEED)
                calls["faiss"] = lambda: float(rival.ask("faiss", seed=SEED + 1)["ms"])
                calls["compare_faces"] = lambda: float(rival.ask("compare", seed=SEED + 1)["ms"])
                found = interleaved(calls, rounds)
    return {
        "size": size,
        "dimension": dimension,
        "threads": threads,
        "times": {name: times.as_json() for name, times in found.items()},
        "ratios": {name: ratio(times, found["ours"]) for name, times in found.items() if name != "ours"},
        "ratio_in_a_row": ratio(rows["numpy"], rows["ours"]),
        "probes": len(case.probes),
        "different": different(case, index),
    }


def in_a_row(call: Call) -> Call:
    """The mean of TURN calls."""
    return lambda: sum(call() for _ in range(TURN)) / TURN


def main() -> None:
    size, dimension, threads, rounds = (int(each) for each in sys.argv[1:5])
    python = Path(sys.argv[5]) if len(sys.argv) > 5 else None
    print(json.dumps(measure(size, dimension, python, threads, rounds)))  # noqa: T201 - to the process that asked


if __name__ == "__main__":
    main()
