"""OpenID Connect as applications call it: what there is, codes for tokens, whose token it is."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from service.access import shown_bearer
from service.bootstrap import Application
from service.doors import anyone
from service.errors import TokenInvalid
from service.oauth.metadata import metadata
from service.routes.bodies import fields
from service.routes.oauth_bodies import OAUTH_ERROR, form_body, refused
from service.routes.tokens import CACHEABLE
from service.uploads import UploadRefused, read_pairs
from service.workers import Workers


class UserInfo(BaseModel):
    """Who the person is to one application; not their `user_id`."""

    sub: str


def router(application: Application, workers: Workers) -> APIRouter:
    routes = APIRouter(tags=["openid connect"])
    settings, provider = application.settings, application.provider

    @routes.get("/.well-known/openid-configuration", dependencies=[anyone])
    def discovery(response: Response) -> dict[str, Any]:
        """What this provider can do, for client libraries."""
        response.headers["cache-control"] = CACHEABLE
        return metadata(settings.issuer)

    @routes.get("/oauth/jwks", dependencies=[anyone])
    def public_keys(response: Response) -> dict[str, Any]:
        """The public keys of `/.well-known/jwks.json`."""
        response.headers["cache-control"] = CACHEABLE
        return application.signing.keys.public()

    @routes.post(
        "/oauth/token",
        dependencies=[anyone],
        response_model=None,
        responses={"400": OAUTH_ERROR, "401": OAUTH_ERROR},
        openapi_extra=form_body(
            "grant_type",
            "code",
            "redirect_uri",
            "code_verifier",
            **fields(
                grant_type="authorization_code",
                code="As it came back.",
                redirect_uri="The one of the request.",
                code_verifier="RFC 7636.",
                client_id="Where it is not in Authorization: Basic.",
                client_secret="Likewise, of who has one.",  # noqa: S106 - a description
            ),
        ),
    )
    async def token(request: Request) -> Response:
        """A code for an access token and an ID token."""
        try:
            pairs = await read_pairs(request)
        except UploadRefused:
            return refused("invalid_request", "The body is not application/x-www-form-urlencoded, or too large.")
        sent = request.headers.getlist("authorization")
        if len(sent) > 1:
            return refused("invalid_request", "Authorization is given twice.")
        answer = await workers.run(lambda: provider.exchange(pairs, sent[0] if sent else None))
        return JSONResponse(answer.body, answer.status, answer.headers)

    @routes.get("/oauth/userinfo", dependencies=[anyone], response_model=UserInfo, responses={"401": OAUTH_ERROR})
    def user_info(request: Request) -> UserInfo | Response:
        """Who the access token was given for."""
        try:
            return UserInfo(**provider.user_info(shown_bearer(request) or ""))
        except TokenInvalid:
            return refused("invalid_token", "The access token is missing, or does not hold.", status=401)

    @routes.post("/oauth/userinfo", dependencies=[anyone], response_model=UserInfo, responses={"401": OAUTH_ERROR})
    def user_info_too(request: Request) -> UserInfo | Response:
        """The same, as OpenID Connect has it."""
        return user_info(request)

    return routes
