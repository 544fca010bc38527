"""`POST /v1/login`: face login."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel

from db.api_keys import Role
from service import factor
from service.bootstrap import Application
from service.doors import Caller, anyone_or
from service.routes.bodies import PROBLEM, fields, shown_body
from service.routes.challenged import read_shown, shown_challenge
from service.uploads import captured_at, identifier, secret
from service.workers import Workers
from service.workflows.login import LoginRequest


class Assurance(BaseModel):
    """How sure: `acr` is the kind of evidence, `fmr` the false match rate of the comparison that accepted."""

    acr: str
    fmr: float


class Session(BaseModel):
    """Who it is. `last_login_at` is the login before this one; `attributes` are those kept at enrolment, `emotion` is
    that of these frames and kept nowhere."""

    user_id: UUID
    enrolled_at: datetime
    last_login_at: datetime | None
    mode: Literal["1:1", "1:N"]
    assurance: Assurance
    attributes: dict[str, Any]
    emotion: dict[str, Any] | None
    token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - a kind of token
    expires_in: int


def router(application: Application, workers: Workers) -> APIRouter:
    routes = APIRouter(tags=["login"])
    settings = application.settings

    @routes.post(
        "/v1/login",
        responses={"4XX": PROBLEM},
        openapi_extra=shown_body(
            **fields(
                user_id="Who it claims to be; without it everybody enrolled is searched.",
                passphrase="The second factor of who has chosen one.",  # noqa: S106 - a description
                captured_at="Milliseconds since 1970, one for each picture.",
            ),
        ),
    )
    async def login(request: Request, caller: Annotated[Caller, anyone_or(Role.VERIFIER)]) -> Session:
        """Log in by face: 1:1 with `user_id`, else 1:N. A refusal says `not_recognised` and nothing more.

        After failures in a row: `locked` with Retry-After, later `stopped`."""
        workers.admit()
        form = await read_shown(request, settings)
        asked = LoginRequest(
            images=form.images,
            user_id=identifier(form, "user_id"),
            taken_at=captured_at(form),
            passphrase=secret(form, "passphrase", factor.LONGEST),
            client=caller.client,
            challenge=shown_challenge(form, caller),
        )
        done = await workers.run(lambda: application.of(caller.tenant).login(asked))
        return Session(
            user_id=done.user_id,
            enrolled_at=done.enrolled_at,
            last_login_at=done.last_login_at,
            mode="1:N" if done.mode == "1:N" else "1:1",
            assurance=Assurance(acr=done.acr, fmr=done.fmr),
            attributes=dict(done.attributes),
            emotion=dict(done.emotion) if done.emotion is not None else None,
            token=done.issued.token,
            expires_in=done.issued.expires_in,
        )

    return routes
