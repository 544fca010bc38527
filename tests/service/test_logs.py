"""Log lines of an application that does everything to leak marked values into them."""

import io
import json
import logging
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from service.access import SecurityHeaders
from service.asgi import problem_answer
from service.errors import Busy, NotRecognised
from service.logs import LOGGER, RequestLog, configure_logging, log, log_failure, where
from service.problems import Problems
from tests.service.asgi_client import call, connect

MARK = "m4rk3d"
FIELDS: dict[str, str] = {}


class MarkedError(Exception):
    pass


def application() -> FastAPI:
    app = FastAPI()

    @app.get("/v1/users/{user_id}")
    def fine(user_id: str) -> str:
        return user_id

    @app.get("/v1/raises/{label}")
    def raises(label: str) -> str:
        try:
            return FIELDS[label]
        except KeyError as cause:
            raise MarkedError(f"cannot seal {label} {MARK}") from cause

    @app.get("/v1/refuses/{label}")
    def refuses(label: str) -> str:
        raise NotRecognised(label)

    @app.get("/v1/busy")
    def busy() -> str:
        raise Busy(3)

    async def framework(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        status, headers, body = problem_answer(request.scope, "not_found")
        return Response(body, status, headers)

    app.add_exception_handler(404, framework)
    app.add_middleware(Problems)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(RequestLog)
    return app


@pytest.fixture
def output() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level, hook = root.handlers[:], root.level, threading.excepthook
    stream = io.StringIO()
    configure_logging("info", None, stream)
    yield stream
    root.handlers, threading.excepthook = handlers, hook
    root.setLevel(level)
    logging.raiseExceptions = True


def lines(output: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.getvalue().splitlines()]


HEADERS = [
    ("Host", "localhost"),
    ("User-Agent", MARK),
    ("Authorization", f"Bearer {MARK}"),
    ("X-Request-Id", MARK),
    ("X-Forwarded-For", "198.51.100.9"),
    ("Referer", f"http://{MARK}/"),
]


def test_a_request_is_one_line_of_known_members(output: io.StringIO) -> None:
    answer = call(application(), "GET", f"/v1/users/{MARK}", HEADERS)
    assert MARK in answer.body.decode()
    (line,) = lines(output)
    assert set(line) == {"time", "level", "event", "request_id", "method", "route", "status", "duration_ms"}
    assert line["route"] == "/v1/users/{user_id}"
    assert (line["event"], line["method"], line["status"], line["level"]) == ("request", "GET", 200, "info")
    assert answer.headers["x-request-id"] == line["request_id"] != MARK
    assert line["duration_ms"] >= 0


def test_ids_differ() -> None:
    app = application()
    assert len({call(app, headers=HEADERS).headers["x-request-id"] for _ in range(20)}) == 20


@pytest.mark.parametrize(
    ("path", "status", "code", "route"),
    [
        (f"/v1/raises/{MARK}", 500, "internal", "/v1/raises/{label}"),
        (f"/v1/refuses/{MARK}", 401, "not_recognised", "/v1/refuses/{label}"),
        (f"/{MARK}", 404, "not_found", "unmatched"),
        ("/v1/busy", 503, "busy", "/v1/busy"),
    ],
)
def test_errors_are_told_by_code_and_nothing_else(
    output: io.StringIO, path: str, status: int, code: str, route: str
) -> None:
    answer = call(application(), "GET", path, HEADERS)
    line = lines(output)[-1]
    assert answer.status == line["status"] == status
    assert answer.code == line["code"] == code
    assert line["route"] == route
    assert json.loads(answer.body)["request_id"] == line["request_id"] == answer.headers["x-request-id"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert MARK not in output.getvalue() + answer.body.decode()
    assert "192.0.2.7" not in output.getvalue()
    assert "198.51.100.9" not in output.getvalue()


def test_an_unexpected_error_is_told_by_type_and_place(output: io.StringIO) -> None:
    call(application(), "GET", f"/v1/raises/{MARK}", HEADERS)
    failure, request = lines(output)
    assert failure["event"] == "request_failed"
    assert failure["level"] == request["level"] == "error"
    assert failure["error"].endswith("MarkedError")
    assert failure["causes"] == ["builtins.KeyError"]
    assert any(place.startswith("service/problems.py:") for place in failure["places"])
    assert "test_logs.py:" in failure["raised_at"]
    assert failure["request_id"] == request["request_id"]


def test_an_odd_method_or_a_socket_tells_nothing_either(output: io.StringIO) -> None:
    app = application()
    call(app, MARK.upper(), "/", HEADERS)
    connect(app, f"/{MARK}", HEADERS)
    request, socket = lines(output)
    assert request["method"] == "other"
    assert socket["event"] == "socket"
    assert MARK not in output.getvalue().lower()


def test_a_client_that_leaves_before_the_answer_has_no_status(output: io.StringIO) -> None:
    async def silent(*_: object) -> None:
        return

    with pytest.raises(IndexError):
        call(RequestLog(silent), headers=HEADERS)
    assert "status" not in lines(output)[0]


def test_libraries_are_quoted_without_arguments_or_not_at_all(output: io.StringIO) -> None:
    logging.getLogger("uvicorn.error").info("Started server process [%d]", 4242)
    logging.getLogger("sqlalchemy.engine.Engine").error("INSERT %s", MARK)
    logging.getLogger("python_multipart.multipart").warning(MARK)
    logging.getLogger("somebody").warning(MARK, extra={"facts": {"value": MARK}})
    error = MarkedError(MARK)
    logging.getLogger("uvicorn.error").error("Exception in ASGI application\n", exc_info=error)
    first, second, third, fourth = lines(output)
    assert first["message"] == "Started server process [%d]"
    assert set(second) == set(third) == {"time", "level", "event", "logger"}
    assert fourth["error"].endswith("MarkedError")
    assert "4242" not in output.getvalue()
    assert MARK not in output.getvalue()


def test_threads_and_failing_log_calls_do_not_print_values(
    output: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise MarkedError(MARK)

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    log("odd", value=MarkedError(MARK))
    logging.getLogger(LOGGER).handle(logging.LogRecord("uvicorn", 30, "f", 1, "%d", (MARK,), None))
    assert [line["event"] for line in lines(output)] == ["thread_failed", "odd", "library"]
    assert MARK not in output.getvalue() + "".join(capsys.readouterr())


def test_the_level_is_respected(output: io.StringIO) -> None:
    configure_logging("error", None, output)
    call(application(), headers=HEADERS)
    call(application(), "GET", "/v1/raises/x", HEADERS)
    assert {line["level"] for line in lines(output)} == {"error"}


def test_a_log_file_is_its_owners_alone(tmp_path: Path, output: io.StringIO) -> None:
    file = tmp_path / "logs" / "service.log"
    configure_logging("info", file)
    log("started")
    for handler in logging.getLogger().handlers:
        handler.close()
    assert json.loads(file.read_text(encoding="utf-8"))["event"] == "started"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert output.getvalue() == ""


def test_an_error_that_was_never_raised_has_no_place(output: io.StringIO) -> None:
    log_failure(MarkedError(MARK), event="sweep_failed")
    (line,) = lines(output)
    assert line["places"] == []
    assert "raised_at" not in line
    circle = MarkedError(MARK)
    circle.__context__ = ValueError(MARK)
    circle.__context__.__context__ = circle
    assert len(str(where(circle))) < 500
