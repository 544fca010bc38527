"""People of another tenant are as unknown as nobody, whichever way one asks."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from db.audit import of_tenant
from db.details import ATTRIBUTES
from db.errors import TransformChanged, UnknownTenant
from db.records import NewTemplate
from db.storage import Storage
from db.unit_of_work import UnitOfWork
from tests.db.people import AGREED, MODEL, changed_since, enrol, vector

Ask = Callable[[UnitOfWork, UUID], Any]
ADDED = NewTemplate(vector(9), MODEL, 9)
BY_ID: dict[str, Ask] = {
    "person": lambda work, user_id: work.person(user_id),
    "templates": lambda work, user_id: work.templates(user_id),
    "consents": lambda work, user_id: work.consents(user_id),
    "detail": lambda work, user_id: work.details.get(user_id, ATTRIBUTES),
    "put": lambda work, user_id: work.details.put(user_id, ATTRIBUTES, {"age": 1}),
    "put beside": lambda work, user_id: work.details.put(user_id, "other", {"age": 1}),
    "drop": lambda work, user_id: work.details.drop(user_id, ATTRIBUTES),
    "consent": lambda work, user_id: work.add_consent(user_id, AGREED),
    "login": lambda work, user_id: work.logged_in(user_id),
    "renew": lambda work, user_id: work.renew_templates(user_id, ADDED, beside=1, without=MODEL),
}
OF_ALL: dict[str, Callable[[UnitOfWork], Any]] = {
    "count": lambda work: work.count(),
    "lacking": lambda work: work.count(without_model="other"),
    "listing": lambda work: work.people(0, 10),
    "ids": lambda work: work.user_ids(),
    "templates": lambda work: list(work.all_templates()),
    "since": lambda work: list(changed_since(work, 1)),
    "in bulk": lambda work: list(work.everybody(MODEL)),
    "otherwise": lambda work: list(work.turned_otherwise(5)),
    "failures": lambda work: work.failures.count(1),
}


def held(storage: Storage, user_id: UUID) -> tuple[Any, ...]:
    with storage.begin() as work:
        templates = [(row.capture, row.vector.tobytes()) for row in work.templates(user_id)]
        return work.person(user_id), templates, work.consents(user_id), work.details.get(user_id, "other")


@pytest.fixture
def acme(storage: Storage) -> Storage:
    assert storage.tenants().create("acme", storage.now())
    return storage.of("acme")


@pytest.mark.parametrize("ask", BY_ID.values(), ids=BY_ID)
def test_by_id_somebody_elsewhere_is_nobody(storage: Storage, acme: Storage, ask: Ask) -> None:
    user_id = enrol(storage, label="Ada")
    before = held(storage, user_id)
    with acme.begin() as work:
        answers = [ask(work, each) for each in (user_id, uuid4())]
        work.commit()
    assert answers[0] == answers[1]
    assert not answers[0]
    assert held(storage, user_id) == before
    with storage.begin() as work:
        assert ask(work, user_id) or ask in (BY_ID["consent"], BY_ID["login"])  # each does something at home


def test_erasing_elsewhere_erases_nobody(storage: Storage, acme: Storage) -> None:
    user_id, other = enrol(storage), enrol(acme)
    assert acme.erase([user_id]).erased == 0
    assert held(storage, user_id)[0] is not None
    assert acme.erase([user_id, other]).erased == 1
    with storage.begin() as work:
        assert work.user_ids() == {user_id}
        assert len(work.templates(user_id)) == 1


@pytest.mark.parametrize("ask", OF_ALL.values(), ids=OF_ALL)
def test_lists_and_counts_hold_the_tenants_own(
    storage: Storage, acme: Storage, ask: Callable[[UnitOfWork], Any]
) -> None:
    for seed in range(2):
        enrol(storage, seed=seed)
    with storage.begin() as work:
        work.failures.add(["somebody"], work.now)
        work.commit()
    with acme.begin() as work:
        assert not ask(work)
    with storage.begin() as work:
        assert ask(work)


def test_in_bulk_each_tenant_opens_its_own(storage: Storage, acme: Storage) -> None:
    people = {storage: {enrol(storage, seed=1), enrol(storage, seed=2, templates=3)}, acme: {enrol(acme, seed=3)}}
    for each, expected in people.items():
        with each.begin() as work:
            found = [UUID(bytes=each) for batch in work.everybody(MODEL) for each in batch.people]
        assert sorted(found) == sorted(expected)


def test_a_change_in_one_tenant_is_none_in_another(storage: Storage, acme: Storage) -> None:
    def revisions() -> tuple[int, int]:
        with storage.begin() as here, acme.begin() as there:
            return here.revision(), there.revision()

    start = revisions()
    user_id = enrol(storage)
    enrolled = revisions()
    assert enrolled[0] > start[0]
    assert enrolled[1] == start[1]
    enrol(acme)
    assert revisions()[0] == enrolled[0]
    assert revisions()[1] > enrolled[0]  # one count for all, so that none is given out twice
    before = revisions()
    storage.erase([user_id])
    assert revisions()[0] > max(before)
    assert revisions()[1] == before[1]


def test_a_tenant_that_is_none_takes_nobody(storage: Storage) -> None:
    nowhere = storage.of("nowhere")
    with pytest.raises(UnknownTenant):
        enrol(nowhere)
    with nowhere.begin() as work, pytest.raises(UnknownTenant):
        work.transform()
    for call in (nowhere.transforms().settle, nowhere.transforms().renew):
        with pytest.raises(UnknownTenant):
            call()
    with storage.begin() as work:
        assert work.count() == 0
    assert storage._keystore.holders() == set()


def test_tenants_are_made_once_and_have_names_that_stand_for_nothing_else(storage: Storage, acme: Storage) -> None:
    assert not storage.tenants().create("acme", storage.now())
    for name in ("", "-a", "A", "a b", "a:b", "a,b", "ä", "a" * 64, "a\n", "a%", 'a"'):
        with pytest.raises(ValueError, match="name"):
            storage.tenants().create(name, storage.now())
    enrol(acme)
    assert [(each.name, each.people) for each in storage.tenants().all()] == [("acme", 1), ("default", 0)]


def test_the_log_of_a_tenant_holds_its_own_entries_alone(storage: Storage, acme: Storage) -> None:
    told = 'a text that says "tenant":"acme"'
    with storage.begin() as work:
        work.note("first", None, text=told)
        work.commit()
    with acme.begin() as work:
        work.note("second", None, text="x")
        work.commit()
    acme.erase([enrol(acme)])
    assert [entry.kind for entry in storage.audit.entries(tenant="default")] == ["first"]
    assert [entry.kind for entry in storage.audit.entries(tenant="acme")] == ["second", "erased"]
    assert all(entry.details["tenant"] == "acme" for entry in storage.audit.entries(tenant="acme"))
    assert (storage.audit.length("default"), storage.audit.length("acme"), storage.audit.length()) == (1, 2, 3)
    assert list(storage.audit.entries(tenant="acm")) == []
    assert storage.audit.verify() == (3, [])
    assert of_tenant("default") == {}


def test_a_template_that_is_turned_otherwise_is_not_written(storage: Storage) -> None:
    generation = storage.transforms().settle()
    for wrong in (0, generation + 1):
        with pytest.raises(TransformChanged):
            enrol(storage, transform=wrong)
    user_id = enrol(storage, transform=generation)
    with storage.begin() as work, pytest.raises(TransformChanged):
        work.renew_templates(user_id, ADDED, beside=1, without=None)
    with storage.begin() as work:
        assert {row.transform for row in work.templates(user_id)} == {generation}
