"""`/v1/admin/people`: who is enrolled, for the admins of their tenant. No vector, score, label or reference is told."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from math import ceil
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from db.api_keys import Role
from db.records import Person
from service.bootstrap import Application, receipts
from service.doors import Caller, roles
from service.errors import NotConfirmed
from service.receipts import Receipt
from service.routes.bodies import PROBLEM, fields, plain_body
from service.routes.users import MAX_REFERENCE
from service.uploads import Form, InvalidField, boolean, identifiers, integer, read_fields, text
from service.workers import Workers
from service.workflows.oversee import Oversee, Overview, Which
from service.workflows.purge import Purge, Selection

MOST_PEOPLE: Final = 200
MOST_NAMED: Final = 1000
"""IDs in one request to erase, or in the answer to its preview."""
LONGEST_UNSEEN: Final = 99_999
"""Days."""
Admin = Annotated[Caller, roles(Role.ADMIN)]


class PersonSummary(BaseModel):
    """`attributes`: apparent ones, kept at enrolment. `readable`: everything sealed for them opens."""

    user_id: UUID
    enrolled_at: datetime
    last_login_at: datetime | None
    photos: int
    models: tuple[str, ...]
    attributes: Mapping[str, Any] | None
    flagged: bool
    flag_reason: str | None
    readable: bool


class PersonOverview(PersonSummary):
    """`passphrase`: None where that record does not open. `failures`: failed logins in a row that claimed them;
    `wait_seconds`: how long the next has to wait."""

    uses: tuple[str, ...]
    passphrase: bool | None
    failures: int
    wait_seconds: int


class PeoplePage(BaseModel):
    """`total`: of all pages."""

    total: int
    people: list[PersonSummary]


class PeopleErased(BaseModel):
    """`people`: how many are meant. `user_ids`: who (at most 1000 of them), `not_found`: IDs of nobody.

    `erased`: how many were, 0 for a preview. `pending`: their keys are destroyed, freed space is still to be cleared.
    `receipt`: signed; for at most 1000 people."""

    people: int
    user_ids: list[UUID]
    not_found: list[UUID]
    erased: int = 0
    pending: bool = False
    receipt: Receipt | None = None


def router(application: Application, workers: Workers) -> APIRouter:
    routes = APIRouter(prefix="/v1/admin/people", tags=["operation"])

    def oversee(caller: Caller) -> Oversee:
        service = application.of(caller.tenant)
        return Oversee(service.people, service.administer.lockout)

    @routes.get("", responses={"4XX": PROBLEM})
    async def listing(
        caller: Admin,
        offset: Annotated[int, Query(ge=0, le=2**31)] = 0,
        limit: Annotated[int, Query(ge=1, le=MOST_PEOPLE)] = 50,
        which: Which = Which.ALL,
    ) -> PeoplePage:
        """Who is enrolled, the last first; `unreadable` tries every record there is."""
        page = await workers.run(lambda: oversee(caller).page(which, offset, limit))
        return PeoplePage(total=page.total, people=[PersonSummary(**_summary(each)) for each in page.people])

    @routes.get("/{user_id}", responses={"4XX": PROBLEM})
    def one(user_id: UUID, caller: Admin) -> PersonOverview:
        """One person, also where their records do not open."""
        return _overview(oversee(caller).one(user_id))

    @routes.delete("/{user_id}/flag", responses={"4XX": PROBLEM})
    async def clear_flag(user_id: UUID, caller: Admin) -> PersonOverview:
        """They were looked at: what they were flagged for is found to be in order. It stands in the audit log."""
        await workers.run(lambda: application.of(caller.tenant).administer.clear_flag(user_id, caller.key))
        return _overview(oversee(caller).one(user_id))

    @routes.post(
        "/find",
        responses={"4XX": PROBLEM},
        openapi_extra=plain_body("reference", **fields(reference="The ID that they have in your own records.")),
    )
    async def find(request: Request, caller: Admin) -> PersonOverview:
        """Whose reference it is; in a body, since addresses stand in the logs of proxies."""
        reference = text(await read_fields(request), "reference", MAX_REFERENCE)
        if reference is None:
            raise InvalidField("reference")
        return _overview(await workers.run(lambda: oversee(caller).holder(reference)))

    @routes.post(
        "/erase",
        responses={"4XX": PROBLEM},
        openapi_extra=plain_body(
            **fields(
                user_id="Whom; up to 1000 times.",
                unseen_days="In their place: who neither logged in nor was enrolled for so many days.",
                preview="`true`: say who, and change nothing.",
                confirm="How many people it is, as the preview said; another number erases nobody.",
            )
        ),
    )
    async def erase(request: Request, caller: Admin) -> PeopleErased:
        """Erase people for good, keys first: those named, or who was not seen for long. Preview it first."""
        form = await read_fields(request)
        selection = _selection(form, application.storage.now())
        confirmed = None if boolean(form, "preview") else _confirmed(form)
        return await workers.run(lambda: _erase(application, caller, selection, confirmed))

    return routes


def _erase(application: Application, caller: Caller, selection: Selection, confirmed: int | None) -> PeopleErased:
    """`confirmed`: how many; None for a preview. Raises NotConfirmed."""
    purge = Purge(application.of(caller.tenant).people, caller.key)
    chosen = purge.chosen(selection)
    told = PeopleErased(
        people=len(chosen),
        user_ids=chosen[:MOST_NAMED],
        not_found=sorted(selection.users.difference(chosen)),
    )
    if confirmed is None:
        return told
    if confirmed != len(chosen):
        raise NotConfirmed(len(chosen))
    done = list(purge(selection, chosen))
    told.erased, told.pending = sum(each.erased for each in done), any(each.pending for each in done[-1:])
    if told.erased == len(chosen) and 0 < len(chosen) <= MOST_NAMED:
        told.receipt = receipts(application.storage.of(caller.tenant)).issue(chosen)
    return told


def _confirmed(form: Form) -> int:
    found = integer(form, "confirm", 0, 10**9)
    if found is None:
        raise InvalidField("confirm")
    return found


def _selection(form: Form, now: datetime) -> Selection:
    """Raises InvalidField where neither or both ways to choose are given: nothing must ever mean everybody."""
    users = identifiers(form, "user_id", MOST_NAMED)
    days = integer(form, "unseen_days", 1, LONGEST_UNSEEN)
    if bool(users) == (days is not None):
        raise InvalidField("user_id")
    return Selection(users) if days is None else Selection(unseen_since=now - timedelta(days=days))


def _summary(person: Person) -> dict[str, Any]:
    return {
        "user_id": person.user_id,
        "enrolled_at": person.created_at,
        "last_login_at": person.last_login_at,
        "photos": person.templates,
        "models": person.model_ids,
        "attributes": person.attributes,
        "flagged": person.flagged,
        "flag_reason": person.flag_reason,
        "readable": person.readable,
    }


def _overview(told: Overview) -> PersonOverview:
    return PersonOverview(
        **_summary(told.person),
        uses=tuple(sorted(told.uses)),
        passphrase=told.passphrase,
        failures=told.failures,
        wait_seconds=ceil(told.wait.total_seconds()),
    )
