"""Part (e): from the start of the process until the service is ready, beside many people enrolled."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluation.bench.server import Server
from evaluation.bench.timing import Times


def measure(command: Sequence[str], home: Path, settings: Mapping[str, str], starts: int) -> dict[str, Any]:
    """So many starts over one home; the first one, which finds no file in the system's cache warm, counts too.

    Raises ServiceFailed.
    """
    seconds, peak = [], 0
    for _ in range(starts):
        with Server(command, home, settings) as server:
            seconds.append(server.seconds_to_ready)
            usage = server.usage()
            peak = max(peak, usage.peak_bytes if usage is not None else 0)
    answer: dict[str, Any] = Times(tuple(each * 1000 for each in seconds)).as_json()
    if peak:
        answer["peak_mib"] = round(peak / 2**20, 1)
    return answer
