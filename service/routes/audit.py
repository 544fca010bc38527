"""`/v1/admin/audit`: the log of what was done, for those who look."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel

from db.api_keys import Role
from db.audit_chain import Break, Entry
from service.bootstrap import Application
from service.doors import Caller, roles
from service.routes.bodies import PROBLEM
from service.workers import OneAtATime, Workers

MOST_ENTRIES = 1000
MOST_FINDINGS = 100
LONGEST_KIND = 40
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


class Finding(BaseModel):
    """`number`: the first entry that does not fit, or the last that is there where the end was cut off."""

    fault: Break
    number: int


class State(BaseModel):
    """`entries`: of the whole installation. `findings`: what is wrong, at most 100; nothing where `whole`."""

    entries: int
    whole: bool
    findings: list[Finding]
    checked_at: datetime


def router(application: Application, workers: Workers) -> APIRouter:
    routes = APIRouter(prefix="/v1/admin/audit", tags=["operation"])
    alone = OneAtATime()

    @routes.get("", responses={"4XX": PROBLEM})
    def audit(
        caller: Reader,
        after: Annotated[int, Query(ge=0)] = 0,
        before: Annotated[int | None, Query(ge=0)] = None,
        limit: Annotated[int, Query(ge=1, le=MOST_ENTRIES)] = 100,
        kind: Annotated[str | None, Query(max_length=LONGEST_KIND)] = None,
        user_id: UUID | None = None,
        *,
        newest: bool = False,
    ) -> Log:
        """Entries of the audit log behind a number, in their order; `newest`: the last ones, or those before a number,
        the newest first."""
        administer = application.of(caller.tenant).administer
        if newest:
            return Log(entries=[_entry(each) for each in administer.newest(before, limit, kind, user_id)])
        return Log(entries=[_entry(each) for each in administer.log(after, limit, user_id, kind, before)])

    @routes.get("/state", responses={"4XX": PROBLEM})
    async def state(_: Annotated[Caller, roles(Role.ADMIN, Role.AUDITOR, everywhere=True)]) -> State:
        """Whether the log is whole: its chain is checked from the first entry, a minute for a million of them, and
        once at a time. It is the whole installation's."""
        storage = application.storage
        entries, found = await workers.run(lambda: alone(storage.audit.verify))
        told = [Finding(fault=each.fault, number=each.number) for each in found[:MOST_FINDINGS]]
        return State(entries=entries, whole=not found, findings=told, checked_at=storage.now())

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
