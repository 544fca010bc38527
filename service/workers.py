"""A bounded pool for work that would hold up the event loop; past its queue limit it refuses."""

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Final, ParamSpec, TypeVar

from service.errors import Busy
from service.watch import Stage, begun_waiting, stage

P = ParamSpec("P")
R = TypeVar("R")
TURN_SECONDS: Final = 0.0005
"""After which a thread asks for the interpreter (Python: 5 ms), for the whole process: a net that is done would else
wait as long as a third of a picture takes, since who lets go of it for a moment mostly gets it back first."""


def usable_cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cores_of_one(processes: int) -> int:
    """Those that each of so many processes should keep busy."""
    return max(1, usable_cores() // processes)


class Workers:
    """`workers` threads and at most `queue` waiting calls. Used from one event loop."""

    def __init__(self, workers: int, queue: int) -> None:
        self.threads = workers
        self._limit = workers + queue
        self._taken = 0
        self.refused = 0
        """Calls that found the queue full."""
        self._executor = ThreadPoolExecutor(workers, thread_name_prefix="work")
        sys.setswitchinterval(TURN_SECONDS)

    @property
    def taken(self) -> int:
        """Calls running or waiting."""
        return self._taken

    def admit(self) -> None:
        """Raises Busy when a further call would be refused, so that a body need not be read in vain."""
        if self._taken >= self._limit:
            self.refused += 1
            raise Busy

    async def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """The function's result, computed on a worker thread. Raises Busy when the queue is full.

        A caller who goes away does not free the place: the work is still being done.
        """
        self.admit()
        self._taken += 1
        over, context = begun_waiting(), copy_context()

        def work() -> R:
            over()
            with stage(Stage.WORK):
                return function(*args, **kwargs)

        future = asyncio.get_running_loop().run_in_executor(self._executor, context.run, work)
        future.add_done_callback(self._free)
        return await asyncio.shield(future)

    def _free(self, future: asyncio.Future[R]) -> None:
        self._taken -= 1
        if not future.cancelled():
            future.exception()  # seen here too: the caller may have gone

    def close(self) -> None:
        """Lets running work end, drops what waits."""
        self._executor.shutdown(wait=True, cancel_futures=True)


class OneAtATime:
    """For long work that nobody needs twice: whoever comes while it is being done is refused."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __call__(self, function: Callable[[], R]) -> R:
        """Raises Busy."""
        if not self._lock.acquire(blocking=False):
            raise Busy
        try:
            return function()
        finally:
            self._lock.release()
