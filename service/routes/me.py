"""`/v1/me`: what somebody who is logged in sees of their own record, and its erasure."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from service import factor
from service.bootstrap import Application
from service.doors import Caller, Person
from service.receipts import Receipt
from service.routes.bodies import PROBLEM, fields, plain_body
from service.uploads import InvalidField, read_fields, secret
from service.workers import Workers
from service.workflows.me import Gone
from service.workflows.me import Me as Workflow


class Me(BaseModel):
    """Everything about a person except the vectors themselves. `consent_digest`: of the text they agreed to."""

    user_id: UUID
    enrolled_at: datetime
    last_login_at: datetime | None
    photos: int
    models: tuple[str, ...]
    attributes: Mapping[str, Any] | None
    metadata: Mapping[str, Any] | None
    uses: tuple[str, ...]
    consent_digest: str
    passphrase: bool
    acr: str


class RecoveryCode(BaseModel):
    """Told this once; the one before is worth nothing any more."""

    recovery_code: str


class Erased(BaseModel):
    """`pending`: the key is destroyed, freed space is still to be cleared.

    `receipt`: of the erasure of everything, signed; `facewarden receipts verify` checks it."""

    state: Literal["erased", "pending"]
    receipt: Receipt | None = None


def router(application: Application, workers: Workers) -> APIRouter:
    routes = APIRouter(tags=["people"])

    me = partial(record, application)

    @routes.get("/v1/me", responses={"4XX": PROBLEM})
    def show(caller: Person) -> Me:
        """What is kept about the bearer of the token."""
        shown = me(caller).show(caller.token)
        person = shown.person
        return Me(
            user_id=person.user_id,
            enrolled_at=person.created_at,
            last_login_at=person.last_login_at,
            photos=person.templates,
            models=person.model_ids,
            attributes=person.attributes,
            metadata=person.metadata,
            uses=tuple(sorted(shown.consent.uses)),
            consent_digest=shown.consent.digest,
            passphrase=shown.passphrase,
            acr=shown.acr,
        )

    @routes.get("/v1/me/export", responses={"4XX": PROBLEM})
    def export(caller: Person) -> dict[str, Any]:
        """Everything that is held about the bearer: vectors, consents and their log, too."""
        return dict(me(caller).export(caller.token))

    @routes.delete("/v1/me", responses={"202": {"model": Erased}, "4XX": PROBLEM})
    def erase(caller: Person, response: Response) -> Erased:
        """Erase the bearer of the token for good. 202: the key is destroyed, freed space is still to be cleared."""
        return erased(me(caller).erase(caller.token), response)

    @routes.post(
        "/v1/me/passphrase",
        status_code=204,
        responses={"4XX": PROBLEM},
        openapi_extra=plain_body("passphrase", **fields(passphrase="At least 8 characters.")),  # noqa: S106
    )
    async def choose(request: Request, caller: Person) -> None:
        """Set or change the second factor, after a login of the last five minutes."""
        form = await read_fields(request)
        given = secret(form, "passphrase", factor.LONGEST)
        if given is None:
            raise InvalidField("passphrase")
        await workers.run(lambda: me(caller).choose_passphrase(caller.token, given))

    @routes.delete("/v1/me/passphrase", status_code=204, responses={"4XX": PROBLEM})
    def drop(caller: Person) -> None:
        """Remove the second factor, after a login of the last five minutes."""
        me(caller).choose_passphrase(caller.token, None)

    @routes.post("/v1/me/recovery-code", responses={"4XX": PROBLEM})
    def renew(caller: Person) -> RecoveryCode:
        """A new recovery code in the place of the one before, after a login of the last five minutes."""
        return RecoveryCode(recovery_code=me(caller).renew_recovery_code(caller.token))

    return routes


def record(application: Application, caller: Caller) -> Workflow:
    """The caller's own, at the tenant that the token names."""
    return application.of(caller.tenant).me


def erased(done: Gone, response: Response) -> Erased:
    """The answer, and its status."""
    response.status_code = 202 if done.pending else 200
    return Erased(state="pending" if done.pending else "erased", receipt=done.receipt)
