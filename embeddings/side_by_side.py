"""Steps of one picture that do not need each other's results, on several cores."""

from collections.abc import Callable
from concurrent.futures import Executor, Future, wait
from functools import partial
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class SideBySide:
    """A context manager: what has begun inside has ended when it is left, whatever happens, so that no step keeps the
    picture longer than the call it belongs to. Not to be shared between threads."""

    def __init__(self, executor: Executor | None = None) -> None:
        """Without an executor each step runs in the calling thread, when its result is asked for."""
        self._executor = executor
        self._begun: list[Future[Any]] = []

    def begin(self, step: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Callable[[], R]:
        """Starts a step; the answer gives its result, to be asked for once, or raises what it raised."""
        if self._executor is None:
            return partial(step, *args, **kwargs)
        future = self._executor.submit(step, *args, **kwargs)
        self._begun.append(future)
        return future.result

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        wait(self._begun)
