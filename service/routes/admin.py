"""`/v1/admin`: for operators, with an API key of their role; each sees its own tenant."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel

from db.api_keys import Role
from service.bootstrap import Application
from service.doors import Caller, roles
from service.routes.bodies import PROBLEM, fields, plain_body
from service.settings import PREFIX, Settings
from service.shown import shown
from service.uploads import InvalidField, identifier, read_fields
from service.workers import Workers
from service.workflows import api_keys
from service.workflows.activity import Span, activity

Admin = Annotated[Caller, roles(Role.ADMIN)]
Reader = Annotated[Caller, roles(Role.ADMIN, Role.AUDITOR)]


class KeyInUse(BaseModel):
    """The key that the request shows. `prefix`: its beginning."""

    prefix: str
    role: Role
    tenant: str
    name: str
    expires_at: datetime | None


class Counted(BaseModel):
    """As in the audit log, within the step that begins `at`: `kind` is login, recovery, enrolled or erased. `outcome`:
    the true one; of people erased, by whom."""

    at: datetime
    kind: str
    mode: str | None
    outcome: str | None
    count: int


class Decisions(BaseModel):
    """`since`: when the first of `steps` begins, each of `step_seconds`."""

    since: datetime
    step_seconds: int
    steps: int
    counts: list[Counted]


class Stats(BaseModel):
    """`activity`: where a span was asked for."""

    people: int
    flagged: int
    failing: int
    stopped: int
    audit_entries: int
    activity: Decisions | None = None


class Setting(BaseModel):
    """`value`: of a secret only whether it is set. `source`: default or environment."""

    name: str
    value: str | int | float | bool | list[str] | None
    source: str
    meaning: str


class SettingsShown(BaseModel):
    settings: list[Setting]


class Unlocked(BaseModel):
    """Whether there were failures to forgive."""

    had_failures: bool


def router(application: Application, workers: Workers) -> APIRouter:
    routes = APIRouter(prefix="/v1/admin", tags=["operation"])
    settings = application.settings

    @routes.get("/key", responses={"4XX": PROBLEM})
    def key(caller: Reader) -> KeyInUse:
        """What may be told of the key that was shown."""
        own = next(
            each for each in api_keys.listing(application.storage.of(caller.tenant)) if each.prefix == caller.key
        )
        return KeyInUse(prefix=own.prefix, role=own.role, tenant=own.tenant, name=own.name, expires_at=own.expires_at)

    @routes.get("/stats", responses={"4XX": PROBLEM})
    def stats(caller: Reader, span: Span | None = None) -> Stats:
        """How many people, look-alikes, locked claims and log entries there are; with `span` also what happened over a
        day, a week or a month."""
        figures = application.of(caller.tenant).administer.stats()
        return Stats(**figures, activity=None if span is None else _decisions(application, caller.tenant, span))

    @routes.get("/settings", dependencies=[roles(Role.ADMIN, everywhere=True)], responses={"4XX": PROBLEM})
    def show() -> SettingsShown:
        """The settings in force, for the tenant `default` alone; of secrets only whether they are set."""
        return SettingsShown(
            settings=[
                Setting(
                    name=PREFIX + name.upper(),
                    value=_listed(each.value),
                    source=each.source,
                    meaning=Settings.model_fields[name].description or "",
                )
                for name, each in shown(settings).items()
            ]
        )

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


def _decisions(application: Application, tenant: str, span: Span) -> Decisions:
    found = activity(application.storage.of(tenant), span)
    return Decisions(
        since=found.since,
        step_seconds=int(found.step.total_seconds()),
        steps=found.steps,
        counts=[
            Counted(at=each.at, kind=each.kind, mode=each.mode, outcome=each.outcome, count=each.count)
            for each in found.counts
        ],
    )


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
