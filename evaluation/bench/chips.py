"""Part (a): vectors of a chip, by the converted net and by dlib's own.

Both get the same chips and give the same 128 numbers. "plain" is one forward pass a chip on both sides: that is what
`chip_1thread` compares. The service sees each chip and its mirror image; "mirrored" is that, again on both sides.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from embeddings import dlib_net, weights
from embeddings.embed import with_mirrors
from embeddings.onnx import Runtime
from embeddings.types import Pixels
from evaluation.bench.pictures import lit
from evaluation.bench.rival import Rival
from evaluation.bench.timing import Call, interleaved, pinned, ratio, timed

BATCH: Final = 8


def measure(chip: Pixels, python: Path, threads: int, rounds: int) -> dict[str, Any]:
    """Times, ms a call, of both on so many cores, and the greatest difference of any of the numbers.

    `python`: an interpreter with dlib. Raises RivalFailed.
    """
    chips = lit(chip, BATCH)
    with pinned(threads), Rival(python, threads) as rival:
        session = Runtime(threads).load(*dlib_net.onnx_model(weights.read(weights.RESNET)))
        path = weights.locate(weights.RESNET)

        def ours(some: NDArray[np.uint8]) -> Call:
            return timed(lambda: session.run({dlib_net.INPUT: some}))

        def theirs(some: Sequence[Pixels]) -> Call:
            return lambda: rival.chips(path, some, batch=len(some) > 1).milliseconds

        pair = list(with_mirrors([chip]))
        found = interleaved(
            {
                "ours_plain": ours(np.stack([chip])),
                "theirs_plain": theirs([chip]),
                "ours_mirrored": ours(np.stack(pair)),
                "theirs_mirrored": theirs(pair),
                f"ours_batch_{BATCH}": ours(np.stack(chips)),
                f"theirs_batch_{BATCH}": theirs(chips),
            },
            rounds,
            warm_up=1,
        )
        (raw,) = session.run({dlib_net.INPUT: np.stack(chips)})
        difference = np.abs(raw - rival.chips(path, chips).vectors).max()
    return {
        "threads": threads,
        "times": {name: times.as_json() for name, times in found.items()},
        "greatest_difference": float(difference),
        "ratio_plain": ratio(found["theirs_plain"], found["ours_plain"]),
        "ratio_mirrored": ratio(found["theirs_mirrored"], found["ours_mirrored"]),
        "ratio_batch": ratio(found[f"theirs_batch_{BATCH}"], found[f"ours_batch_{BATCH}"]),
        "ratio_theirs_plain_ours_mirrored": ratio(found["theirs_plain"], found["ours_mirrored"]),
    }
