"""What a live connection is held to: how many there are, how fast frames come, how long none may come.

Everything here is used from one event loop.

LiveRefused
├── LiveFull       live_full
├── LiveIdle       live_idle
└── LiveTooFast    live_too_fast
"""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

from service.errors import ServiceError

IDLE_SECONDS: Final = 30.0
MOST_A_SECOND: Final = 60
"""Frames; a camera gives 30. What comes faster than it is drawn is dropped; faster than this is no camera."""


class LiveRefused(ServiceError):
    """Ends a connection; its code is the reason that the client is told."""


class LiveFull(LiveRefused):
    code = "live_full"


class LiveIdle(LiveRefused):
    code = "live_idle"


class LiveTooFast(LiveRefused):
    code = "live_too_fast"


class Connections:
    """At most `most` at once. Their frames are drawn on by threads of their own, one less than there are `cores`: a
    core is left for logins, however many cameras there are."""

    def __init__(self, most: int, cores: int) -> None:
        self._most = most
        self._open = 0
        self.pool: Final = ThreadPoolExecutor(max(1, cores - 1), thread_name_prefix="live")

    @contextmanager
    def one(self) -> Iterator[None]:
        """Raises LiveFull."""
        if self._open >= self._most:
            raise LiveFull
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1

    def close(self) -> None:
        self.pool.shutdown(wait=True, cancel_futures=True)


class Newest:
    """The newest frame: one that comes before the last was taken replaces it."""

    def __init__(self) -> None:
        self._frame: bytes | None = None
        self._there = asyncio.Event()
        self._window, self._count = 0, 0

    def put(self, frame: bytes) -> None:
        """Raises LiveTooFast."""
        window = int(asyncio.get_running_loop().time())
        self._count = self._count + 1 if window == self._window else 1
        self._window = window
        if self._count > MOST_A_SECOND:
            raise LiveTooFast
        self._frame = frame
        self._there.set()

    async def take(self) -> bytes:
        """Waits for a frame. Raises LiveIdle where none comes."""
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                await self._there.wait()
        except TimeoutError:
            raise LiveIdle from None
        self._there.clear()
        frame, self._frame = self._frame, None
        assert frame is not None  # noqa: S101 - for the type checker
        return frame
