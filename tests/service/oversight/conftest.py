"""A service with two tenants, and who asks it by key."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from fastapi import FastAPI

from db.api_keys import Role
from db.storage import Storage
from service.app import create_app
from service.bootstrap import Application, build
from service.settings import Settings
from service.workflows.tenancy import create
from tests.db.people import Clock
from tests.service.api_keys import keys_in
from tests.service.asgi_client import Answer, call
from tests.service.oversight.desk import START, with_query


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, clock: Clock) -> Iterator[Application]:
    home = tmp_path_factory.mktemp("oversight") / "home"
    built = build(Settings(home=home, embedder="onnx", attributes=()), clock)
    create(built.storage, "acme")
    yield built
    built.close()


@pytest.fixture
def storage(served: Application, clock: Clock) -> Iterator[Storage]:
    """Nobody is enrolled at the beginning."""
    clock.now = START
    yield served.storage
    served.storage.erase(list(served.people.ids()))
    clock.now = START


@pytest.fixture(scope="module")
def app(served: Application) -> FastAPI:
    return create_app(served)


@pytest.fixture(scope="module")
def keys(served: Application) -> Mapping[Role, str]:
    return keys_in(served.storage)


@pytest.fixture(scope="module")
def ask(app: FastAPI, keys: Mapping[Role, str]) -> Any:
    def asked(method: str, path: str, *, role: Role = Role.ADMIN, key: str = "", **fields: object) -> Answer:
        plain, _, query = path.partition("?")
        headers = [("Host", "localhost"), ("Content-Type", "application/json")]
        headers.append(("Authorization", f"Bearer {key or keys[role]}"))
        return call(with_query(app, query), method, plain, headers, [json.dumps(fields).encode()])

    return asked
