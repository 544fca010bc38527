"""Calls an ASGI application directly, with exactly the headers a test wants (also none, or two of one kind)."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from service.asgi import App, Message, Receive, Scope, Send

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Answer:
    """`status` of a WebSocket is 101 when it was accepted, else 403, as servers answer a close before that."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        return str(json.loads(self.body)["code"])


def scope(method: str, path: str, headers: Pairs, kind: str = "http") -> Scope:
    path, _, query = path.partition("?")
    return {
        "type": kind,
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers],
        "scheme": "http",
        "client": ("192.0.2.7", 5),
        "server": ("127.0.0.1", 8000),
        "root_path": "",
        "http_version": "1.1",
    }


def call(
    app: App,
    method: str = "GET",
    path: str = "/",
    headers: Pairs = (("Host", "localhost"),),
    body: Sequence[bytes] = (b"",),
) -> Answer:
    """One request; `body` in the pieces in which it arrives."""
    sent: list[Message] = []
    coming = [{"type": "http.request", "body": each, "more_body": True} for each in body]
    coming[-1]["more_body"] = False

    async def receive() -> Message:
        return coming.pop(0) if coming else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(_run(app, scope(method, path, headers), receive, send))
    start = sent[0]
    told = {name.decode("latin-1"): value.decode("latin-1") for name, value in start["headers"]}
    assert len(told) == len(start["headers"]), "a header came twice"
    return Answer(start["status"], told, b"".join(each.get("body", b"") for each in sent[1:]))


def connect(app: App, path: str, headers: Pairs) -> Answer:
    """A WebSocket handshake."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(_run(app, scope("GET", path, headers, "websocket"), receive, send))
    return Answer(101 if sent[0]["type"] == "websocket.accept" else 403, {}, b"")


async def _run(app: App, given: Scope, receive: Receive, send: Send) -> None:
    await app(given, receive, send)


async def echo(given: Scope, receive: Receive, send: Send) -> None:
    """Accepts sockets; answers requests with the number of body bytes it was given."""
    if given["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept", "headers": []})
        return
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    headers: list[Any] = [(b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": str(size).encode()})
