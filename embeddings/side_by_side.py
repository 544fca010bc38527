"""Steps of one picture that do not need each other's results, on several cores while these have nothing else to do."""

import ctypes
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from types import TracebackType
from typing import Any, Final, ParamSpec, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

P = ParamSpec("P")
R = TypeVar("R")
_CONFINES: Final = hasattr(os, "sched_setaffinity")
_WIDE: Final = 3
"""Cores of one run of a net: two and a half times as fast as one of them; four gain a tenth more."""
_getcpu: Final[Callable[[], int] | None] = getattr(ctypes.CDLL(None), "sched_getcpu", None) if _CONFINES else None
"""Of glibc and musl; Python has no name for it."""


@dataclass(frozen=True, slots=True)
class Place:
    """One core, or a few: `processors` are the system's numbers of them, none where threads may run anywhere.
    `executor`: of one thread that never leaves it."""

    processors: frozenset[int]
    executor: ThreadPoolExecutor

    @classmethod
    def on(cls, processors: frozenset[int]) -> "Place":
        return cls(processors, ThreadPoolExecutor(1, "beside", initializer=_confine, initargs=(processors,)))


class Cores:
    """`count` cores: each picture keeps one busy, those left over may take single steps. May be shared by threads.

    So a lone login is answered sooner, and under load, when pictures already fill the cores, nothing is divided.
    Whoever works on a core does not leave it meanwhile: Linux may wake a thread on the core of the one that woke it,
    and two steps that were to run side by side would take turns there while other cores are idle.

    A lone picture is worked on on the first core. While nothing else is done on those of `helpers`, it may run a net
    whose threads never leave these.
    """

    def __init__(self, count: int = 1) -> None:
        self._places = [Place.on(processors) for processors in _divided(count)]
        self._free = list(self._places)
        self._lock = threading.Lock()
        self._first_for: int | None = None
        confined = all(place.processors for place in self._places)
        self._helpers = self._places[1:_WIDE] if confined else []

    @property
    def helpers(self) -> list[frozenset[int]]:
        """The processors of the cores that a net of several threads has beside the first, one thread on each."""
        return [place.processors for place in self._helpers]

    def take(self, *, here: bool = True) -> Place | None:
        """A core, to be given back: the one that the calling thread is on or, unless `here`, the last of the others,
        where there is a choice. None where none is free."""
        on = _processor()
        with self._lock:
            wanted = self._free if here else self._free[::-1]
            fitting = next((place for place in wanted if (on in place.processors) == here), None)
            return self._taken(fitting or self._free[0]) if self._free else None

    def _taken(self, place: Place) -> Place:
        self._free.remove(place)
        return place

    def give(self, place: Place) -> None:
        with self._lock:
            self._free.append(place)
            self._free.sort(key=self._places.index)

    def begin(self, step: Callable[[], R]) -> Future[R] | None:
        """The step under way on a core of its own; None where none is free."""
        place = self.take(here=False) if len(self._places) > 1 else None
        return None if place is None else place.executor.submit(self._run, step, place)

    def _run(self, step: Callable[[], R], place: Place) -> R:
        try:
            return step()
        finally:
            self.give(place)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """The calling thread works on one core, where one is free, and on no other."""
        with self._lock:
            alone = len(self._free) == len(self._places) > 1
            place = self._taken(self._places[0]) if alone else None
            if alone:
                self._first_for = threading.get_ident()
        place = place or self.take()
        if place is None:
            yield
            return
        before = _confine(place.processors)
        try:
            yield
        finally:
            _confine(before)
            if alone:
                self._first_for = None
            self.give(place)

    @property
    def spare(self) -> int:
        """How many helpers a net would have that the calling thread ran now."""
        with self._lock:
            return len(self._helpers) if self._are_ours() else 0

    def _are_ours(self) -> bool:
        return self._first_for == threading.get_ident() and all(place in self._free for place in self._helpers)

    @contextmanager
    def wide(self) -> Iterator[bool]:
        """Whether the calling thread is on the first core, and those of `helpers` are its own meanwhile as well."""
        with self._lock:
            ours = bool(self._helpers) and self._are_ours()
            if ours:
                self._free = [place for place in self._free if place not in self._helpers]
        try:
            yield ours
        finally:
            for place in self._helpers if ours else ():
                self.give(place)


def _divided(count: int) -> list[frozenset[int]]:
    """This process's processors in so many parts; empty ones where threads may run anywhere."""
    usable = sorted(os.sched_getaffinity(0)) if _CONFINES else []
    if not 1 < count <= len(usable):
        return [frozenset()] * count
    ends = [number * len(usable) // count for number in range(count + 1)]
    return [frozenset(usable[start:end]) for start, end in pairwise(ends)]


def _confine(processors: frozenset[int]) -> frozenset[int]:
    """Keeps the calling thread on these processors, if any; those that it was kept on before."""
    if not processors:
        return processors
    before = frozenset(os.sched_getaffinity(0))
    with suppress(OSError):  # they were taken away from this process since it began
        os.sched_setaffinity(0, processors)
    return before


def _processor() -> int | None:
    """Where the calling thread runs at the moment; None where the system does not tell."""
    return None if _getcpu is None else _getcpu()


class SideBySide:
    """A context manager: what has begun inside has ended when it is left, whatever happens, so that no step keeps the
    picture longer than the call it belongs to. Not to be shared between threads.

    `whole`: it surrounds the whole work on a picture, and counts as a core in use; inside it others need not.
    """

    def __init__(self, cores: Cores | None = None, *, whole: bool = False) -> None:
        self._cores = cores or Cores()
        self._kept = self._cores.kept() if whole else nullcontext()
        self._begun: list[Future[Any]] = []

    def begin(self, step: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Callable[[], R]:
        """Starts a step; the answer gives its result, to be asked for once, or raises what it raised.

        Where no core is free the step runs in the calling thread, when its result is asked for.
        """
        return self.try_begin(step, *args, **kwargs) or partial(step, *args, **kwargs)

    def try_begin(self, step: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Callable[[], R] | None:
        """The same, None where no core is free."""
        future = self._cores.begin(partial(step, *args, **kwargs))
        if future is None:
            return None
        self._begun.append(future)
        return future.result

    def __enter__(self) -> Self:
        self._kept.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        wait(self._begun)
        self._kept.__exit__(kind, error, trace)


def run_pair(cores: Cores, run: Callable[[NDArray[Any]], NDArray[Any]], pair: NDArray[Any]) -> NDArray[Any]:
    """What a net answers to a batch of two, [2, ...]: one after the other on two cores where another one is free, which
    is sooner done, or else together, which is cheaper."""
    first, second = np.split(pair, 2)
    with SideBySide(cores) as steps:
        other = steps.try_begin(run, second)
        return run(pair) if other is None else np.concatenate((run(first), other()))
