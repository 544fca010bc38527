"""Every route of the OpenAPI document, tried by everybody: it lets in whom it declares, and nobody else."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any, Final

import pytest
from fastapi import APIRouter, FastAPI, Response, WebSocket

from db.api_keys import Role
from service.app import create_app
from service.bootstrap import Application, build
from service.doors import CALLERS, Caller, Gate, anyone, declare, roles
from service.problems import Problems
from service.settings import Settings
from service.workflows.api_keys import revoke
from service.workflows.tenancy import create
from tests.db.people import Clock, enrol
from tests.service.api_keys import key, keys_in
from tests.service.asgi_client import Answer, call, connect

REFUSED: Final = {"api_key_required": 401, "token_invalid": 401, "role_required": 403}
KINDS: Final = {"anyone", "person", "this machine", *Role, *(f"{role}@default" for role in Role)}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, clock: Clock) -> Iterator[Application]:
    built = build(Settings(home=tmp_path_factory.mktemp("doors") / "home"), clock)
    create(built.storage, "acme")
    yield built
    built.close()


@pytest.fixture(params=["open", "closed"])
def app(request: pytest.FixtureRequest, served: Application) -> FastAPI:
    settings = served.settings.model_copy(update={"open_enrolment": request.param == "open"})
    return create_app(replace(served, settings=settings))


def operations(app: FastAPI) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, methods in app.openapi()["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def ask(app: FastAPI, method: str, path: str, shown: str | None) -> Answer:
    headers = [("Host", "localhost"), ("Content-Type", "application/json")]
    if shown is not None:
        headers.append(("Authorization", f"Bearer {shown}"))
    return call(app, method, path.replace("{", "").replace("}", ""), headers, [b"{}"])


def refusal(answer: Answer) -> str | None:
    """Why a door let nobody in; None where it did, whatever the route said then."""
    told = answer.body if answer.status >= 400 and "json" in answer.headers.get("content-type", "") else b"{}"
    code = json.loads(told).get("code")
    return code if code in REFUSED else None


def expected(callers: list[str], who: str, tenant: str) -> str | None:
    """The refusal that a declaration stands for; None for being let in."""
    needs_key = any(each in {*Role, *(f"{role}@default" for role in Role)} for each in callers)
    if callers == ["anyone"] or (who == "nobody" and "anyone" in callers):
        return None
    if who in list(Role):
        here = f"{who}@default" if tenant == "default" else who
        if who in callers or here in callers:
            return None
        return "role_required" if needs_key else "token_invalid"
    if who == "person" and "person" in callers:
        return None
    return "api_key_required" if needs_key else "token_invalid"


Who = tuple[str, str, str | None]
"""Who, in which tenant, showing what."""


def holders(served: Application, clock: Clock) -> Iterator[Who]:
    """Keys of each role, and such as hold no more; nobody."""
    yield "nobody", "default", None
    for tenant in ("default", "acme"):
        storage = served.storage.of(tenant)
        expired, revoked = key(storage, Role.ADMIN, days=1), key(storage, Role.ADMIN)
        clock.advance(days=1)
        revoke(storage, revoked[:11], by="test")
        yield from (("expired", tenant, expired), ("revoked", tenant, revoked), ("wrong", tenant, revoked[:-1] + "~"))
        for role, shown in keys_in(storage).items():
            yield role, tenant, shown
    yield "wrong", "default", "0123456789abcdef" * 3


def persons(served: Application) -> Iterator[Who]:
    """Somebody new in each tenant: a route may erase them."""
    for tenant in ("default", "acme"):
        its = served.of(tenant)
        yield "person", tenant, its.me.tokens.issue(enrol(its.storage, transform=1), "photo").token


def test_every_route_lets_in_whom_it_declares_and_nobody_else(app: FastAPI, served: Application, clock: Clock) -> None:
    tried, known = 0, list(holders(served, clock))
    for method, path, operation in operations(app):
        assert operation[CALLERS], f"{method} {path}"
        assert set(operation[CALLERS]) <= KINDS
        for who, tenant, shown in (*known, *persons(served)):
            answer = ask(app, method, path, shown)
            assert refusal(answer) == expected(operation[CALLERS], who, tenant), (method, path, who, tenant)
            if refusal(answer):
                assert answer.status == REFUSED[answer.code]
                assert str(answer.status) in operation["responses"]
            tried += 1
    assert tried > 300


def test_the_map_of_who_may_call_what(app: FastAPI) -> None:
    told = {f"{method} {path}": operation[CALLERS] for method, path, operation in operations(app)}
    assert told["GET /healthz"] == told["GET /v1/consent"] == ["anyone"]
    assert told["POST /v1/login"] == told["POST /v1/recover"] == ["anyone", "verifier"]
    assert told["POST /v1/analyze"] == ["anyone", "enroller", "verifier"]
    assert told["POST /v1/users"] in (["anyone", "admin", "enroller"], ["admin", "enroller"])
    assert told["GET /v1/admin/audit"] == told["GET /v1/admin/stats"] == ["admin", "auditor"]
    assert told["GET /v1/admin/settings"] == ["admin@default"]
    assert told["POST /oauth/introspect"] == ["admin", "verifier"]
    assert told["POST /v1/logout"] == ["person"]
    assert {tuple(callers) for name, callers in told.items() if "/v1/me" in name} == {("person",)}
    beneath = {name: callers for name, callers in told.items() if "/v1/admin" in name}
    assert all(set(callers) <= {"admin", "auditor", "admin@default", "auditor@default"} for callers in beneath.values())


def test_who_asks_by_a_wrong_method_is_told_every_right_one(app: FastAPI) -> None:
    told: dict[str, set[str]] = {}
    for method, path, _ in operations(app):
        told.setdefault(path, set()).add(method)
    for path, methods in told.items():
        answer = ask(app, "PATCH", path, None)
        assert answer.status == 405
        assert set(answer.headers["allow"].split(", ")) >= methods, path  # more where "find" could be an ID as well


def test_the_document_says_what_is_shown_and_where(app: FastAPI) -> None:
    document = app.openapi()
    assert document == app.openapi()
    schemes = document["components"]["securitySchemes"]
    assert {scheme["type"] for scheme in schemes.values()} == {"http"}
    for _, path, operation in operations(app):
        named = [set(each) for each in operation.get("security", [])]
        assert set().union(*named) <= schemes.keys()
        assert bool({"anyone", "this machine"} & set(operation[CALLERS])) == (not named or set() in named), path


def test_a_route_that_declares_nothing_or_twice_is_refused(served: Application) -> None:
    gate = Gate.of(served)

    async def route() -> None:
        """Nothing."""

    for dependencies in ([], [anyone, roles(Role.ADMIN)]):
        router = APIRouter()
        router.add_api_route("/v1/new", route, dependencies=dependencies)
        with pytest.raises(LookupError, match="/v1/new"):
            declare(router, gate)
    router = APIRouter()
    router.add_route("/plain", lambda _: Response())
    with pytest.raises(LookupError, match="/plain"):
        declare(router, gate)


def test_a_caller_is_told_without_token_and_address() -> None:
    told = repr(Caller(token="secret", client="192.0.2.7"))
    assert "secret" not in told
    assert "192" not in told


def test_a_websocket_has_a_door_as_well(served: Application) -> None:
    router = APIRouter()

    @router.websocket("/v1/stream")
    async def stream(socket: WebSocket, caller: Annotated[Caller, roles(Role.VERIFIER)]) -> None:
        assert caller.role is Role.VERIFIER
        await socket.accept()

    app = FastAPI()
    app.state.gate = gate = Gate.of(served)
    app.include_router(declare(router, gate))
    app.add_middleware(Problems)
    for role in Role:
        headers = [("Host", "localhost"), ("Authorization", f"Bearer {key(served.storage, role)}")]
        assert connect(app, "/v1/stream", headers).status == (101 if role is Role.VERIFIER else 403)
    assert connect(app, "/v1/stream", [("Host", "localhost")]).status == 403
