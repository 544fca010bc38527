"""The audit log in its two databases: what was done to either of them shows."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from db.audit_chain import Break, Finding
from db.storage import Storage
from tests.db.people import Clock, enrol, open_in


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Storage]:
    """Five entries about one person."""
    opened = open_in(tmp_path, Clock())
    user_id = uuid4()
    for number in range(5):
        note(opened, user_id, number)
    opened.audit.settle()
    yield opened
    opened.close()


def note(storage: Storage, user_id: UUID | None, number: int) -> None:
    with storage.begin() as work:
        work.note("login", user_id, outcome="unknown", n=number)
        work.commit()


def tamper(home: Path, statement: str, file: str = "data.db") -> None:
    with closing(sqlite3.connect(home / file)) as raw, raw:
        raw.execute(statement)


def test_a_log_is_whole_over_restarts_and_a_new_key(tmp_path: Path) -> None:
    for start in range(3):
        storage = open_in(tmp_path, Clock())
        note(storage, uuid4(), start)
        if start == 1:
            assert storage.audit.renew(storage.now()) == 2
            note(storage, None, start)
        assert storage.audit.verify() == ((1, 4, 5)[start], [])
        storage.close()


def test_what_is_rolled_back_is_not_in_it(written: Storage) -> None:
    with written.begin() as work:
        work.note("login", None)
    note(written, None, 6)
    assert [entry.details.get("n") for entry in written.audit.entries()] == [0, 1, 2, 3, 4, 6]
    assert written.audit.verify() == (6, [])


def test_people_stand_in_it_by_a_pseudonym_also_when_erased(tmp_path: Path) -> None:
    storage = open_in(tmp_path, Clock())
    user_id = enrol(storage)
    note(storage, user_id, 1)
    storage.erase([user_id], by="operator")
    entries = list(storage.audit.entries(person=storage.audit.pseudonym(user_id)))
    storage.close()
    assert [entry.kind for entry in entries] == ["login", "erased"]
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert user_id.hex.encode() not in stored
    assert str(user_id).encode() not in stored


@pytest.mark.files
@pytest.mark.parametrize(
    ("statement", "fault", "number"),
    [
        ('UPDATE audit SET details = \'{"n":9,"outcome":"accepted"}\' WHERE number = 2', Break.CHANGED, 2),
        ("UPDATE audit SET at = '2020-01-01 00:00:00.000000' WHERE number = 3", Break.CHANGED, 3),
        ("UPDATE audit SET person = NULL WHERE number = 1", Break.CHANGED, 1),
        ("UPDATE audit SET details = 'no JSON' WHERE number = 1", Break.CHANGED, 1),
        ("UPDATE audit SET generation = 7 WHERE number = 1", Break.CHANGED, 1),
        ("DELETE FROM audit WHERE number = 3", Break.MISSING, 4),
        ("DELETE FROM audit WHERE number = 5", Break.CUT, 4),
        ("DELETE FROM audit", Break.CUT, 0),
    ],
)
def test_tampering_with_the_data_shows(
    written: Storage, tmp_path: Path, statement: str, fault: Break, number: int
) -> None:
    tamper(tmp_path, statement)
    assert Finding(fault, number) in written.audit.verify()[1]


@pytest.mark.files
def test_swapped_entries_show(written: Storage, tmp_path: Path) -> None:
    for before, after in ((2, -1), (3, 2), (-1, 3)):
        tamper(tmp_path, f"UPDATE audit SET number = {after} WHERE number = {before}")
    assert Finding(Break.CHANGED, 2) in written.audit.verify()[1]


@pytest.mark.files
def test_a_cut_tail_shows_even_where_the_tail_row_was_put_back(written: Storage, tmp_path: Path) -> None:
    tamper(tmp_path, "UPDATE audit_tail SET number = 4, code = (SELECT code FROM audit WHERE number = 4)")
    tamper(tmp_path, "DELETE FROM audit WHERE number = 5")
    assert written.audit.verify()[1] == [Finding(Break.CUT, 4)]


@pytest.mark.files
@pytest.mark.parametrize("restarted", [True, False])
def test_a_cut_shows_for_good_also_once_the_log_has_grown_past_it(
    written: Storage, tmp_path: Path, restarted: bool
) -> None:
    written.audit.settle()
    tamper(tmp_path, "UPDATE audit_tail SET number = 3, code = (SELECT code FROM audit WHERE number = 3)")
    tamper(tmp_path, "DELETE FROM audit WHERE number > 3")
    storage = open_in(tmp_path, Clock()) if restarted else written
    for number in range(4):
        note(storage, None, number)
    assert storage.audit.verify() == (7, [Finding(Break.MISSING, 6)])
    if restarted:
        storage.close()


@pytest.mark.files
def test_a_head_that_was_put_back_by_hand_shows(written: Storage, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "data.db")) as raw:
        code: bytes = raw.execute("SELECT code FROM audit WHERE number = 4").fetchone()[0]
    tamper(tmp_path, "DELETE FROM audit WHERE number = 5")
    tamper(tmp_path, f"UPDATE audit_head SET number = 4, code = x'{code.hex()}'", "keys.db")
    assert written.audit.verify()[1] == [Finding(Break.CUT, 4)]
    tamper(tmp_path, "DELETE FROM audit_head", "keys.db")
    assert written.audit.verify()[1] == [Finding(Break.CUT, 4)]


@pytest.mark.files
def test_a_head_that_a_crash_left_behind_is_no_fault_and_is_caught_up_with(written: Storage, tmp_path: Path) -> None:
    written.audit.settle()
    with closing(sqlite3.connect(tmp_path / "keys.db")) as raw:
        behind = raw.execute("SELECT number, code, proof FROM audit_head").fetchone()
    note(written, None, 5)
    written.audit.settle()
    with closing(sqlite3.connect(tmp_path / "keys.db")) as raw, raw:
        raw.execute("UPDATE audit_head SET number = ?, code = ?, proof = ?", behind)
    assert written.audit.verify() == (6, [])
    note(written, None, 6)
    written.audit.settle()
    assert written.audit.head()[0].number == 7


def test_writers_take_turns(tmp_path: Path) -> None:
    storages = [open_in(tmp_path, Clock()) for _ in range(4)]

    def write(storage: Storage) -> None:
        for number in range(15):
            note(storage, None, number)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, storages))
    assert storages[0].audit.verify() == (60, [])
    for storage in storages:
        storage.close()


def test_a_failure_in_a_row_is_remembered_and_forgiven(tmp_path: Path) -> None:
    clock = Clock()
    storage = open_in(tmp_path, clock)
    for _ in range(3):
        with storage.begin() as work:
            work.failures.add(["a", "b"], work.now)
            work.commit()
    storage.close()
    storage = open_in(tmp_path, clock)
    with storage.begin() as work:
        assert {name: found.count for name, found in work.failures.of(["a", "b", "c"]).items()} == {"a": 3, "b": 3}
        assert work.failures.forgive(["a", "c"]) == 1
        assert work.failures.of(["a"]) == {}
        assert work.failures.count(3) == 1
        work.commit()
    clock.advance(days=1)
    with storage.begin() as work:
        assert work.failures.forget(work.now) == 1
        assert work.failures.of(["b"]) == {}
    storage.close()


@pytest.mark.files
def test_an_older_log_that_was_put_back_is_taken_up_and_says_what_is_lost(written: Storage, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "data.db")) as raw, closing(sqlite3.connect(tmp_path / "old.db")) as old:
        raw.backup(old)
    for number in range(5, 9):
        note(written, None, number)
    written.close()
    for leftover in tmp_path.glob("data.db*"):
        leftover.unlink()
    (tmp_path / "old.db").rename(tmp_path / "data.db")
    again = open_in(tmp_path, Clock())
    assert again.audit.verify()[1] == [Finding(Break.CUT, 5)]
    again.audit.restored(again.now())
    note(again, None, 0)
    assert again.audit.verify() == (7, [])
    assert [entry.details for entry in again.audit.last(2)] == [{"lost": 4}, {"n": 0, "outcome": "unknown"}]
    again.close()
