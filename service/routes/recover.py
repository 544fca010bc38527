"""`POST /v1/recover`: into one's own record without a face."""

from typing import Annotated, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel

from db.api_keys import Role
from service.bootstrap import Application
from service.doors import Caller, anyone_or
from service.routes.bodies import PROBLEM, fields, plain_body
from service.uploads import InvalidField, identifier, read_fields, secret
from service.workers import Workers

LONGEST_CODE = 100


class Session(BaseModel):
    """A token, and the code for the next time."""

    token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - a kind of token
    expires_in: int
    recovery_code: str


def router(application: Application, workers: Workers) -> APIRouter:
    routes = APIRouter(tags=["login"])

    @routes.post(
        "/v1/recover",
        responses={"4XX": PROBLEM},
        openapi_extra=plain_body(
            "user_id", "recovery_code", **fields(user_id="Whose.", recovery_code="As told at enrolment.")
        ),
    )
    async def recover(request: Request, caller: Annotated[Caller, anyone_or(Role.VERIFIER)]) -> Session:
        """A token for who has the recovery code; it is used up. Failures count like those of a login."""
        form = await read_fields(request)
        user_id, code = identifier(form, "user_id"), secret(form, "recovery_code", LONGEST_CODE)
        if user_id is None:
            raise InvalidField("user_id")
        if code is None:
            raise InvalidField("recovery_code")
        done = await workers.run(lambda: application.of(caller.tenant).recover(user_id, code, caller.client))
        return Session(token=done.issued.token, expires_in=done.issued.expires_in, recovery_code=done.recovery_code)

    return routes
