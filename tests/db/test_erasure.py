"""Erasing really erases: the raw bytes of every file are searched."""

import random
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine

from db.engine import clear_free_space
from db.records import NewTemplate
from db.storage import Storage
from tests.db.people import AGREED, MODEL, Clock, enrol, open_in, vector

PEOPLE, ERASED = 1000, 300


def _fill(storage: Storage) -> list[UUID]:
    """People with records of widely varying size, so that pages split and fill unevenly."""
    chance = random.Random(3)
    ids = []
    for batch in range(PEOPLE // 50):
        with storage.begin() as work:
            for number in range(50):
                ids.append(uuid4())
                work.add_person(
                    ids[-1],
                    templates=[NewTemplate(vector(number), MODEL, each) for each in range(chance.randint(1, 4))],
                    attributes=None,
                    metadata={"label": "x" * chance.randint(1, 3000)},
                    consent=AGREED,
                    flagged=bool(batch % 2),
                )
            work.commit()
    for user_id in chance.sample(ids, 200):
        with storage.begin() as work:
            work.note("login", user_id, outcome=chance.choice(["accepted", "unknown"]))
            work.logged_in(user_id)
            work.commit()
    return ids


def _traces(home: Path, storage: Storage, user_ids: Iterable[UUID]) -> Iterator[bytes]:
    """Everything that must be gone: IDs in every spelling, keys wrapped and bare, sealed records, row IDs."""
    keys = storage._keystore.all()
    data, key_file = sqlite3.connect(home / "data.db"), sqlite3.connect(home / "keys.db")
    for user_id in user_ids:
        yield from (user_id.bytes, user_id.hex.encode(), str(user_id).encode())
        yield from (keys[user_id].current.secret, keys[user_id].current.key_id)
        yield key_file.execute("SELECT wrapped FROM person_key WHERE user_id = ?", (user_id.hex,)).fetchone()[0]
        for table in ("template", "detail"):
            query = f"SELECT sealed, {table}_id FROM {table} WHERE user_id = ?"
            for sealed, row_id in data.execute(query, (user_id.hex,)):
                yield sealed[-48:]  # the end of a record, with its tag
                yield row_id.encode()
    data.close()
    key_file.close()


def _found(home: Path, traces: Iterable[bytes]) -> int:
    stored = [path.read_bytes() for path in home.iterdir()]
    return sum(any(trace in content for content in stored) for trace in traces)


@pytest.mark.files
def test_nothing_of_three_hundred_people_is_left(tmp_path: Path) -> None:
    storage = open_in(tmp_path)
    ids = _fill(storage)
    random.Random(4).shuffle(ids)
    gone, stay = ids[:ERASED], ids[ERASED:]
    traces, control = set(_traces(tmp_path, storage, gone)), set(_traces(tmp_path, storage, stay[:20]))
    assert len(traces) > 8 * ERASED
    assert _found(tmp_path, traces) == len(traces) - 2 * ERASED - len(gone)  # bare keys and binary IDs never were there

    readers = []
    for name, query in (("data.db", "SELECT * FROM person"), ("keys.db", "SELECT * FROM person_key")):
        readers.append(sqlite3.connect(tmp_path / name, isolation_level=None))
        readers[-1].execute("BEGIN")
        readers[-1].execute(query).fetchone()
    done = storage.erase(gone)
    assert done.erased == ERASED
    assert done.pending
    assert not storage.sweep()
    for reader in readers:
        reader.execute("COMMIT")
        reader.close()

    assert storage.sweep()
    assert _found(tmp_path, traces) == 0
    assert _found(tmp_path, control) > 60
    with storage.begin() as work:
        assert work.user_ids() == set(stay)
        assert {template.user_id for template in work.all_templates()} == set(stay)
    storage.close()


@pytest.mark.files
def test_without_a_reader_the_keys_are_gone_when_the_answer_is_given(tmp_path: Path) -> None:
    storage = open_in(tmp_path)
    user_id = enrol(storage)
    wrapped = list(_traces(tmp_path, storage, [user_id]))
    assert not storage.erase([user_id]).pending
    assert not any(trace in path.read_bytes() for path in tmp_path.glob("keys.db*") for trace in wrapped)
    storage.close()


@pytest.mark.files
def test_yesterdays_data_file_beside_todays_keys_opens_nothing_of_the_erased(tmp_path: Path) -> None:
    storage = open_in(tmp_path)
    gone, stays = enrol(storage, label="gone"), enrol(storage, label="stays")
    storage.close()
    yesterday = (tmp_path / "data.db").read_bytes()
    storage = open_in(tmp_path)
    storage.erase([gone])
    storage.close()
    for path in tmp_path.glob("data.db*"):
        path.unlink()
    (tmp_path / "data.db").write_bytes(yesterday)
    storage = open_in(tmp_path)
    with storage.begin() as work:
        assert work.user_ids() == {stays}
        assert {template.user_id for template in work.all_templates()} == {stays}
    storage.close()


@pytest.mark.files
def test_an_erasure_that_stopped_after_the_keys_is_finished_at_the_next_start(tmp_path: Path) -> None:
    storage = open_in(tmp_path, Clock())
    gone = enrol(storage, label="gone")
    traces = list(_traces(tmp_path, storage, [gone]))
    storage._keystore.destroy([gone], erased_at=Clock()())
    storage.close()
    storage = open_in(tmp_path)
    assert _found(tmp_path, traces) == 0
    storage.close()


@pytest.mark.parametrize("part", ["keys", "data"])
def test_an_erasure_while_earlier_ones_are_overwritten_stays_to_be_done(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    first, second = enrol(storage), enrol(storage)
    rounds = 0

    def erase(user_id: UUID) -> None:
        storage._keystore.destroy([user_id]) if part == "keys" else storage._delete_rows([user_id], {})

    def clear() -> bool:
        return storage._keystore.clear() if part == "keys" else storage._clear_data()

    def overwrite_and_erase(engine: Engine, tables: Iterable[str]) -> bool:
        nonlocal rounds
        rounds += 1
        cleared = clear_free_space(engine, tables)
        if rounds == 1:  # the database is written anew, which is not noted yet
            erase(second)
        return cleared

    monkeypatch.setattr("db.traces.clear_free_space", overwrite_and_erase)
    erase(first)
    for expected in (1, 2, 2):
        assert clear()
        assert rounds == expected


def test_erasing_nobody_changes_nothing(storage: Storage) -> None:
    stays = enrol(storage)
    assert storage.erase([]).erased == 0
    assert storage.erase([uuid4()]).erased == 0
    with storage.begin() as work:
        assert work.user_ids() == {stays}
