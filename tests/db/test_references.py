"""References: unique within a tenant, readable nowhere, free again with their owner."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from db.storage import Storage
from tests.db.people import enrol, open_in
from tests.markers import Marker

REFERENCE = "Personalnummer 4711-ä"


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    opened = open_in(tmp_path)
    opened.tenants().create("acme", opened.now())
    yield opened
    opened.close()


def put(storage: Storage, user_id: UUID, reference: str) -> bool:
    with storage.begin() as work:
        done = work.references.put(user_id, reference)
        if done:
            work.commit()
    return done


def holder(storage: Storage, reference: str) -> UUID | None:
    with storage.begin() as work:
        return work.references.holder(reference)


def test_two_of_a_tenant_never_have_the_same(storage: Storage) -> None:
    one, other, elsewhere = enrol(storage), enrol(storage), enrol(storage.of("acme"))
    assert put(storage, one, REFERENCE)
    assert put(storage, one, REFERENCE), "its own"
    assert not put(storage, other, REFERENCE)
    assert put(storage, other, REFERENCE + "2")
    assert put(storage.of("acme"), elsewhere, REFERENCE)
    assert holder(storage, REFERENCE) == one
    assert holder(storage.of("acme"), REFERENCE) == elsewhere
    assert holder(storage, "another") is None


def test_it_is_free_again_once_its_owner_is_erased(storage: Storage) -> None:
    one, other = enrol(storage), enrol(storage)
    assert put(storage, one, REFERENCE)
    storage.erase([one])
    assert holder(storage, REFERENCE) is None
    assert put(storage, other, REFERENCE)


def test_another_tenants_person_gets_none(storage: Storage) -> None:
    user_id = enrol(storage)
    put(storage.of("acme"), user_id, REFERENCE)
    assert holder(storage, REFERENCE) is None
    assert holder(storage.of("acme"), REFERENCE) is None


@pytest.mark.files
def test_the_files_do_not_hold_it_and_two_tenants_digests_differ(storage: Storage, tmp_path: Path) -> None:
    for tenant in ("default", "acme"):
        assert put(storage.of(tenant), enrol(storage.of(tenant)), REFERENCE)
    storage.audit.settle()
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert not Marker.text("reference", REFERENCE).found(content)
    with storage.begin() as work:
        assert work.references._digest(REFERENCE) in content
    with storage.of("acme").begin() as work:
        assert work.references._digest(REFERENCE) in content
