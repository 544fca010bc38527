"""`WS /v1/live`: frames of a camera in, the same frames with their faces drawn over out."""

import asyncio
import json
from collections.abc import Sequence
from typing import Final

from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect

from db.api_keys import Role
from embeddings.image import ImageLimits
from overlays.style import OverlayStyle
from service.asgi import POLICY_VIOLATION, exchange
from service.bootstrap import Application
from service.doors import anyone_or
from service.errors import TABLE, describe
from service.forms import Form, InvalidField
from service.live import Connections, LiveFull, Newest
from service.logs import log_failure
from service.overlay_fields import chosen_styles
from service.workflows.live import Live

MOST_TEXT: Final = 4096
TRY_LATER: Final = 1013
INTERNAL: Final = 1011
"""WebSocket close codes (RFC 6455, section 7.4, and the registry of it)."""


def router(application: Application, connections: Connections) -> APIRouter:
    routes = APIRouter()

    @routes.websocket("/v1/live", dependencies=[anyone_or(Role.ENROLLER, Role.VERIFIER, Role.ADMIN)])
    async def live(socket: WebSocket) -> None:
        """Binary messages are frames, JPEG, PNG or WebP, and are answered by JPEG; one that a newer one overtakes has
        no answer. A text message `{"style": "blur"}` changes the style. Nothing is kept."""
        await socket.accept()
        try:
            with connections.one():
                await _serve(socket, application, connections)
        except WebSocketDisconnect:
            return
        except Exception as error:  # noqa: BLE001 - each ends the connection with its code
            await _close(socket, error)

    return routes


async def _serve(socket: WebSocket, application: Application, connections: Connections) -> None:
    query = socket.query_params
    styles = _styles({name: query.getlist(name) for name in query})
    camera, newest = Live(application.pipeline, styles), Newest()
    answering = asyncio.create_task(_answer(socket, camera, newest, connections))
    receiving = asyncio.create_task(_receive(socket, camera, newest))
    try:
        done, _ = await asyncio.wait((answering, receiving), return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in (answering, receiving):
            task.cancel()
        await asyncio.gather(answering, receiving, return_exceptions=True)


async def _receive(socket: WebSocket, camera: Live, newest: Newest) -> None:
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1000))
        if (frame := message.get("bytes")) is not None:
            newest.put(frame)
        else:
            await _wear(socket, camera, message.get("text") or "")


async def _wear(socket: WebSocket, camera: Live, text: str) -> None:
    """Another style; one that is not understood is told and changes nothing."""
    try:
        styles = _styles(_fields(text))
    except Exception as error:
        known = describe(error)
        if known is None:
            raise
        code, members = known
        await socket.send_json({"code": code, "title": TABLE[code].title, **members})
        return
    camera.wear(styles)
    told = {"style": [style.name for style in styles], "hides": any(style.hides for style in styles)}
    await socket.send_json(told)


def _fields(text: str) -> dict[str, list[str]]:
    """Raises InvalidField."""
    try:
        members = json.loads(text) if len(text) <= MOST_TEXT else None
        json.dumps(members, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except (ValueError, RecursionError):
        members = None
    if not isinstance(members, dict):
        raise InvalidField("style")
    values = {name: value if isinstance(value, list) else [value] for name, value in members.items()}
    if not all(isinstance(each, str) for value in values.values() for each in value):
        raise InvalidField("style")
    return values


def _styles(fields: dict[str, list[str]]) -> Sequence[OverlayStyle]:
    """Raises InvalidField, UnknownStyle, BadLook, TooManyStyles."""
    form = Form((b"",), {name: tuple(values) for name, values in fields.items()})
    return chosen_styles(form, ImageLimits())


async def _answer(socket: WebSocket, camera: Live, newest: Newest, connections: Connections) -> None:
    loop = asyncio.get_running_loop()
    while True:
        frame = await newest.take()
        await socket.send_bytes(await loop.run_in_executor(connections.pool, camera, frame, loop.time()))


async def _close(socket: WebSocket, error: Exception) -> None:
    known = describe(error)
    if known is None:
        log_failure(error, event="socket_failed", request_id=exchange(socket.scope).request_id)
    code = "internal" if known is None else known[0]
    exchange(socket.scope).code = code
    number = INTERNAL if known is None else TRY_LATER if isinstance(error, LiveFull) else POLICY_VIOLATION
    try:
        await socket.close(number, code)
    except RuntimeError:  # gone already
        return
