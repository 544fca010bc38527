"""What the service answers before it is ready, and once it was told to stop."""

import asyncio
import gc
import json
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx

from service.app import create_app
from service.asgi import App, Message
from service.bootstrap import Application
from service.errors import UnsafeSettings
from service.opening import Opening
from service.readiness import Readiness
from service.settings import Settings
from tests.service.asgi_client import Answer, call, scope
from tests.story.server import free_port

HOST = [("Host", "localhost")]


async def ask(app: App, path: str, host: str = "localhost") -> Answer:
    return await asyncio.to_thread(call, app, "GET", path, [("Host", host)])


async def living(app: App, story: Callable[[], Awaitable[object]]) -> None:
    """`story`, between the server's start and its stop."""
    told: asyncio.Queue[Message] = asyncio.Queue()
    said: asyncio.Queue[Message] = asyncio.Queue()
    alive = asyncio.ensure_future(app(scope("GET", "/", [], "lifespan"), told.get, said.put))
    await told.put({"type": "lifespan.startup"})
    assert (await said.get())["type"] == "lifespan.startup.complete"
    try:
        await story()
    finally:
        await told.put({"type": "lifespan.shutdown"})
        assert (await said.get())["type"] == "lifespan.shutdown.complete"
        await alive


async def until(found: Callable[[], Awaitable[bool]]) -> None:
    while not await found():
        await asyncio.sleep(0.01)


def test_it_is_alive_but_not_ready_until_the_index_is_built(application: Application) -> None:
    gate = threading.Event()

    def build() -> Application:
        gate.wait(60)
        return application

    app = Opening(application.settings, Readiness(), build)

    async def story() -> None:
        try:
            assert (await ask(app, "/healthz")).status == 200
            for path in ("/readyz", "/v1/me", "/", "/metrics"):
                early = await ask(app, path)
                assert (early.status, early.code, early.headers["retry-after"]) == (503, "starting", "1")
                assert "default-src 'none'" in early.headers["content-security-policy"]
                assert early.headers["x-request-id"] == json.loads(early.body)["request_id"]
            assert (await ask(app, "/healthz", "rebound.example")).code == "forbidden_host"
        finally:
            gate.set()
        await until(lambda: _is(app, 200))
        assert (await ask(app, "/v1/me")).code == "token_invalid"

    asyncio.run(living(app, story))
    json_body = [*HOST, ("Content-Type", "application/json")]
    after = call(app, "POST", "/v1/analyze", json_body, [b'{"image": "AAAA"}'])
    assert after.code == "internal", "it was stopped too: its workers take nothing any more"


async def _is(app: App, status: int) -> bool:
    return (await ask(app, "/readyz")).status == status


def test_what_cannot_be_built_ends_the_server_with_its_reason(tmp_path: Path) -> None:
    refusal, failed = UnsafeSettings("no"), asyncio.Event()

    def build() -> Application:
        raise refusal

    app = Opening(Settings(home=tmp_path), Readiness(), build)
    app.failed = failed.set
    asyncio.run(living(app, failed.wait))
    assert app.error is refusal


def test_told_to_stop_it_is_not_ready_and_still_answers(application: Application) -> None:
    readiness = Readiness()
    app = create_app(application, readiness)
    assert call(app, "GET", "/readyz").status == 200
    readiness.stopping = True
    assert call(app, "GET", "/readyz").code == "stopping"
    assert call(app, "GET", "/healthz").status == 200
    assert call(app, "GET", "/v1/consent").status == 200


def test_a_service_that_cannot_start_says_why_and_ends_with_a_failure(home: Path) -> None:
    home.mkdir(mode=0o700)
    (home / "master.key").write_text("no key")
    (home / "master.key").chmod(0o600)
    command = [sys.executable, "-m", "service.cli.main", "serve", "--port", str(free_port())]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "The master key does not fit" in done.stderr
    assert "Traceback" not in done.stderr


def test_told_to_stop_in_the_middle_of_its_start_it_ends_well(home: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "service.cli.main", "serve", "--port", str(port)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            try:
                if httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.05)
        process.terminate()
        assert process.wait(60) == 0
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_a_command_loads_what_it_needs_and_is_searched_for_garbage_once_it_has_begun() -> None:
    program = (
        "import gc, sys; from service.cli.main import command_line; command_line(['serve']); "
        "assert gc.isenabled(); assert not {'alembic', 'psycopg', 'evaluation.bench'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
    collects = "import gc, sys; from service.cli.main import main; sys.argv = ['facewarden', 'config']\n"
    collects += "try:\n    main()\nexcept SystemExit:\n    pass\nassert gc.isenabled()"
    subprocess.run([sys.executable, "-c", collects], check=True, timeout=60, stdout=subprocess.DEVNULL)


def test_garbage_is_searched_for_again_once_the_service_has_opened(application: Application) -> None:
    app = Opening(application.settings, Readiness(), lambda: application)

    async def opened() -> bool:
        return (await ask(app, "/readyz")).status == 200

    gc.disable()
    try:
        asyncio.run(living(app, lambda: until(opened)))
        assert gc.isenabled()
    finally:
        gc.enable()
