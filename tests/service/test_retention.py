"""Retention: who is erased when, and that a clock set forward erases nobody."""

import asyncio
import logging
import os
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from uuid import UUID

import pytest

from db.storage import Storage
from service.app import _sweep
from service.bootstrap import Application, provider, signing, tokens
from service.errors import UnsafeSettings
from service.lockout import Limits, Lockout
from service.metrics import Metrics
from service.settings import Settings, read
from service.workflows.administer import Administer
from service.workflows.people import People
from service.workflows.retention import HELD, MARK, Retention, _batches
from service.workflows.sessions import Sessions
from tests.db.people import Clock, enrol, open_in


def retention(storage: Storage, days: int | None = 30) -> Retention:
    return Retention(People(storage), days)


def run(storage: Storage, clock: Clock, *, days: int, kept_for: int | None = 30, every: float = 6) -> int:
    """A service that runs for so many days, with a round every few hours; how many it erased."""
    erased = 0
    for _ in range(int(days * 24 / every)):
        clock.advance(hours=every)
        erased += retention(storage, kept_for)()
    return erased


def log_in(storage: Storage, user_id: UUID) -> None:
    with storage.begin() as work:
        work.logged_in(user_id)
        work.commit()


def there(storage: Storage) -> set[UUID]:
    with storage.begin() as work:
        return work.user_ids()


def kinds(storage: Storage) -> list[str]:
    return [entry.kind for entry in storage.audit.entries()]


def test_who_was_not_seen_for_so_long_is_erased_and_the_log_says_why(storage: Storage, clock: Clock) -> None:
    never, once, lately = (enrol(storage) for _ in range(3))
    assert run(storage, clock, days=10) == 0
    log_in(storage, once)
    assert run(storage, clock, days=19) == 0
    log_in(storage, lately)
    assert there(storage) == {never, once, lately}
    assert run(storage, clock, days=2) == 1
    assert there(storage) == {once, lately}
    assert run(storage, clock, days=10) == 1
    assert there(storage) == {lately}
    erased = [entry for entry in storage.audit.entries() if entry.kind == "erased"]
    assert [entry.details["by"] for entry in erased] == ["retention"] * 2
    assert storage.audit.verify()[1] == []


def test_without_a_setting_everybody_is_kept_and_nothing_is_noted(storage: Storage, clock: Clock) -> None:
    enrol(storage)
    assert run(storage, clock, days=400, kept_for=None, every=24) == 0
    assert kinds(storage) == []


def test_more_than_a_batch_goes_in_one_round(storage: Storage, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.workflows.retention.BATCH", 2)
    for _ in range(5):
        enrol(storage)
    retention(storage)()
    clock.advance(days=1)
    assert retention(storage, 30)() == 0
    assert list(_batches(People(storage), clock.now)) == [2, 2, 1]


def test_every_tenants_people_are_held_to_it(storage: Storage, clock: Clock) -> None:
    storage.tenants().create("acme", clock.now)
    acme = storage.of("acme")
    people = [enrol(each) for each in (storage, acme)]
    rounds = Retention(People(storage), 30, lambda: [People(acme)])
    erased = 0
    for _ in range(4 * 32):
        erased += rounds()
        clock.advance(hours=6)
    assert erased == len(people)
    for each in (storage, acme):
        with each.begin() as work:
            assert work.count() == 0
    (entry,) = [each for each in storage.audit.entries(tenant="acme") if each.kind == "erased"]
    assert entry.details["by"] == "retention"


@pytest.mark.parametrize("leap", [timedelta(days=1, seconds=1), timedelta(days=3650)])
def test_a_clock_set_forward_erases_nobody_for_a_day(
    storage: Storage, clock: Clock, leap: timedelta, caplog: pytest.LogCaptureFixture
) -> None:
    enrol(storage)
    run(storage, clock, days=29)
    clock.now += leap
    caplog.clear()
    with caplog.at_level(logging.WARNING, "facewarden"):
        assert retention(storage)() == 0
    assert [record.msg for record in caplog.records] == [HELD]
    assert run(storage, clock, days=1, every=0.5) == 1  # the last of its rounds is a day after
    assert kinds(storage).count(HELD) == 2  # one when it began


def test_a_clock_put_right_again_has_erased_nobody(storage: Storage, clock: Clock) -> None:
    stays = enrol(storage)
    run(storage, clock, days=5)
    for _ in range(3):  # again and again, an hour each time, with logins meanwhile
        clock.advance(days=365)
        for _ in range(5):
            clock.advance(minutes=12)
            log_in(storage, enrol(storage))
            assert retention(storage)() == 0
        clock.advance(days=-365)
        assert retention(storage)() == 0
    assert stays in there(storage)
    assert run(storage, clock, days=26) == 1
    assert stays not in there(storage)


def test_a_restart_while_it_holds_does_not_shorten_it(storage: Storage, clock: Clock, tmp_path: Path) -> None:
    enrol(storage)
    run(storage, clock, days=29)
    clock.advance(days=300)
    assert retention(storage)() == 0
    clock.advance(hours=23)
    again = open_in(tmp_path, clock)
    assert retention(again)() == 0
    clock.advance(hours=1)
    assert retention(again)() == 1
    again.close()


def test_another_number_of_days_waits_a_day_as_well(storage: Storage, clock: Clock) -> None:
    enrol(storage)
    run(storage, clock, days=10)
    assert run(storage, clock, days=1, kept_for=3, every=1) == 0
    assert run(storage, clock, days=1, kept_for=3, every=1) == 1


def test_an_idle_service_notes_a_few_marks_a_day_and_no_more(storage: Storage, clock: Clock) -> None:
    run(storage, clock, days=4, every=1)
    noted = kinds(storage)
    assert noted[0] == HELD
    assert set(noted[1:]) == {MARK}
    assert 12 <= len(noted) <= 17


def test_the_sweeper_of_the_service_does_it(storage: Storage, clock: Clock) -> None:
    enrol(storage)
    retention(storage)()
    settings = SimpleNamespace(sweep_seconds=0.01)
    administer = Administer(storage, Lockout(b"0" * 32, Limits()))
    service = SimpleNamespace(
        settings=settings,
        storage=storage,
        administer=administer,
        sessions=Sessions(storage, tokens(storage, Settings(), clock), provider(storage, Settings(), clock)),
        signing=signing(storage, Settings(), clock),
        retention=retention(storage),
    )

    async def until_nobody_is_there() -> None:
        sweeper = asyncio.create_task(_sweep(cast("Application", service), Metrics(dict)))
        while await asyncio.to_thread(there, storage):
            clock.advance(hours=6)
            await asyncio.sleep(0.05)
        sweeper.cancel()

    asyncio.run(asyncio.wait_for(until_nobody_is_there(), 60))
    assert kinds(storage)[-1] == "erased"


@pytest.mark.parametrize("days", ["0", "-3", "a year"])
def test_a_number_of_days_that_is_none_stops_the_start(days: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEWARDEN_RETENTION_DAYS", days)
    with pytest.raises(UnsafeSettings, match="RETENTION_DAYS"):
        read(os.environ)
