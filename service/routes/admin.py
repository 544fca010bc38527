"""`/v1/admin`: for operators, with an API key of their role; each sees its own tenant."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from db.api_keys import Role
from db.audit_chain import Entry
from service.bootstrap import Application
from service.doors import Caller, roles
from service.routes.bodies import PROBLEM, fields, plain_body
from service.shown import shown
from service.uploads import InvalidField, identifier, read_fields
from service.workers import Workers

MOST_ENTRIES = 1000
Admin = Annotated[Caller, roles(Role.ADMIN)]
Reader = Annotated[Caller, roles(Role.ADMIN, Role.AUDITOR)]


class AuditEntry(BaseModel):
    """`person`: a pseudonym. `code`: hexadecimal; with the one before it makes the chain."""

    number: int
    at: datetime
    kind: str
    person: str | None
    details: dict[str, Any]
    code: str


class Log(BaseModel):
    entries: list[AuditEntry]


class Unlocked(BaseModel):
    """Whether there were failures to forgive."""

    had_failures: bool


def router(application: Application, workers: Workers) -> APIRouter:
    routes = APIRouter(prefix="/v1/admin", tags=["operation"])
    settings = application.settings

    @routes.get("/stats", responses={"4XX": PROBLEM})
    def stats(caller: Reader) -> dict[str, int]:
        """How many people, look-alikes, locked claims and log entries there are."""
        return dict(application.of(caller.tenant).administer.stats())

    @routes.get("/audit", responses={"4XX": PROBLEM})
    def audit(
        caller: Reader,
        after: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=MOST_ENTRIES)] = 100,
        user_id: UUID | None = None,
    ) -> Log:
        """Entries of the audit log behind a number, in their order."""
        administer = application.of(caller.tenant).administer
        return Log(entries=[_entry(each) for each in administer.log(after, limit, user_id)])

    @routes.get("/settings", dependencies=[roles(Role.ADMIN, everywhere=True)], responses={"4XX": PROBLEM})
    def show() -> dict[str, Any]:
        """The settings in force, for the tenant `default` alone; of secrets only whether they are set."""
        return {name: each.value for name, each in shown(settings).items()}

    @routes.post("/unlock", responses={"4XX": PROBLEM}, openapi_extra=plain_body("user_id", **fields(user_id="Whom.")))
    async def unlock(request: Request, caller: Admin) -> Unlocked:
        """Forgive the failed logins of a claim."""
        user_id = identifier(await read_fields(request), "user_id")
        if user_id is None:
            raise InvalidField("user_id")
        return Unlocked(
            had_failures=await workers.run(lambda: application.of(caller.tenant).administer.unlock(user_id))
        )

    return routes


def _entry(entry: Entry) -> AuditEntry:
    return AuditEntry(
        number=entry.number,
        at=entry.at,
        kind=entry.kind,
        person=entry.person,
        details=dict(entry.details),
        code=entry.code.hex(),
    )
