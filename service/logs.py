"""Structured logs: one JSON object a line, one line a request, nothing personal.

A line holds only what this module puts there: route templates instead of paths, codes instead of messages, the type
and place of an exception instead of its text. Messages of libraries are kept where they are known to be harmless,
and then without their arguments.
"""

import json
import logging
import secrets
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from logging.handlers import WatchedFileHandler
from pathlib import Path
from types import TracebackType
from typing import Final, TextIO

from service.asgi import App, Message, Receive, Scope, Send, exchange
from service.errors import UnsafeSettings

LOGGER: Final = "facewarden"
ROOT: Final = Path(__file__).resolve().parents[1]
ROOMS: Final = frozenset({"db", "embeddings", "evaluation", "overlays", "service"})
SPEAKING: Final = ("uvicorn", "alembic")
"""Loggers whose messages, without arguments, are worth a line; of all others only the name is told."""
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
MAX_PLACES: Final = 8
EXPECTED: Final = frozenset({"starting", "stopping"})
"""Codes that whoever watches a start or a stop is answered with."""


class JsonLines(logging.Formatter):
    """Our own records carry their facts in `record.facts`; of foreign ones only harmless parts are written. `always`
    stands in every line."""

    def __init__(self, **always: object) -> None:
        super().__init__()
        self._always = always

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            **self._always,
        }
        if record.name == LOGGER:
            line |= {"event": record.msg, **getattr(record, "facts", {})}
        else:
            line |= {"event": "library", "logger": record.name}
            if record.name.split(".")[0] in SPEAKING and isinstance(record.msg, str):
                line["message"] = record.msg.strip()
            if record.exc_info and record.exc_info[1] is not None:
                line |= where(record.exc_info[1])
        return json.dumps(line, ensure_ascii=False, default=lambda value: type(value).__name__)


def configure_logging(level: str, file: Path | None, stream: TextIO | None = None, **always: object) -> None:
    """Sends every log of the process, as JSON lines from `level` on, to `file`, else to `stream` (standard error).
    `always`: what every line tells besides.

    Raises UnsafeSettings for a file that cannot be written.
    """
    handler: logging.Handler
    if file is None:
        handler = logging.StreamHandler(stream)
    else:
        try:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file.touch(mode=0o600)
            handler = WatchedFileHandler(file, encoding="utf-8")
        except OSError as error:
            raise UnsafeSettings(f"FACEWARDEN_LOG_FILE: {file} cannot be written: {error.strerror}") from None
    handler.setFormatter(JsonLines(**always))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # A failure while logging would be reported with the record's arguments.
    logging.raiseExceptions = False
    # They log every frame, statement or byte that does not fit, with its content.
    for noisy in ("asyncio", "python_multipart", "sqlalchemy"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.WARNING)  # tells every start what it did not have to do
    threading.excepthook = _thread_failed


def _thread_failed(failure: threading.ExceptHookArgs) -> None:
    if failure.exc_value is not None:
        log_failure(failure.exc_value, event="thread_failed")


def log(event: str, level: int = logging.INFO, **facts: object) -> None:
    """One line. `facts` that are None are left out; the caller vouches that none is personal."""
    told = {name: value for name, value in facts.items() if value is not None}
    logging.getLogger(LOGGER).log(level, event, extra={"facts": told})


def log_failure(error: BaseException, event: str = "failure", **facts: object) -> None:
    """One line for an error nobody expected: its type and place, never its message or values."""
    log(event, logging.ERROR, **facts, **where(error))


def where(error: BaseException) -> dict[str, object]:
    """`error`: the type; `causes`: the types behind it; `places`: our frames (file:line, the innermost last);
    `raised_at`: the innermost frame of all."""
    causes: list[BaseException] = []
    behind = error
    while (cause := behind.__cause__ or behind.__context__) is not None and cause not in causes and len(causes) < 8:
        causes.append(cause)
        behind = cause
    frames = list(_frames(error.__traceback__))
    places = [place for place in frames if place.split("/")[0] in ROOMS][-MAX_PLACES:]
    told: dict[str, object] = {"error": _name(error), "places": places}
    if causes:
        told["causes"] = [_name(each) for each in causes]
    if frames:
        told["raised_at"] = frames[-1]
    return told


def _name(error: BaseException) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}"


def _frames(traceback: TracebackType | None) -> list[str]:
    places = []
    while traceback is not None:
        path = Path(traceback.tb_frame.f_code.co_filename)
        # The path inside the package: where it is installed may name a user.
        shown = path.relative_to(ROOT) if path.is_relative_to(ROOT) else Path(*path.parts[-2:])
        places.append(f"{shown.as_posix()}:{traceback.tb_lineno}")
        traceback = traceback.tb_next
    return places


class RequestLog:
    """Gives every request an ID of its own (X-Request-Id; one that a client sends is not used) and logs its end."""

    def __init__(
        self,
        app: App,
        *,
        new_id: Callable[[], str] = lambda: secrets.token_hex(8),
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._app = app
        self._new_id = new_id
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        told, start, status = exchange(scope), self._clock(), None
        told.request_id = request_id = self._new_id()

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] in {"http.response.start", "websocket.accept"}:
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
            status = {"http.response.start": message.get("status"), "websocket.close": message.get("code")}.get(
                message["type"], status
            )
            await send(message)

        try:
            await self._app(scope, receive, watch)
        finally:
            self._write(scope, request_id, told.code, status, self._clock() - start)

    def _write(self, scope: Scope, request_id: str, code: str | None, status: int | None, seconds: float) -> None:
        method = scope.get("method", "")
        failed = (status is None or status >= 500) and code not in EXPECTED
        server_failed = scope["type"] == "http" and failed
        log(
            "request" if scope["type"] == "http" else "socket",
            logging.ERROR if server_failed else logging.INFO,
            request_id=request_id,
            method=method if method in METHODS else "other",
            route=getattr(scope.get("route"), "path", "unmatched"),
            status=status,
            code=code,
            duration_ms=round(seconds * 1000, 1),
        )
