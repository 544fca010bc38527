"""A small web application that lets people sign in by OpenID Connect, with Authlib's client and no line that knows
whose provider it is.

A process of its own: `python -m tests.story.relying_app PORT ISSUER CLIENT_ID`, the secret in SECRET."""

import os
import secrets
import sys
from typing import Any

import uvicorn
from authlib.integrations.starlette_client import OAuth, OAuthError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

COOKIE = "relying"


class Sessions:
    """`request.session`, in memory."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._kept: dict[str, dict[str, Any]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            name = Request(scope).cookies.get(COOKIE, "")
            scope["session_name"] = name if name in self._kept else secrets.token_hex()
            scope["session"] = self._kept.setdefault(scope["session_name"], {})
        await self._app(scope, receive, send)


def application(here: str, issuer: str, client_id: str, secret: str) -> Starlette:
    client = OAuth().register(
        "provider",
        client_id=client_id,
        client_secret=secret,
        server_metadata_url=f"{issuer}/.well-known/openid-configuration",
        client_kwargs={"scope": "openid", "code_challenge_method": "S256"},
    )

    async def start(request: Request) -> Response:
        response: Response = await client.authorize_redirect(request, f"{here}/back", **request.query_params)
        response.set_cookie(COOKIE, request.scope["session_name"], httponly=True, samesite="lax")
        return response

    async def back(request: Request) -> Response:
        try:
            tokens = await client.authorize_access_token(request)
        except OAuthError as error:
            return JSONResponse({"error": error.error})
        info = await client.userinfo(token=tokens)
        told = {name: tokens[name] for name in ("id_token", "access_token")}
        return JSONResponse({"claims": tokens["userinfo"], "info": info, **told})

    async def nothing(_: Request) -> Response:
        return Response(status_code=204)

    places = {"/start": start, "/back": back, "/readyz": nothing, "/favicon.ico": nothing}
    app = Starlette(routes=[Route(path, answer) for path, answer in places.items()])
    app.add_middleware(Sessions)
    return app


if __name__ == "__main__":
    port, issuer, client_id = sys.argv[1:]
    app = application(f"http://127.0.0.1:{port}", issuer, client_id, os.environ["SECRET"])
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning")
