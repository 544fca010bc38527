"""API keys at rest: made, found, expired, revoked; nothing in the files gives one away or makes another of it."""

import hmac
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db import api_keys
from db.api_keys import SHOWN, Role
from db.storage import Storage
from tests.db.people import Clock
from tests.markers import Marker


def made(storage: Storage, role: Role = Role.VERIFIER, **life: float) -> str:
    with storage.begin() as work:
        expires_at = work.now + timedelta(**life) if life else None
        shown = work.api_keys.add(role, "door 3", work.now, expires_at)[1]
        work.commit()
    return shown


def changed(home: Path, sql: str, *values: object) -> None:
    with closing(sqlite3.connect(home / "data.db")) as database, database:
        database.execute(sql, values)


def test_none_is_there_before_one_is_made(storage: Storage, clock: Clock) -> None:
    assert storage.api_keys.all() == []
    assert not storage.api_keys.has_admin(clock())


def test_a_key_is_found_by_itself_alone(storage: Storage, clock: Clock) -> None:
    shown = [made(storage) for _ in range(3)]
    for each in shown:
        assert SHOWN.fullmatch(each)
        found = storage.api_keys.find(each, clock())
        assert found is not None
        assert (found.prefix, found.role, found.tenant) == (each[:11], Role.VERIFIER, "default")
    crossed = shown[0][:12] + shown[1][12:]
    for wrong in (crossed, shown[0][:-1], shown[0] + "A", shown[0].upper(), shown[0][:11], "fw_", "", "schlüssel"):
        assert storage.api_keys.find(wrong, clock()) is None
    assert len({each[12:] for each in shown}) == 3


def test_whatever_is_changed_in_a_key_is_none(storage: Storage, clock: Clock) -> None:
    shown = made(storage)

    @given(st.integers(0, len(shown) - 1), st.characters())
    def check(place: int, other: str) -> None:
        tried = shown[:place] + other + shown[place + 1 :]
        assert (storage.api_keys.find(tried, clock()) is not None) == (tried == shown)

    check()


def test_a_key_holds_until_it_expires_or_is_revoked(storage: Storage, clock: Clock) -> None:
    short, long = made(storage, Role.ADMIN, days=1), made(storage)
    clock.advance(hours=23, minutes=59)
    assert storage.api_keys.find(short, clock()) is not None
    assert storage.api_keys.has_admin(clock())
    clock.advance(minutes=1)
    assert storage.api_keys.find(short, clock()) is None
    assert not storage.api_keys.has_admin(clock())
    assert storage.api_keys.find(long, clock()) is not None
    with storage.begin() as work:
        assert work.api_keys.revoke(long[:11]) is not None
        work.commit()
    assert storage.api_keys.find(long, clock()) is None
    assert [key.prefix for key in storage.api_keys.all()] == [short[:11]]


def test_a_tenant_has_its_own_alone(storage: Storage, clock: Clock) -> None:
    storage.tenants().create("acme", clock())
    acme = storage.of("acme")
    shown = made(acme)
    found = storage.api_keys.find(shown, clock())
    assert found is not None
    assert found.tenant == "acme"
    with storage.begin() as work:
        assert work.api_keys.all() == []
        assert work.api_keys.revoke(shown[:11]) is None
    with acme.begin() as work:
        assert [key.prefix for key in work.api_keys.all()] == [shown[:11]]


@pytest.mark.files
def test_the_files_hold_no_key(storage: Storage, clock: Clock, tmp_path: Path) -> None:
    markers = [Marker.text("key", made(storage, role)[12:]) for role in Role]
    for marker in markers:
        assert storage.api_keys.find("fw_00000000_" + marker.pieces[0].decode(), clock()) is None
    storage.audit.settle()
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"door 3" in content
    assert [marker for marker in markers if marker.found(content)] == []


@pytest.mark.files
@pytest.mark.parametrize(
    "change",
    [
        "UPDATE api_key SET role = 'admin'",
        "UPDATE api_key SET tenant = 'acme'",
        "UPDATE api_key SET expires_at = NULL",
        "UPDATE api_key SET expires_at = '2036-03-02 12:00:00.000000'",
        "UPDATE api_key SET code = x''",
        "UPDATE api_key SET code = zeroblob(32)",
    ],
)
def test_who_writes_into_the_database_makes_nothing_of_a_key(
    storage: Storage, clock: Clock, tmp_path: Path, change: str
) -> None:
    shown = made(storage, days=1)
    assert storage.api_keys.find(shown, clock()) is not None
    changed(tmp_path, change)
    assert storage.api_keys.find(shown, clock()) is None


@pytest.mark.files
def test_the_code_of_one_key_is_of_no_use_for_another(storage: Storage, clock: Clock, tmp_path: Path) -> None:
    admin, known = made(storage, Role.ADMIN), made(storage, Role.ADMIN)
    changed(
        tmp_path,
        "UPDATE api_key SET code = (SELECT code FROM api_key WHERE prefix = ?) WHERE prefix = ?",
        known[:11],
        admin[:11],
    )
    assert storage.api_keys.find(admin[:11] + known[11:], clock()) is None
    assert storage.api_keys.find(admin, clock()) is None


def test_it_outlives_the_master_key(storage: Storage, clock: Clock) -> None:
    shown = made(storage)
    assert storage.master_rotation().rotate().replaced
    assert storage.api_keys.find(shown, clock()) is not None


@pytest.mark.files
def test_last_used_is_written_once_a_minute(storage: Storage, clock: Clock, tmp_path: Path) -> None:
    def last_used() -> object:
        (key,) = storage.api_keys.all()
        return key.last_used_at

    shown, start = made(storage), clock()
    assert last_used() is None
    for seconds, written in ((0, 0), (59, 0), (60, 60), (100, 60), (120, 120)):
        assert storage.api_keys.find(shown, start + timedelta(seconds=seconds)) is not None
        assert last_used() == start + timedelta(seconds=written)
    assert storage.api_keys.find(shown, start) is not None
    assert last_used() == start, "the clock was set back"
    before = (tmp_path / "data.db-wal").stat().st_mtime_ns, (tmp_path / "data.db-wal").stat().st_size
    for _ in range(20):
        assert storage.api_keys.find(shown, start + timedelta(seconds=30)) is not None
        assert storage.api_keys.find(shown[:-1] + "~", start + timedelta(hours=1)) is None
    assert before == ((tmp_path / "data.db-wal").stat().st_mtime_ns, (tmp_path / "data.db-wal").stat().st_size)


def test_codes_are_compared_in_constant_time_also_for_a_beginning_that_is_not_there(
    storage: Storage, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[int, int]] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((len(one), len(other)))
        return hmac.compare_digest(one, other)

    shown = made(storage)
    monkeypatch.setattr(api_keys, "compare_digest", compare)
    for tried in (shown, shown[:-1] + "~", "fw_00000000" + shown[11:], "nothing like it"):
        storage.api_keys.find(tried, clock())
    assert compared == [(32, 32)] * 4
