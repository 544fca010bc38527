"""Tokens for who did not issue them: public keys, introspection (RFC 7662), and giving one back."""

from typing import Any

from fastapi import APIRouter, Request, Response

from service.access import bearer, require_api_key
from service.bootstrap import Application
from service.errors import ApiKeyRequired
from service.routes.bodies import PROBLEM, fields
from service.routes.oauth_bodies import OAUTH_ERROR, form_body, refused
from service.token_keys import PUBLISHED_FOR
from service.uploads import read_pairs
from service.workers import Workers

CACHEABLE = f"public, max-age={int(PUBLISHED_FOR.total_seconds())}"


def router(application: Application, workers: Workers) -> APIRouter:
    routes = APIRouter(tags=["tokens"])
    keys = application.settings.tenant_keys

    @routes.get("/.well-known/jwks.json")
    def public_keys(response: Response) -> dict[str, Any]:
        """The public keys that tokens of every tenant are signed with (RFC 7517); keep them for five minutes."""
        response.headers["cache-control"] = CACHEABLE
        return application.signing.keys.public()

    @routes.post("/v1/logout", status_code=204, responses={"4XX": PROBLEM})
    def log_out(request: Request) -> None:
        """Give the bearer's token back: it opens nothing any more."""
        application.sessions.log_out(bearer(request))

    @routes.post(
        "/oauth/introspect",
        response_model=None,
        responses={"4XX": OAUTH_ERROR},
        openapi_extra=form_body("token", **fields(token="The token.", token_type_hint="Not looked at.")),  # noqa: S106
    )
    async def introspect(request: Request) -> dict[str, Any] | Response:
        """Whether a token holds at this moment, and what it says; for applications, with the API key."""
        try:
            tenant = require_api_key(request, keys)
        except ApiKeyRequired:
            return refused("invalid_client", "An API key is needed here.", status=401)
        sent = [value for name, value in await read_pairs(request) if name == "token"]
        if len(sent) != 1 or not sent[0]:
            return refused("invalid_request", "Send the field token once.")
        return dict(await workers.run(lambda: application.sessions.introspect(sent[0], tenant)))

    return routes
