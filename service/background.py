"""Threads for work that can wait: the system gives them what logins leave of the cores."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Final

FILMS: Final = 10
"""Steps of niceness, 0 to 19; a thread of 10 gets a tenth of what an equally busy login gets."""


def background(threads: int, niceness: int, name: str) -> ThreadPoolExecutor:
    """A pool of threads of lower priority, where the system knows one for each thread (Linux does)."""
    return ThreadPoolExecutor(threads, thread_name_prefix=name, initializer=partial(give_way, niceness))


def give_way(niceness: int) -> None:
    """Lowers the priority of this thread, and of those it starts."""
    if hasattr(os, "setpriority"):
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)
