"""Exceptions become problem bodies in one place, inside the middlewares that mark every answer."""

from db.errors import StorageError, StorageUnavailable
from service.asgi import App, Message, Receive, Scope, Send, exchange, refuse
from service.errors import describe
from service.logs import log_failure


class Problems:
    """Turns every exception that a route raises into its problem body; one without a row in the table becomes
    `internal` and is logged, as is what the storage refuses. The framework's own catch-all would answer outside of all
    middlewares, without their headers, and hand the exception on to the server's log."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = started or message["type"] in {"http.response.start", "websocket.accept"}
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception as error:
            known = describe(error)
            if known is None or started or isinstance(error, StorageError):
                reason = str(error) if isinstance(error, StorageUnavailable) else None  # fixed words
                log_failure(error, event="request_failed", reason=reason, request_id=exchange(scope).request_id)
            if started:
                raise  # half an answer is out: only breaking the connection tells the client
            code, members = known or ("internal", {})
            await refuse(scope, send, code, **members)
