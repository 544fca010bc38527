"""`/v1/admin/api-keys`: keys of the admin's own tenant."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel

from db.api_keys import ApiKey, Role
from service.bootstrap import Application
from service.doors import Caller, roles
from service.routes.bodies import PROBLEM, fields, plain_body
from service.uploads import InvalidField, choice, integer, read_fields, text
from service.workers import Workers
from service.workflows import api_keys

Admin = Annotated[Caller, roles(Role.ADMIN)]


class Key(BaseModel):
    """`prefix`: its beginning, to tell it from others. `last_used_at`: to the minute."""

    prefix: str
    role: Role
    name: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class NewKey(Key):
    """`key`: in clear, told this once."""

    key: str


class Keys(BaseModel):
    keys: list[Key]


def router(application: Application, workers: Workers) -> APIRouter:
    routes = APIRouter(prefix="/v1/admin/api-keys", tags=["operation"])
    storage = application.storage

    @routes.get("", responses={"4XX": PROBLEM})
    def listing(caller: Admin) -> Keys:
        """The keys of one's own tenant, expired ones too; never the keys themselves."""
        return Keys(keys=[Key(**_told(each)) for each in api_keys.listing(storage.of(caller.tenant))])

    @routes.post(
        "",
        status_code=201,
        responses={"4XX": PROBLEM},
        openapi_extra=plain_body(
            "role",
            "name",
            **fields(
                role="admin, enroller, verifier or auditor.",
                name="Whose it is, at most 100 characters; kept in clear.",
                expires_days="How many days it holds; until it is revoked when left out.",
            ),
        ),
    )
    async def create(request: Request, caller: Admin) -> NewKey:
        """A new key of one's own tenant; it is shown once."""
        form = await read_fields(request)
        role, name = choice(form, "role", Role), text(form, "name", api_keys.LONGEST_NAME)
        days = integer(form, "expires_days", 1, api_keys.LONGEST_LIFE)
        if role is None:
            raise InvalidField("role")
        if name is None or not name.isprintable():
            raise InvalidField("name")
        own = storage.of(caller.tenant)
        done = await workers.run(lambda: api_keys.create(own, role, name, days, by=caller.key or ""))
        return NewKey(**_told(done.key), key=done.shown)

    @routes.delete("/{prefix}", status_code=204, responses={"4XX": PROBLEM})
    def revoke(prefix: str, caller: Admin) -> None:
        """Revoke a key of one's own tenant, by its beginning; it is refused from the next request on."""
        api_keys.revoke(storage.of(caller.tenant), prefix, by=caller.key or "")

    return routes


def _told(key: ApiKey) -> dict[str, object]:
    return {name: getattr(key, name) for name in Key.model_fields}
