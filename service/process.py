"""What the process itself is denied before it holds a key or a picture.

A process that is not dumpable writes no core file, not even through a core pattern that pipes to a program (which
RLIMIT_CORE alone does not stop), and no other process of the same user may trace it or read its memory. The price:
its files below /proc belong to root, so that a process without root rights cannot open its own /proc/self/mem, maps
or fd; a debugger or profiler cannot be attached.
"""

import ctypes
import os
import signal
import sys
from typing import Final

PR_SET_PDEATHSIG: Final = 1
PR_SET_DUMPABLE: Final = 4
"""linux/prctl.h; see prctl(2)."""
OWNER_ONLY: Final = 0o077
"""umask: no rights for group and others on anything that is made from now on."""


def harden() -> None:
    """Switches core dumps off (and tracing, on Linux) and keeps new files to their owner. Raises OSError when the
    kernel refuses."""
    os.umask(OWNER_ONLY)
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - does not exist on Windows

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        _not_dumpable()


def end_with_parent() -> None:
    """From now on this process is asked to stop (SIGTERM) when the one that started it is gone, on Linux."""
    if sys.platform == "linux":
        _prctl(PR_SET_PDEATHSIG, "PR_SET_PDEATHSIG", signal.SIGTERM)


def _not_dumpable() -> None:
    _prctl(PR_SET_DUMPABLE, "PR_SET_DUMPABLE", 0)


def _prctl(option: int, name: str, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"prctl({name}): {os.strerror(number)}")
