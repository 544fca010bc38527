"""Who may call a route: declared once, checked before the route runs, and written into the OpenAPI document.

A route says it as a parameter, or in `dependencies=` where it does not need to know who calls:

    def stats(caller: Annotated[Caller, roles(Role.ADMIN, Role.AUDITOR)]) -> ...:

`anyone`              everybody; the Authorization header is not looked at
`person`              who logged in, by their token
`roles(...)`          an API key with one of these roles; `everywhere=True`: of the default tenant, since what it shows
                      is the whole installation's
`anyone_or(...)`      everybody, as the default tenant; who shows a key needs one of these roles and acts in its tenant
`open_or(...)`        the same where enrolment is open, else as `roles(...)`
`here_or(...)`        programs on this machine, without a proxy; from elsewhere as `roles(..., everywhere=True)`

`declare` refuses a router with a route that says nothing, so that none is open by having been forgotten.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends
from fastapi.routing import APIRoute, APIWebSocketRoute
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from db.api_keys import ApiKeys, Role
from db.tables import DEFAULT_TENANT
from service.access import is_at_this_machine, shown_bearer
from service.bootstrap import Application
from service.databases import Clock, utc_now
from service.errors import ApiKeyRequired, RoleRequired, TokenInvalid
from service.routes.bodies import PROBLEM
from service.tokens import Tokens

CALLERS: Final = "x-callers"
ANYONE: Final = "anyone"
PERSON: Final = "person"
THIS_MACHINE: Final = "this machine"
API_KEY: Final = "api key"
SCHEMES: Final = {
    PERSON: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "The token of a login."},
    API_KEY: {"type": "http", "scheme": "bearer", "description": "An API key; `x-callers` names the roles."},
}
KEY_BEGINS: Final = "fw_"


@dataclass(frozen=True, slots=True)
class Caller:
    """`role`: of the API key that was shown, None for none; `key`: its prefix. `token`: of a person who logged in.

    `client`: the address whose failed logins are counted; None for an application that shows a key, whose users all
    come from its own address."""

    tenant: str = DEFAULT_TENANT
    role: Role | None = None
    key: str | None = None
    token: str = field(default="", repr=False)
    client: str | None = field(default=None, repr=False)


class Keyless(Enum):
    """Whether a route takes who shows nothing."""

    NEVER = "never"
    WHERE_OPEN = "where enrolment is open"
    HERE = "from this machine"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class Gate:
    """What doors are checked with; `create_app` puts it into the application's state."""

    keys: ApiKeys
    tokens: Tokens
    enrolment_is_open: bool
    now: Clock = utc_now

    @classmethod
    def of(cls, application: Application) -> "Gate":
        storage = application.storage
        return cls(storage.api_keys, application.tokens, application.settings.enrolment_is_open, storage.now)

    def takes_keyless(self, keyless: Keyless) -> bool:
        return keyless is Keyless.ALWAYS or (keyless is Keyless.WHERE_OPEN and self.enrolment_is_open)

    def key_holder(self, shown: str, door: "Door") -> Caller:
        """Raises ApiKeyRequired for what is no key, or none any more, and RoleRequired for one of another role."""
        key = self.keys.find(shown, self.now())
        if key is None:
            raise ApiKeyRequired
        if key.role not in door.roles or (door.everywhere and key.tenant != DEFAULT_TENANT):
            raise RoleRequired
        return Caller(key.tenant, key.role, key.prefix)

    def person(self, token: str, client: str | None) -> Caller:
        """Raises TokenInvalid."""
        return Caller(self.tokens.read(token).tenant, token=token, client=client)


@dataclass(frozen=True, slots=True)
class Door:
    """One declaration; the framework calls it with the connection, and the route gets the `Caller`.

    Raises ApiKeyRequired, RoleRequired or TokenInvalid. Where persons and roles may call, a key is told from a token by
    how it begins. Nothing but the header is looked at: no key and no token is ever taken from an address.
    """

    keyless: Keyless = Keyless.NEVER
    person: bool = False
    roles: frozenset[Role] = frozenset()
    everywhere: bool = False

    async def __call__(self, connection: HTTPConnection) -> Caller:
        client = None if connection.client is None else connection.client.host
        gate: Gate = connection.app.state.gate
        if not self.person and not self.roles:
            return Caller(client=client)
        if not connection.headers.getlist("authorization") and self._takes_keyless(connection, gate):
            return Caller(client=client)
        shown = shown_bearer(connection)
        if self.roles and (not self.person or (shown or "").startswith(KEY_BEGINS)):
            if shown is None:
                raise ApiKeyRequired
            return await run_in_threadpool(gate.key_holder, shown, self)
        if shown is None:
            raise TokenInvalid
        return await run_in_threadpool(gate.person, shown, client)

    def _takes_keyless(self, connection: HTTPConnection, gate: Gate) -> bool:
        if self.keyless is Keyless.HERE:
            return is_at_this_machine(connection)
        return gate.takes_keyless(self.keyless)

    def callers(self, gate: Gate) -> list[str]:
        """As the OpenAPI document has it under `x-callers`."""
        keyless = [ANYONE] if gate.takes_keyless(self.keyless) else [THIS_MACHINE] * (self.keyless is Keyless.HERE)
        where = f"@{DEFAULT_TENANT}" if self.everywhere else ""
        return keyless + [PERSON] * self.person + sorted(role.value + where for role in self.roles)


anyone: Final[Any] = Depends(Door(Keyless.ALWAYS))
person: Final[Any] = Depends(Door(person=True))
Person = Annotated[Caller, person]


def roles(*those: Role, everywhere: bool = False) -> Any:
    """Only who shows an API key with one of these roles; `everywhere`: and of the default tenant."""
    return Depends(Door(roles=frozenset(those), everywhere=everywhere))


def anyone_or(*those: Role) -> Any:
    """Everybody, and who shows a key with one of these roles as its tenant; never a key of another role."""
    return Depends(Door(Keyless.ALWAYS, roles=frozenset(those)))


def open_or(*those: Role) -> Any:
    """As `anyone_or` where enrolment is open, else as `roles`."""
    return Depends(Door(Keyless.WHERE_OPEN, roles=frozenset(those)))


def here_or(*those: Role) -> Any:
    """Programs on this machine, where nothing forwarded the request; else a key of the default tenant with one of these
    roles."""
    return Depends(Door(Keyless.HERE, roles=frozenset(those), everywhere=True))


def declare(router: APIRouter, gate: Gate) -> APIRouter:
    """Writes who may call each route into its OpenAPI document. Raises LookupError for a route without exactly one
    declaration."""
    for route in router.routes:
        its = []
        if isinstance(route, APIRoute | APIWebSocketRoute):
            its = [each.call for each in route.dependant.dependencies]
        doors = [each for each in its if isinstance(each, Door)]
        if len(doors) != 1:
            raise LookupError(f"{route} declares {len(doors)} times who may call it")
        if isinstance(route, APIRoute):
            told = _described(doors[0], gate)
            own = {str(status) for status in route.responses}
            told["responses"] = {status: how for status, how in told["responses"].items() if status not in own}
            route.openapi_extra = {**(route.openapi_extra or {}), **told}
    return router


def _described(door: Door, gate: Gate) -> dict[str, Any]:
    callers = door.callers(gate)
    schemes = [PERSON] * door.person + [API_KEY] * bool(door.roles)
    answers = {"4XX": PROBLEM, "503": PROBLEM}  # of the guards before every route, and of what all of them need
    if not schemes:
        return {CALLERS: callers, "responses": answers}
    answers |= {"401": PROBLEM} | ({"403": PROBLEM} if door.roles else {})
    keyless = not {ANYONE, THIS_MACHINE}.isdisjoint(callers)
    security: list[dict[str, list[str]]] = [{}] * keyless + [{scheme: []} for scheme in schemes]
    return {CALLERS: callers, "security": security, "responses": answers}


def with_schemes(document: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI document with what `security` refers to."""
    document.setdefault("components", {})["securitySchemes"] = SCHEMES
    return document
