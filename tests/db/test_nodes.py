"""Two storages over the same databases, as two processes or nodes have them."""

import os
import signal
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from db.errors import RecordUnreadable
from db.key_file import KeyFile
from db.storage import Storage
from tests.databases import administrator, on_server, server_files, urls
from tests.db.crashing import in_child
from tests.db.people import Clock, enrol

ROUNDS = 25
Open = Callable[[], Storage]


@pytest.fixture(params=["files", "server"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Opens the same databases again."""
    server = request.getfixturevalue("postgres_server") if request.param == "server" else None
    data, keys = urls(tmp_path) if server is None else on_server(server, tmp_path)
    return lambda: Storage.open(data, keys, KeyFile(tmp_path / "master.key"), clock=Clock())


def test_failures_and_entries_written_side_by_side_are_all_there(opened: Open) -> None:
    storages = [opened() for _ in range(2)]
    failed: list[Exception] = []

    def write(storage: Storage) -> None:
        try:
            for _ in range(ROUNDS):
                with storage.begin() as work:
                    work.take_turn()
                    work.failures.add(["claim"], datetime(2026, 3, 1, tzinfo=UTC))
                    work.note("login", None, outcome="unknown")
                    work.commit()
        except Exception as error:  # noqa: BLE001 - told by the main thread
            failed.append(error)

    threads = [threading.Thread(target=write, args=(storage,)) for storage in storages * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    with storages[0].begin() as work:
        assert work.failures.of(["claim"])["claim"].count == 4 * ROUNDS
    assert storages[1].audit.verify() == (4 * ROUNDS, [])
    for storage in storages:
        storage.close()


def test_one_killed_in_the_middle_of_a_write_holds_nobody_up_and_leaves_the_log_whole(opened: Open) -> None:
    storage = opened()
    enrol(storage)

    def die() -> None:
        work = opened().begin()
        work.note("login", None, outcome="unknown")
        work.failures.add(["claim"], datetime(2026, 3, 1, tzinfo=UTC))
        os.kill(os.getpid(), signal.SIGKILL)

    storage.close()
    assert in_child(die, lambda: None)
    storage = opened()
    with storage.begin() as work:
        assert not work.failures.of(["claim"])
        work.note("login", None, outcome="unknown")
        work.commit()
    assert storage.audit.verify() == (1, [])
    storage.close()


def test_on_a_server_the_erased_leave_its_tables_and_what_its_log_keeps_opens_no_more(
    tmp_path: Path, postgres_server: str
) -> None:
    data, keys = on_server(postgres_server, tmp_path)
    storage = Storage.open(data, keys, KeyFile(tmp_path / "master.key"), clock=Clock())
    user_id = enrol(storage, templates=3, label="Ada")
    with administrator(keys) as connection:
        wrapped = bytes(connection.exec_driver_sql("SELECT wrapped FROM person_key").scalar_one())
    with administrator(data) as connection:
        sealed = [bytes(row[0]) for row in connection.exec_driver_sql("SELECT sealed FROM template")]
    traces = [wrapped, *sealed, user_id.bytes]
    assert len(in_tables([data, keys], traces)) == len(traces), "else the search would prove nothing"

    done = storage.erase([user_id])
    assert (done.erased, done.pending) == (1, False)
    assert wrapped not in in_tables([keys], [wrapped])
    assert storage.sweep()
    assert in_tables([data, keys], traces) == []
    # The server's write-ahead log is not overwritten: there the key lies on, wrapped, until the master key is replaced.
    storage._keystore.unwrap(user_id, wrapped)
    assert storage.master_rotation().rotate().destroyed
    with pytest.raises(RecordUnreadable):
        storage._keystore.unwrap(user_id, wrapped)
    storage.close()


def test_a_connection_that_the_server_ends_is_made_anew(tmp_path: Path, postgres_server: str) -> None:
    places = on_server(postgres_server, tmp_path)
    storage = Storage.open(*places, KeyFile(tmp_path / "master.key"), clock=Clock())
    watch = storage.watch()
    assert watch.wait(0)
    assert not watch.wait(0)
    user_id = enrol(storage)
    assert watch.wait(10)
    with administrator(places[0]) as connection:
        others = "datname LIKE left(current_database(), 20) || '%%' AND pid <> pg_backend_pid()"
        connection.exec_driver_sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")
    assert watch.wait(10), "there may have been news"
    with storage.begin() as work:
        assert work.person(user_id) is not None
    assert watch.wait(0)
    storage.erase([user_id])
    assert watch.wait(10)
    watch.close()
    storage.close()


def in_tables(places: list[str], traces: list[bytes]) -> list[bytes]:
    """Which of them are in a file of these databases."""
    found = {trace for place in places for content in server_files(place) for trace in traces if trace in content}
    return sorted(found)


def test_what_a_transaction_of_another_database_keeps_on_the_server_is_told_as_pending(
    tmp_path: Path, postgres_server: str
) -> None:
    data, keys = on_server(postgres_server, tmp_path)
    storage = Storage.open(data, keys, KeyFile(tmp_path / "master.key"), clock=Clock())
    user_id = enrol(storage)
    with administrator(postgres_server) as other:
        other.exec_driver_sql("BEGIN")
        other.exec_driver_sql("SELECT pg_current_xact_id()")
        assert storage.erase([user_id]).pending
        other.exec_driver_sql("COMMIT")
    while not storage.sweep():
        pass
    assert in_tables([data, keys], [user_id.bytes]) == []
    storage.close()
