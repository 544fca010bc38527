"""`POST /v1/recover`: into one's own record without a face."""

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel

from service.access import client_of, tenant_of
from service.bootstrap import Application
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
    async def recover(request: Request) -> Session:
        """A token for who has the recovery code; it is used up. Failures count like those of a login."""
        keys = application.settings.tenant_keys
        tenant, client = tenant_of(request, keys), client_of(request, keys)
        form = await read_fields(request)
        user_id, code = identifier(form, "user_id"), secret(form, "recovery_code", LONGEST_CODE)
        if user_id is None:
            raise InvalidField("user_id")
        if code is None:
            raise InvalidField("recovery_code")
        done = await workers.run(lambda: application.of(tenant).recover(user_id, code, client))
        return Session(token=done.issued.token, expires_in=done.issued.expires_in, recovery_code=done.recovery_code)

    return routes
