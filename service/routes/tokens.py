"""Tokens for who did not issue them: public keys, introspection (RFC 7662), and giving one back."""

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response

from db.api_keys import Role
from service.bootstrap import Application
from service.doors import Caller, Person, anyone, roles
from service.routes.bodies import PROBLEM, fields
from service.routes.oauth_bodies import OAUTH_ERROR, form_body, refused
from service.token_keys import PUBLISHED_FOR
from service.uploads import read_pairs
from service.workers import Workers

Verifying = Annotated[Caller, roles(Role.VERIFIER, Role.ADMIN)]
CACHEABLE = f"public, max-age={int(PUBLISHED_FOR.total_seconds())}"


def router(application: Application, workers: Workers) -> APIRouter:
    routes = APIRouter(tags=["tokens"])

    @routes.get("/.well-known/jwks.json", dependencies=[anyone])
    def public_keys(response: Response) -> dict[str, Any]:
        """The public keys that tokens of every tenant are signed with (RFC 7517); keep them for five minutes."""
        response.headers["cache-control"] = CACHEABLE
        return application.signing.keys.public()

    @routes.post("/v1/logout", status_code=204, responses={"4XX": PROBLEM})
    def log_out(caller: Person) -> None:
        """Give the bearer's token back: it opens nothing any more."""
        application.sessions.log_out(caller.token)

    @routes.post(
        "/oauth/introspect",
        response_model=None,
        responses={"4XX": OAUTH_ERROR},
        openapi_extra=form_body("token", **fields(token="The token.", token_type_hint="Not looked at.")),  # noqa: S106
    )
    async def introspect(request: Request, caller: Verifying) -> dict[str, Any] | Response:
        """Whether a token of the key's tenant holds at this moment, and what it says."""
        sent = [value for name, value in await read_pairs(request) if name == "token"]
        if len(sent) != 1 or not sent[0]:
            return refused("invalid_request", "Send the field token once.")
        return dict(await workers.run(lambda: application.sessions.introspect(sent[0], caller.tenant)))

    return routes
