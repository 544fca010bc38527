"""The ASGI protocol's types, and answers that do not come from a route."""

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Final

from service.errors import TABLE, problem

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

EXCHANGE: Final = "facewarden.exchange"
OAUTH: Final = "/oauth/"
OAUTH_ERRORS: Final = {
    "api_key_required": "invalid_client",
    "role_required": "invalid_client",
    "token_invalid": "invalid_token",
    "busy": "temporarily_unavailable",
}
POLICY_VIOLATION: Final = 1008
"""WebSocket close code (RFC 6455, section 7.4.1); before the handshake servers answer 403 instead."""


@dataclass(slots=True)
class Exchange:
    """What the log line of one request is told on the way: its ID and the code of the error it was answered with."""

    request_id: str | None = None
    code: str | None = None


def exchange(scope: Scope) -> Exchange:
    """The exchange that `scope` belongs to; made when there is none yet."""
    found = scope.setdefault(EXCHANGE, Exchange())
    assert isinstance(found, Exchange)  # noqa: S101 - for the type checker; only this module sets it
    return found


def problem_answer(scope: Scope, code: str, **members: object) -> tuple[int, dict[str, str], bytes]:
    """Like `service.errors.problem`, with the request's ID in the body and the code noted for the log."""
    told = exchange(scope)
    told.code = code
    if scope["path"].startswith(OAUTH):
        members |= _for_oauth(code)
    return problem(code, request_id=told.request_id, **members)


def _for_oauth(code: str) -> dict[str, object]:
    """What clients look for there (RFC 6749, section 5.2)."""
    row = TABLE[code]
    error = OAUTH_ERRORS.get(code, "server_error" if row.status >= 500 else "invalid_request")
    return {"error": error, "error_description": row.title}


async def refuse(scope: Scope, send: Send, code: str, **members: object) -> None:
    """Answers with a problem body; closes a WebSocket that was not accepted yet."""
    status, headers, body = problem_answer(scope, code, **members)
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": code})
        return
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    raw.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
