"""`POST /v1/users`: enrolment."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel

from db.api_keys import Role
from embeddings.attributes import KINDS
from service import factor
from service.bootstrap import Application
from service.consent import USES
from service.doors import Caller, open_or
from service.errors import ApiKeyRequired, PassphraseOff
from service.routes.bodies import PROBLEM, fields, shown_body
from service.routes.challenged import read_shown, shown_challenge
from service.settings import Settings
from service.uploads import Form, InvalidField, boolean, captured_at, kinds, secret, text
from service.workers import Workers
from service.workflows.enrol import EnrolRequest

MAX_LABEL = 200
MAX_REFERENCE = 200


class User(BaseModel):
    """A new person. `captures`: independent moments among the photos.

    `recovery_code`: opens `/v1/recover` should the face be of no use one day; told this once."""

    user_id: UUID
    created_at: datetime
    photos: int
    captures: int
    attributes: dict[str, Any]
    recovery_code: str


def router(application: Application, workers: Workers) -> APIRouter:
    routes = APIRouter(tags=["people"])
    settings = application.settings

    @routes.post(
        "/v1/users",
        status_code=201,
        responses={"4XX": PROBLEM},
        openapi_extra=shown_body(
            **fields(
                consent="`true`: the person has agreed to the processing of their face.",
                label="A note kept sealed beside the template, at most 200 characters.",
                reference="Their ID in your own records, unique; with the API key of an enroller or admin only.",
                captured_at="Milliseconds since 1970, one for each picture.",
                attributes="What may be kept of age, gender, emotion, comma separated, or `none`.",
                uses="What they agreed to, of login, attributes, overlays, growth, comma separated.",
                consent_digest="`digest` of the text of `/v1/consent` that they were shown.",
                passphrase="A second factor, at least 8 characters, asked for at every login from then on.",  # noqa: S106
            ),
        ),
    )
    async def enrol(request: Request, caller: Annotated[Caller, open_or(Role.ENROLLER, Role.ADMIN)]) -> User:
        """Enrol one person from one or several pictures. The pictures are not kept."""
        workers.admit()
        form = await read_shown(request, settings)
        done = await workers.run(
            application.tenants.enrol,
            caller.tenant,
            EnrolRequest(
                images=form.images,
                consent=boolean(form, "consent"),
                label=text(form, "label", MAX_LABEL),
                taken_at=captured_at(form),
                attributes=kinds(form, "attributes", KINDS),
                uses=kinds(form, "uses", frozenset(USES)),
                consent_digest=text(form, "consent_digest", MAX_LABEL),
                passphrase=_passphrase(form, settings),
                reference=_reference(form, caller),
                client=caller.client,
                challenge=shown_challenge(form, caller),
            ),
        )
        return User(
            user_id=done.user_id,
            created_at=done.created_at,
            photos=done.photos,
            captures=done.captures,
            attributes=dict(done.attributes),
            recovery_code=done.recovery_code,
        )

    return routes


def _reference(form: Form, caller: Caller) -> str | None:
    """Raises ApiKeyRequired where enrolment is open and somebody without a key gives one."""
    given = text(form, "reference", MAX_REFERENCE)
    if given is not None and caller.role is None:
        raise ApiKeyRequired
    if given is not None and not given.isprintable():
        raise InvalidField("reference")
    return given


def _passphrase(form: Form, settings: Settings) -> str | None:
    """Raises PassphraseOff where one was given and none is used: nobody shall rely on what is not asked for."""
    given = secret(form, "passphrase", factor.LONGEST)
    if given is not None and settings.second_factor == "off":
        raise PassphraseOff
    return given
