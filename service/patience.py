"""How long a connection may keep the service waiting outside of a request's body, which `service.uploads` times.

uvicorn itself waits without end for the rest of a request's head, and for a client to take its answer: as many such
connections as there may be at all would shut everybody else out.
"""

import asyncio
from typing import Final

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

HEAD_SECONDS: Final = 20.0
"""From when a connection is made, or has had its last answer, until the head of the next request is whole."""
STALLED_SECONDS: Final = 60.0
"""For what lies ready to be sent (64 kB, asyncio's high-water mark) to be taken."""


class PatientProtocol(H11Protocol):
    """HTTP/1.1 over one connection, which is closed when its client takes too long."""

    _head: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not cycle.response_complete:
            _cancel(self._head)

    def on_response_complete(self) -> None:
        self._await_head()
        super().on_response_complete()  # may begin with the next request, whose head is there already
        if not self.cycle.response_complete:
            _cancel(self._head)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled = self._stalled or self.loop.call_later(STALLED_SECONDS, self._give_up)

    def resume_writing(self) -> None:
        super().resume_writing()
        _cancel(self._stalled)
        self._stalled = None

    def connection_lost(self, exc: Exception | None) -> None:
        _cancel(self._head)
        _cancel(self._stalled)
        super().connection_lost(exc)

    def _await_head(self) -> None:
        _cancel(self._head)
        self._head = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _give_up(self) -> None:
        if self.transport.get_protocol() is self:  # not where a WebSocket has taken it over
            self.transport.abort()


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
