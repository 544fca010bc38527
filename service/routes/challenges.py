"""`/v1/challenges`: liveness is asked for here, and answered over a WebSocket or, where allowed, in one post."""

import asyncio
from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel

from db.api_keys import Role
from service.bootstrap import Application
from service.doors import Caller, anyone_or
from service.forms import InvalidField, choice, single
from service.liveness.told import Told
from service.routes.bodies import PROBLEM, fields, image_body, plain_body
from service.routes.challenged import challenger
from service.uploads import captured_at, read_fields, read_form
from service.workers import Workers
from service.workflows.challenges import Purpose, Shown

MOST_POSTED: Final = 400
"""Frames of one post: 40 s at ten a second."""


class Opened(BaseModel):
    """A challenge. `nonce`: to be kept secret and shown with every use; `steps`: how many, or which, where they were
    asked for at once; `light`: after them the screen shows colours (docs/liveness.md)."""

    challenge_id: UUID
    nonce: str
    purpose: Literal["login", "enrolment"]
    expires_at: datetime
    count: int
    steps: list[str] | None = None
    light: bool | None = None


class Ended(BaseModel):
    """`code`: why it was not passed; see docs/liveness.md."""

    phase: Literal["passed", "failed"]
    code: str | None = None


def router(application: Application, workers: Workers) -> APIRouter:
    routes = APIRouter(tags=["login"])

    @routes.post(
        "/v1/challenges",
        status_code=201,
        responses={"4XX": PROBLEM},
        response_model_exclude_none=True,
        openapi_extra=plain_body(
            "purpose",
            **fields(purpose="`login` or `enrolment`.", told="`at_once`: every step now, where the settings allow it."),
        ),
    )
    async def open_challenge(request: Request, caller: Annotated[Caller, anyone_or(Role.VERIFIER)]) -> Opened:
        """Ask for a challenge of liveness. It is answered within 60 seconds, over WS /v1/challenges/{challenge_id}."""
        form = await read_fields(request)
        purpose, told = choice(form, "purpose", Purpose), single(form, "told")
        if purpose is None:
            raise InvalidField("purpose")
        if told not in {None, "", "at_once"}:
            raise InvalidField("told")
        its = await asyncio.to_thread(application.of, caller.tenant)
        done = await workers.run(its.challenges.open, purpose, challenger(caller), at_once=told == "at_once")
        return Opened(
            challenge_id=done.challenge_id,
            nonce=done.nonce,
            purpose=purpose.value,
            expires_at=done.expires_at,
            count=done.count,
            steps=[step.value for step in done.at_once] or None,
            light=done.light or None,
        )

    _answered_at_once(routes, application, workers)
    return routes


def _answered_at_once(routes: APIRouter, application: Application, workers: Workers) -> None:
    settings = application.settings

    @routes.post(
        "/v1/challenges/{challenge_id}",
        responses={"4XX": PROBLEM},
        response_model_exclude_none=True,
        openapi_extra=image_body(
            several=True, **fields(nonce="Of the challenge.", captured_at="Milliseconds, one for each frame.")
        ),
    )
    async def answer_at_once(
        challenge_id: UUID, request: Request, caller: Annotated[Caller, anyone_or(Role.VERIFIER)]
    ) -> Ended:
        """Answer a challenge that was asked for with `told=at_once`: every frame, rests included, in one post."""
        workers.admit()
        form = await read_form(request, settings.max_request_bytes, MOST_POSTED)
        times, nonce = captured_at(form), single(form, "nonce")
        if times is None or None in times:
            raise InvalidField("captured_at")
        shown = Shown(challenge_id, nonce or "", challenger(caller))

        def judge() -> Told:
            its = application.of(caller.tenant).challenges
            answer = its.begin(shown, Purpose.LOGIN, at_once=True)
            try:
                for image, at in zip(form.images, times, strict=True):
                    if answer.feed(image, at or 0.0, at or 0.0).finished:
                        break
            finally:
                told = answer.close()
            return told

        told = await workers.run(judge)
        return Ended(phase="passed" if told.code is None else "failed", code=told.code)
