"""Connections of slow clients, to a real server whose patience is short."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
import uvicorn

from service import patience
from service.asgi import Receive, Scope, Send

LARGE = 8 * 2**20
HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "HEAD_SECONDS", 0.5)
    monkeypatch.setattr(patience, "STALLED_SECONDS", 0.5)


async def slowly(scope: Scope, _: Receive, send: Send) -> None:
    """Takes longer than the patience with a client; /large answers more than the system's buffers hold."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        await asyncio.sleep(1.5)
        await send({"type": "websocket.close"})
        return
    size = LARGE if scope["path"] == "/large" else 2
    await asyncio.sleep(1.5)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(size).encode())]})
    await send({"type": "http.response.body", "body": b"x" * size})


@asynccontextmanager
async def connected() -> AsyncIterator[Streams]:
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        slowly, http=patience.PatientProtocol, lifespan="off", log_config=None, timeout_keep_alive=9
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve([listening]))
    reader, writer = await asyncio.open_connection(*listening.getsockname())
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        server.should_exit = True
        await running


async def ended(reader: asyncio.StreamReader) -> bytes:
    """What came before the other side hung up."""
    told = b""
    with suppress(ConnectionError):
        async with asyncio.timeout(30):
            while piece := await reader.read(65536):
                told += piece
    return told


def test_a_client_that_sends_nothing_is_let_go() -> None:
    async def run() -> None:
        async with connected() as (reader, _):
            assert await ended(reader) == b""

    asyncio.run(run())


def test_a_head_that_never_ends_is_let_go_and_so_is_a_second_one() -> None:
    async def run() -> None:
        for before in (b"", HEAD + b"\r\n"):
            async with connected() as (reader, writer):
                writer.write(before)
                if before:
                    assert b"200" in await reader.readuntil(b"\r\n\r\nxx")
                waiting = asyncio.create_task(ended(reader))
                writer.write(HEAD)
                while not waiting.done():
                    writer.write(b"X-A: a\r\n")
                    await asyncio.sleep(0.05)
                assert await waiting == b""

    asyncio.run(run())


def test_work_that_takes_longer_is_waited_for_also_behind_another() -> None:
    async def run() -> None:
        async with connected() as (reader, writer):
            writer.write(HEAD + b"\r\n" + HEAD + b"\r\n")
            for _ in range(2):
                assert b"200" in await reader.readuntil(b"\r\n\r\nxx")

    asyncio.run(run())


def test_an_answer_that_is_not_taken_ends_the_connection() -> None:
    async def run() -> None:
        async with connected() as (reader, writer):
            writer.write(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await asyncio.sleep(3.5)
            assert 0 < len(await ended(reader)) < LARGE

    asyncio.run(run())


def test_a_websocket_is_not_ended() -> None:
    from websockets.asyncio.client import connect

    async def run() -> None:
        async with connected() as (_, writer):
            host, port = writer.get_extra_info("peername")[:2]
            async with connect(f"ws://{host}:{port}/") as opened:
                await opened.wait_closed()
                assert opened.close_code == 1000

    asyncio.run(run())
