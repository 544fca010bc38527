"""Steps of one picture that do not need each other's results, on several cores while these have nothing else to do."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

P = ParamSpec("P")
R = TypeVar("R")


class Cores:
    """`count` cores: each picture keeps one busy, those left over may take single steps. May be shared by threads.

    So a lone login is answered sooner, and under load, when pictures already fill the cores, nothing is divided.
    """

    def __init__(self, count: int = 1) -> None:
        # A thread for each core: a step that waits for its own steps keeps one, and theirs must find another.
        self._executor = ThreadPoolExecutor(count, thread_name_prefix="beside") if count > 1 else None
        self._free = count
        self._lock = threading.Lock()

    def take(self) -> bool:
        """A core, to be given back; False where none is free."""
        with self._lock:
            taken = self._free > 0
            self._free -= taken
            return taken

    def give(self) -> None:
        with self._lock:
            self._free += 1

    def begin(self, step: Callable[[], R]) -> Future[R] | None:
        """The step under way on a core of its own; None where none is free."""
        if self._executor is None or not self.take():
            return None
        return self._executor.submit(self._run, step)

    def _run(self, step: Callable[[], R]) -> R:
        try:
            return step()
        finally:
            self.give()


class SideBySide:
    """A context manager: what has begun inside has ended when it is left, whatever happens, so that no step keeps the
    picture longer than the call it belongs to. Not to be shared between threads.

    `whole`: it surrounds the whole work on a picture, and counts as a core in use; inside it others need not.
    """

    def __init__(self, cores: Cores | None = None, *, whole: bool = False) -> None:
        self._cores = cores or Cores()
        self._whole = whole
        self._took = False
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
        self._took = self._whole and self._cores.take()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        wait(self._begun)
        if self._took:
            self._cores.give()


def run_pair(cores: Cores, run: Callable[[NDArray[Any]], NDArray[Any]], pair: NDArray[Any]) -> NDArray[Any]:
    """What a net answers to a batch of two, [2, ...]: one after the other on two cores where another one is free, which
    is sooner done, or else together, which is cheaper."""
    first, second = np.split(pair, 2)
    with SideBySide(cores) as steps:
        other = steps.try_begin(run, second)
        return run(pair) if other is None else np.concatenate((run(first), other()))
