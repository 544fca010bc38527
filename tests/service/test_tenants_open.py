"""Opening tenants: once, together, and without a pause where a transform was replaced."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from db.errors import UnknownTenant
from db.storage import Storage
from service.tenants import Tenants, TenantService
from service.turning import Turning
from tests.db.people import open_in

SECONDS = 20


class Making:
    """What a tenant gets is its turning alone; making it takes until `go` is set."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.begun = threading.Event()
        self.go.set()
        self.made: list[tuple[str, int]] = []

    def __call__(self, storage: Storage, turning: Turning) -> TenantService:
        self.begun.set()
        assert self.go.wait(SECONDS)
        self.made.append((storage.tenant, turning.generation))
        rest: Any = None
        return TenantService(storage, turning, *[rest] * (len(fields(TenantService)) - 2))


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    opened = open_in(tmp_path)
    opened.tenants().create("acme", opened.now())
    yield opened
    opened.close()


def test_each_is_made_once_however_many_ask(storage: Storage) -> None:
    making = Making()
    tenants = Tenants(storage, making)
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(tenants.of, ["acme", "default"] * 8))
    assert sorted(making.made) == [("acme", 1), ("default", 1)]
    assert len({id(each) for each in found}) == 2
    with pytest.raises(UnknownTenant):
        tenants.of("nowhere")
    assert tenants.of("acme") is tenants.of("acme")


def test_while_the_next_one_is_opened_the_one_before_serves(storage: Storage) -> None:
    making = Making()
    tenants = Tenants(storage, making)
    before = tenants.of("acme")
    storage.of("acme").transforms().renew()
    making.go.clear()
    making.begun.clear()
    with ThreadPoolExecutor(1) as threads:
        following = threads.submit(tenants.of, "acme")
        assert making.begun.wait(SECONDS)
        assert tenants.of("acme") is before
        assert not following.done()
        making.go.set()
        after = following.result(SECONDS)
    assert after.turning.generation == 2
    assert tenants.of("acme") is after
    assert making.made == [("acme", 1), ("acme", 2)]
