"""uvicorn's server, ended as a supervisor ends a service."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn

from service.readiness import Readiness


class Server(uvicorn.Server):
    """Told to stop, it is not ready from that moment on, takes no new connection, answers the requests under way and
    ends with exit status 0."""

    def __init__(self, config: uvicorn.Config, readiness: Readiness) -> None:
        super().__init__(config)
        self._readiness = readiness

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._readiness.stopping = True
        super().handle_exit(sig, frame)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        with super().capture_signals():
            yield
            # uvicorn raises them again when all is done; the process would end as if it had been killed.
            self._captured_signals = [each for each in self._captured_signals if each != signal.SIGTERM]

    def stop(self) -> None:
        """From the event loop."""
        self.should_exit = True
