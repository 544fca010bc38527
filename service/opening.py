"""The service answers from the first moment, while its models are loaded and its gallery is filled: that it starts."""

import asyncio
import gc
from collections.abc import Callable

from service.access import OriginGuard, SecurityHeaders
from service.app import create_app
from service.asgi import App, Receive, Scope, Send, refuse
from service.bootstrap import Application
from service.errors import UnsafeSettings
from service.logs import RequestLog
from service.readiness import Readiness
from service.settings import Settings

RETRY_AFTER = 1
"""Seconds."""


class Opening:
    """An ASGI application around the one for what `build`, on a thread of its own, is about to give.

    Where it gives none, `error` holds the reason and `failed` is called. It stops the other with itself.
    """

    def __init__(self, settings: Settings, readiness: Readiness, build: Callable[[], Application]) -> None:
        self._early = _early(settings)
        self._readiness = readiness
        self._build = build
        self.failed: Callable[[], None] = lambda: None
        self._app: App | None = None
        self.error: BaseException | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await (self._app or self._early)(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        stop = asyncio.Event()
        running = asyncio.create_task(self._run(stop))
        await send({"type": "lifespan.startup.complete"})
        await receive()
        stop.set()
        await running
        await send({"type": "lifespan.shutdown.complete"})

    async def _run(self, stop: asyncio.Event) -> None:
        """One that was built when it is to stop already is opened all the same, since opened ones are closed."""
        try:
            app = create_app(await asyncio.to_thread(self._build), self._readiness)
        except BaseException as error:  # noqa: BLE001 - raised by whoever runs the server
            self.error = error
            self.failed()
            return
        gc.freeze()  # lasts as long as the process: searched through again, it would hold up requests
        gc.enable()
        async with app.router.lifespan_context(app):
            self._app = app
            await stop.wait()


def _early(settings: Settings) -> App:
    """As guarded as the application itself. Raises UnsafeSettings for names that are none."""
    bound = (settings.host, settings.port)
    try:
        guarded = OriginGuard(_starting, hosts=settings.allowed_hosts, origins=settings.cors_origins, bound=bound)
    except ValueError as error:
        raise UnsafeSettings(str(error)) from None
    return RequestLog(SecurityHeaders(guarded))


async def _starting(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - bodies are not read
    if scope["type"] == "http" and scope["path"] == "/healthz":
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b'{"status":"ok"}'})
    else:
        await refuse(scope, send, "starting", retry_after=RETRY_AFTER)
