"""`/v1/challenges`: liveness, asked for over HTTP and answered over a WebSocket, or in one post."""

import asyncio
import json
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Request, WebSocket
from pydantic import BaseModel
from starlette.websockets import WebSocketDisconnect, WebSocketState

from db.api_keys import Role
from service.bootstrap import Application
from service.doors import Caller, anyone_or
from service.errors import Busy, ServiceError, describe, problem
from service.forms import Form, InvalidField, MissingImage, choice, identifier, single
from service.liveness.told import Told
from service.routes.bodies import PROBLEM, fields, image_body, plain_body
from service.settings import Settings
from service.uploads import captured_at, read_fields, read_form
from service.workers import Workers
from service.workflows.challenges import NONCE_BYTES, Answer, Challenger, Purpose, Shown

FIRST_WITHIN: Final = 10.0
"""Seconds for the nonce, and between two messages."""
MOST_FRAME_BYTES: Final = 2**20
MOST_HEADER: Final = 200
"""Characters of a text message."""
MOST_POSTED: Final = 400
"""Frames of one post: 40 s at ten a second."""
POLICY_VIOLATION: Final = 1008
MACHINE: Final = "this machine"
UNDER_WAY: Final = 32
"""Challenges answered at one time by one process."""


class Opened(BaseModel):
    """A challenge. `nonce`: to be kept secret and shown with every use; `steps`: how many, or which, where they were
    asked for at once."""

    challenge_id: UUID
    nonce: str
    purpose: Literal["login", "enrolment"]
    expires_at: datetime
    count: int
    steps: list[str] | None = None


class Ended(BaseModel):
    """`code`: why it was not passed; see docs/liveness.md."""

    phase: Literal["passed", "failed"]
    code: str | None = None


class BadMessage(Exception):
    """A client that does not keep to the protocol."""


def challenger(caller: Caller) -> Challenger:
    """Whom a challenge is bound to."""
    if caller.key is not None:
        return Challenger(caller.key, counted=False)
    return Challenger(caller.client or MACHINE)


def shown_challenge(form: Form, caller: Caller) -> Shown | None:
    """The challenge in the place of pictures. Raises InvalidField where it is not whole or comes with pictures."""
    challenge_id, nonce = identifier(form, "challenge_id"), single(form, "nonce")
    if challenge_id is None and nonce is None:
        return None
    if challenge_id is None or form.images:
        raise InvalidField("challenge_id")
    if nonce is None or len(nonce) != 2 * NONCE_BYTES:
        raise InvalidField("nonce")
    return Shown(challenge_id, nonce, challenger(caller))


async def read_shown(request: Request, settings: Settings) -> Form:
    """The body of a login or an enrolment: pictures, or a challenge. Raises what `read_form` raises."""
    form = await read_form(request, settings.max_request_bytes, settings.max_request_images, least=0)
    if not form.images and not form.fields.get("challenge_id"):
        raise MissingImage
    return form


def router(application: Application, workers: Workers) -> APIRouter:
    routes = APIRouter(tags=["login"])
    settings = application.settings
    places = asyncio.Semaphore(UNDER_WAY)

    @routes.post(
        "/v1/challenges",
        status_code=201,
        responses={"4XX": PROBLEM},
        response_model_exclude_none=True,
        openapi_extra=plain_body(
            "purpose",
            **fields(purpose="`login` or `enrolment`.", told="`at_once`: every step now, where the settings allow it."),
        ),
    )
    async def open_challenge(request: Request, caller: Annotated[Caller, anyone_or(Role.VERIFIER)]) -> Opened:
        """Ask for a challenge of liveness. It is answered within 60 seconds, over WS /v1/challenges/{challenge_id}."""
        form = await read_fields(request)
        purpose, told = choice(form, "purpose", Purpose), single(form, "told")
        if purpose is None:
            raise InvalidField("purpose")
        if told not in {None, "", "at_once"}:
            raise InvalidField("told")
        its = await asyncio.to_thread(application.of, caller.tenant)
        done = await workers.run(its.challenges.open, purpose, challenger(caller), at_once=told == "at_once")
        return Opened(
            challenge_id=done.challenge_id,
            nonce=done.nonce,
            purpose=purpose.value,
            expires_at=done.expires_at,
            count=done.count,
            steps=[step.value for step in done.at_once] or None,
        )

    @routes.post(
        "/v1/challenges/{challenge_id}",
        responses={"4XX": PROBLEM},
        response_model_exclude_none=True,
        openapi_extra=image_body(
            several=True, **fields(nonce="Of the challenge.", captured_at="Milliseconds, one for each frame.")
        ),
    )
    async def answer_at_once(
        challenge_id: UUID, request: Request, caller: Annotated[Caller, anyone_or(Role.VERIFIER)]
    ) -> Ended:
        """Answer a challenge that was asked for with `told=at_once`: every frame, rests included, in one post."""
        workers.admit()
        form = await read_form(request, settings.max_request_bytes, MOST_POSTED)
        times, nonce = captured_at(form), single(form, "nonce")
        if times is None or None in times:
            raise InvalidField("captured_at")
        shown = Shown(challenge_id, nonce or "", challenger(caller))

        def judge() -> Told:
            its = application.of(caller.tenant).challenges
            answer = its.begin(shown, Purpose.LOGIN, at_once=True)
            try:
                for image, at in zip(form.images, times, strict=True):
                    if answer.feed(image, at or 0.0, at or 0.0).finished:
                        break
            finally:
                told = answer.close()
            return told

        told = await workers.run(judge)
        return Ended(phase="passed" if told.code is None else "failed", code=told.code)

    @routes.websocket("/v1/challenges/{challenge_id}")
    async def answer(
        socket: WebSocket, challenge_id: UUID, caller: Annotated[Caller, anyone_or(Role.VERIFIER)]
    ) -> None:
        """Answer a challenge frame by frame; docs/liveness.md has the messages."""
        await socket.accept()
        line = Line(socket)
        try:
            if places.locked():
                raise Busy
            async with places:
                first = await line.message()
                shown = Shown(challenge_id, str(first.get("nonce", "")), challenger(caller))
                purpose = Purpose.ENROLMENT if first.get("purpose") == "enrolment" else Purpose.LOGIN
                its = await workers.run(application.of, caller.tenant)
                begun = await workers.run(its.challenges.begin, shown, purpose)
                try:
                    await _converse(line, begun, workers)
                finally:
                    await asyncio.shield(asyncio.to_thread(begun.close))
        except (WebSocketDisconnect, TimeoutError):
            pass
        except BadMessage:
            await line.refuse("malformed_body")
        except ServiceError as refusal:
            await line.refuse(*(describe(refusal) or ("internal", {})))
        finally:
            await line.close()

    return routes


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
        image, arrived = await line.frame(), loop.time()
        try:
            told = await workers.run(answer.feed, image, at / 1000, arrived)
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
        async with asyncio.timeout(FIRST_WITHIN):
            message = await self._socket.receive()
        if message["type"] != "websocket.receive":
            raise WebSocketDisconnect(message.get("code", 1000))
        return dict(message)
