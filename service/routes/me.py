"""`/v1/me`: what somebody who is logged in sees of their own record, and its erasure."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from service import factor
from service.access import bearer
from service.bootstrap import Application
from service.consent import USES
from service.receipts import Receipt
from service.routes.bodies import PROBLEM, fields, plain_body
from service.uploads import InvalidField, read_fields, secret
from service.workers import Workers
from service.workflows.me import Gone
from service.workflows.me import Me as Workflow


class Me(BaseModel):
    """Everything about a person except the vectors themselves."""

    user_id: UUID
    enrolled_at: datetime
    last_login_at: datetime | None
    photos: int
    models: tuple[str, ...]
    attributes: Mapping[str, Any] | None
    metadata: Mapping[str, Any] | None
    uses: tuple[str, ...]
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

    me = partial(_me, application)

    @routes.get("/v1/me", responses={"4XX": PROBLEM})
    def show(request: Request) -> Me:
        """What is kept about the bearer of the token."""
        shown = me(request).show(bearer(request))
        person = shown.person
        return Me(
            user_id=person.user_id,
            enrolled_at=person.created_at,
            last_login_at=person.last_login_at,
            photos=person.templates,
            models=person.model_ids,
            attributes=person.attributes,
            metadata=person.metadata,
            uses=tuple(sorted(shown.uses)),
            passphrase=shown.passphrase,
            acr=shown.acr,
        )

    @routes.get("/v1/me/export", responses={"4XX": PROBLEM})
    def export(request: Request) -> dict[str, Any]:
        """Everything that is held about the bearer: vectors, consents and their log, too."""
        return dict(me(request).export(bearer(request)))

    @routes.delete("/v1/me", responses={"202": {"model": Erased}, "4XX": PROBLEM})
    def erase(request: Request, response: Response) -> Erased:
        """Erase the bearer of the token for good. 202: the key is destroyed, freed space is still to be cleared."""
        return _erased(me(request).erase(bearer(request)), response)

    @routes.delete("/v1/me/consent/{use}", responses={"202": {"model": Erased}, "4XX": PROBLEM})
    def withdraw(use: str, request: Request, response: Response) -> Erased:
        """Take back the consent to a use, and erase what it allowed; for `login` that is everything."""
        if use not in USES:
            raise InvalidField("use")
        done = me(request).withdraw(bearer(request), use)
        return Erased(state="erased") if done is None else _erased(done, response)

    @routes.post(
        "/v1/me/passphrase",
        status_code=204,
        responses={"4XX": PROBLEM},
        openapi_extra=plain_body("passphrase", **fields(passphrase="At least 8 characters.")),  # noqa: S106
    )
    async def choose(request: Request) -> None:
        """Set or change the second factor, after a login of the last five minutes."""
        form = await read_fields(request)
        given = secret(form, "passphrase", factor.LONGEST)
        if given is None:
            raise InvalidField("passphrase")
        await workers.run(lambda: me(request).choose_passphrase(bearer(request), given))

    @routes.delete("/v1/me/passphrase", status_code=204, responses={"4XX": PROBLEM})
    def drop(request: Request) -> None:
        """Remove the second factor, after a login of the last five minutes."""
        me(request).choose_passphrase(bearer(request), None)

    @routes.post("/v1/me/recovery-code", responses={"4XX": PROBLEM})
    def renew(request: Request) -> RecoveryCode:
        """A new recovery code in the place of the one before, after a login of the last five minutes."""
        return RecoveryCode(recovery_code=me(request).renew_recovery_code(bearer(request)))

    return routes


def _me(application: Application, request: Request) -> Workflow:
    """Of the tenant that the token names."""
    return application.of(application.tokens.read(bearer(request)).tenant).me


def _erased(done: Gone, response: Response) -> Erased:
    response.status_code = 202 if done.pending else 200
    return Erased(state="pending" if done.pending else "erased", receipt=done.receipt)
