"""OpenID Connect as people meet it: the page where they sign in to another application by face."""

from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel

from service import factor
from service.bootstrap import Application
from service.doors import Caller, anyone
from service.oauth.levels import needs_life
from service.oauth.provider import Asked, SignedIn
from service.oauth.requests import Answer, Pairs
from service.pages import Pages
from service.routes.bodies import PROBLEM, fields, shown_body
from service.routes.challenged import read_shown, shown_challenge
from service.routes.oauth_bodies import OAUTH_ERROR
from service.uploads import MOST_FIELDS, captured_at, identifier, secret
from service.workers import Workers
from service.workflows.login import LoginRequest

HTML: dict[str, Any] = {"description": "A page.", "content": {"text/html": {"schema": {"type": "string"}}}}


class GoOn(BaseModel):
    """Where the browser goes on to: an address of the application that asked."""

    redirect: str


def router(application: Application, workers: Workers) -> APIRouter:
    routes = APIRouter(tags=["openid connect"])
    settings, provider = application.settings, application.provider
    pages = Pages.of()

    @routes.get(
        "/oauth/authorize", dependencies=[anyone], response_class=HTMLResponse, responses={"303": {}, "400": HTML}
    )
    def authorize(request: Request) -> Response:
        """The sign-in page, for an authorization request (OpenID Connect Core, section 3.1.2.1); PKCE is required."""
        asked = provider.ask(_query(request))
        if isinstance(asked, Asked):
            live = settings.login_is_live or needs_life(asked.acr_values)
            return HTMLResponse(pages.render("sign-in.html", client=asked.name, host=asked.host, live=live))
        if asked.location is not None:
            return Response(status_code=303, headers={"location": asked.location})
        return HTMLResponse(pages.render("sign-in-refused.html", reason=_reason(asked)), 400)

    @routes.post(
        "/oauth/sign-in",
        responses={"400": OAUTH_ERROR, "4XX": PROBLEM},
        response_model=GoOn,
        openapi_extra=shown_body(
            **fields(
                user_id="Who it claims to be; without it everybody enrolled is searched.",
                passphrase="The second factor of who has chosen one.",  # noqa: S106 - a description
                captured_at="Milliseconds since 1970, one for each picture.",
            ),
        ),
    )
    async def sign_in(request: Request, caller: Annotated[Caller, anyone]) -> GoOn | Response:
        """For the sign-in page, with the authorization request in the address: a login by face, as `/v1/login` has it,
        at the tenant of the application."""
        workers.admit()
        form = await read_shown(request, settings)
        login = LoginRequest(
            images=form.images,
            user_id=identifier(form, "user_id"),
            taken_at=captured_at(form),
            passphrase=secret(form, "passphrase", factor.LONGEST),
            client=caller.client,
            challenge=shown_challenge(form, caller),
        )

        def recognise(tenant: str) -> SignedIn:
            done = application.of(tenant).login(login)
            return SignedIn(done.user_id, done.acr)

        return _go_on(await workers.run(lambda: provider.sign_in(_query(request), recognise)))

    @routes.post("/oauth/decline", dependencies=[anyone], response_model=GoOn, responses={"400": OAUTH_ERROR})
    def decline(request: Request) -> GoOn | Response:
        """For the sign-in page: the person would rather not."""
        return _go_on(provider.decline(_query(request)))

    return routes


def _query(request: Request) -> Pairs:
    """The parameters in the address; too many, or not in UTF-8, are none."""
    try:
        return parse_qsl(request.url.query, keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError:
        return ()


def _go_on(answer: Answer) -> GoOn | Response:
    if answer.location is not None:
        return GoOn(redirect=answer.location)
    return JSONResponse(answer.body, answer.status, answer.headers)


def _reason(answer: Answer) -> str:
    told = answer.body if isinstance(answer.body, dict) else {}
    return str(told.get("error_description") or told.get("error") or "")
