"""`WS /v1/challenges/{id}`: a challenge answered frame by frame; docs/liveness.md has the messages."""

import asyncio
import json
from contextlib import suppress
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect, WebSocketState

from db.api_keys import Role
from service.bootstrap import Application
from service.doors import Caller, anyone_or
from service.errors import Busy, describe, problem
from service.routes.challenged import challenger
from service.workers import Workers
from service.workflows.challenges import Answer, Purpose, Shown

PATIENCE: Final = 10.0
"""Seconds between two messages."""
LONGEST: Final = 100.0
"""Seconds from the greeting to the end: nobody keeps a place by talking."""
MOST_FRAME_BYTES: Final = 2**20
MOST_HEADER: Final = 200
"""Characters of a text message."""
UNDER_WAY: Final = 32
"""Challenges answered at one time by one process."""


class BadMessage(Exception):
    """A client that does not keep to the protocol."""


def router(application: Application, workers: Workers) -> APIRouter:
    routes = APIRouter(tags=["login"])
    places = asyncio.Semaphore(UNDER_WAY)

    @routes.websocket("/v1/challenges/{challenge_id}")
    async def answer(
        socket: WebSocket, challenge_id: UUID, caller: Annotated[Caller, anyone_or(Role.VERIFIER)]
    ) -> None:
        """Answer a challenge."""
        await socket.accept()
        line = Line(socket)
        try:
            shown, purpose = await _greeting(line, challenge_id, caller)
            _require_room(places)  # only whoever has a challenge takes a place
            async with places, asyncio.timeout(LONGEST):
                await _answered(line, shown, purpose, application, caller.tenant, workers)
        except (WebSocketDisconnect, TimeoutError):
            pass
        except BadMessage:
            await line.refuse("malformed_body")
        except Exception as refusal:
            known = describe(refusal)
            if known is None:
                raise
            await line.refuse(*known)
        finally:
            await line.close()

    return routes


def _require_room(places: asyncio.Semaphore) -> None:
    """Raises Busy."""
    if places.locked():
        raise Busy


async def _greeting(line: "Line", challenge_id: UUID, caller: Caller) -> tuple[Shown, Purpose]:
    first = await line.message()
    nonce, purpose = first.get("nonce"), first.get("purpose", Purpose.LOGIN.value)
    if not isinstance(nonce, str) or purpose not in set(Purpose):
        raise BadMessage
    return Shown(challenge_id, nonce, challenger(caller)), Purpose(purpose)


async def _answered(
    line: "Line", shown: Shown, purpose: Purpose, application: Application, tenant: str, workers: Workers
) -> None:
    its = await workers.run(application.of, tenant)
    begun = await workers.run(its.challenges.begin, shown, purpose)
    try:
        await _converse(line, begun, workers)
    finally:
        await asyncio.shield(asyncio.to_thread(begun.close))


async def _converse(line: "Line", answer: Answer, workers: Workers) -> None:
    """Until the challenge is over. A frame that finds no free worker is passed over."""
    loop = asyncio.get_running_loop()
    await line.tell({"phase": "settling", "done": 0, "of": len(answer.session.judge.challenge.steps)})
    while True:
        said = await line.message()
        if said.get("exchange") is True:
            answer.session.exchange()
            continue
        at = said.get("at")
        if not isinstance(at, int | float) or isinstance(at, bool) or not abs(at) < 1e15:
            raise BadMessage
        lit = said.get("lit")
        if lit is not None and (not isinstance(lit, int) or isinstance(lit, bool)):
            raise BadMessage
        image, arrived = await line.frame(), loop.time()
        try:
            told = await workers.run(answer.feed, image, at / 1000, arrived, lit)
        except Busy:
            await line.tell({"phase": "busy"})
            continue
        await line.tell(told.members())
        if told.finished:
            return


class Line:
    """The messages of one socket, under limits."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket

    async def message(self) -> dict[str, Any]:
        """A JSON object. Raises BadMessage, TimeoutError, WebSocketDisconnect."""
        text = (await self._received()).get("text")
        if text is None or len(text) > MOST_HEADER:
            raise BadMessage
        try:
            said = json.loads(text)
            json.dumps(said, ensure_ascii=False).encode()  # half a surrogate pair is no text
        except (ValueError, RecursionError):
            raise BadMessage from None
        if not isinstance(said, dict):
            raise BadMessage
        return said

    async def frame(self) -> bytes:
        """Likewise a picture."""
        image = (await self._received()).get("bytes")
        if image is None or len(image) > MOST_FRAME_BYTES:
            raise BadMessage
        return bytes(image)

    async def tell(self, members: dict[str, Any]) -> None:
        await self._socket.send_text(json.dumps(members))

    async def refuse(self, code: str, members: dict[str, object] | None = None) -> None:
        """A problem, as HTTP has it."""
        _, _, body = problem(code, **(members or {}))
        with suppress(WebSocketDisconnect, RuntimeError):
            await self._socket.send_text(json.dumps({"phase": "refused", "problem": json.loads(body)}))

    async def close(self) -> None:
        if self._socket.application_state is not WebSocketState.DISCONNECTED:
            with suppress(WebSocketDisconnect, RuntimeError):
                await self._socket.close()

    async def _received(self) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE):
            message = await self._socket.receive()
        if message["type"] != "websocket.receive":
            raise WebSocketDisconnect(message.get("code", 1000))
        return dict(message)
