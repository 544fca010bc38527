"""Times on a machine that is never quiet: calls of the rivals take turns, medians are compared, and only as ratios."""

import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle

import numpy as np
from numpy.typing import NDArray

Call = Callable[[], float]
"""Does something once and says how many milliseconds it took."""


@dataclass(frozen=True, slots=True)
class Times:
    """How long one thing took, ms, call by call."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return self.at(50)

    def at(self, percent: float) -> float:
        """The time, ms, that so many per cent of the calls do not exceed. Raises ValueError without calls."""
        if not self.values:
            raise ValueError("nothing was timed")
        return float(np.percentile(self.values, percent))

    def as_json(self) -> dict[str, float | int]:
        """Milliseconds, rounded to the microsecond."""
        found = {"p50_ms": self.at(50), "p95_ms": self.at(95), "p99_ms": self.at(99), "least_ms": min(self.values)}
        return {name: round(value, 3) for name, value in found.items()} | {"calls": len(self.values)}


def timed(function: Callable[[], object]) -> Call:
    """`function` as a call that is timed here."""

    def call() -> float:
        start = time.perf_counter()
        function()
        return (time.perf_counter() - start) * 1000

    return call


def interleaved(calls: Mapping[str, Call], rounds: int, warm_up: int = 2) -> dict[str, Times]:
    """Each call once a round, equally often after each of the others; the first `warm_up` rounds do not count."""
    names = list(calls)
    found: dict[str, list[float]] = {name: [] for name in names}
    for number, order in zip(range(warm_up + rounds), cycle(balanced(len(names)))):
        for name in (names[each] for each in order):
            milliseconds = calls[name]()
            if number >= warm_up:
                found[name].append(milliseconds)
    return {name: Times(tuple(values)) for name, values in found.items()}


def balanced(count: int) -> list[list[int]]:
    """Orders of 0 to `count` - 1 in which each follows each other one equally often, so that what one leaves behind in
    the caches meets all of them alike.

    E. J. Williams, "Experimental designs balanced for the estimation of residual effects of treatments", 1949.
    """
    first = [(step + 1) // 2 if step % 2 else (count - step // 2) % count for step in range(count)]
    orders = [[(each + shift) % count for each in first] for shift in range(count)]
    return orders if count % 2 == 0 else orders + [order[::-1] for order in orders]


def ratio(theirs: Times, ours: Times) -> float:
    """How many times as long the other one takes, by medians."""
    return round(theirs.median / ours.median, 2)


@contextmanager
def pinned(cores: int) -> Iterator[None]:
    """Keeps this thread, and threads that it starts, to so many cores, where the system can."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:cores])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class Separation:
    """How well times tell two groups apart: `auc`, the chance that a time of the second exceeds one of the first (.5:
    not at all), and `p`, how often chance alone separates two like groups at least as far."""

    auc: float
    p: float


def separation(first: Sequence[float], second: Sequence[float]) -> Separation:
    """Mann and Whitney's rank test, two-sided, by the normal approximation with ties.

    H. B. Mann, D. R. Whitney, "On a test of whether one of two random variables is stochastically larger than the
    other", 1947. Raises ValueError for an empty group.
    """
    n, m = len(first), len(second)
    if not n or not m:
        raise ValueError("two groups are compared")
    together = np.concatenate((np.asarray(first, np.float64), np.asarray(second, np.float64)))
    ranks, ties = _ranks(together)
    larger = float(ranks[n:].sum()) - m * (m + 1) / 2
    total = n + m
    variance = n * m / 12 * ((total + 1) - float((ties**3 - ties).sum()) / (total * (total - 1)))
    distance = abs(larger - n * m / 2) / math.sqrt(variance) if variance > 0 else 0.0
    return Separation(larger / (n * m), math.erfc(distance / math.sqrt(2)))


def _ranks(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Ranks from 1, the mean where values are equal; and how often each value occurs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts - 1) / 2)[place], counts.astype(np.float64)
