"""Long work that one caller waits for: at a lower priority than logins, told how far it is, ended when nobody waits."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import Future
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from service.background import FILMS, background
from service.errors import Busy

R = TypeVar("R")
Tell = Callable[[float], None]
"""Called with the share that is done, 0 to 1. Raises what ends the work when nobody waits for it any more."""
EVERY: Final = 0.5
"""Seconds between two times that it is told how far it is."""


class _Ended(Exception):
    """Nobody waits any more."""


@dataclass(slots=True, eq=False)
class Running(Generic[R]):
    """`share` is written by the thread that works."""

    share: float = 0.0
    ended: bool = False
    future: Future[R] = field(default_factory=Future)

    def tell(self, share: float) -> None:
        self.share = max(self.share, share)
        if self.ended:
            raise _Ended

    async def shares(self) -> AsyncGenerator[float, None]:
        """How far it is, every half second, until it is done or has failed. Whoever stops listening ends it."""
        waited = asyncio.wrap_future(self.future)
        waited.add_done_callback(lambda done: done.cancelled() or done.exception())  # told by `future`
        try:
            while not (await asyncio.wait({waited}, timeout=EVERY))[0]:
                yield self.share
        finally:
            self.ended = True

    async def result(self) -> R:
        """Raises what the work raised."""
        async for _ in self.shares():
            pass
        return self.future.result()


class LongWork:
    """One piece of work at a time; whoever comes while it is being done is refused."""

    def __init__(self, name: str) -> None:
        self._pool = background(1, FILMS, name)
        self._lock = threading.Lock()
        self._running: Running[object] | None = None

    def begin(self, work: Callable[[Tell], R]) -> Running[R]:
        """Raises Busy."""
        running = Running[R]()
        with self._lock:
            if self._running is not None:
                raise Busy
            self._running = running  # type: ignore[assignment]
        self._pool.submit(copy_context().run, self._run, running, work)
        return running

    def _run(self, running: Running[R], work: Callable[[Tell], R]) -> None:
        try:
            running.tell(0.0)
            done = work(running.tell)
        except BaseException as error:  # noqa: BLE001 - told to who waits
            self._running = None  # and with it what the error's frames hold
            running.future.set_exception(error)
        else:
            self._running = None
            running.future.set_result(done)

    def close(self) -> None:
        """Ends what is being done."""
        with self._lock:
            if (running := self._running) is not None:
                running.ended = True
        self._pool.shutdown(wait=True, cancel_futures=True)
        if running is not None and not running.future.done():  # dropped before its turn came
            self._running = None
            running.future.set_exception(_Ended())
