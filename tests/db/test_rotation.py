"""Keys replaced: by hand, beside a running service, and through kill -9 at every step."""

import base64
import json
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from db.errors import MasterKeyError, RecordUnreadable
from db.key_file import KeyFile, destroy_file
from db.keys import EnvironmentKey, MasterKey
from db.readable import template_query
from db.rotation import PersonRotation
from db.sealing import key_id_of
from db.storage import Storage
from tests.databases import urls
from tests.db import softhsm
from tests.db.people import Clock, enrol, open_in, vector

LONG = os.environ.get("FACEWARDEN_TEST_LONG") == "1"
TIMES = 40 if LONG else 2
OWN = 3
"""Secrets of an empty storage: for tombstones, for proofs, and since when there are proofs."""


def names(home: Path) -> set[str]:
    """The wrapping keys that rows of the key store name, in their column and in the records themselves."""
    with sqlite3.connect(home / "keys.db") as keys:
        rows = keys.execute(
            "SELECT wrapped_by, wrapped FROM person_key UNION ALL SELECT wrapped_by, wrapped FROM secret"
        )
        found = {name for wrapped_by, wrapped in rows for name in (wrapped_by, key_id_of(wrapped).hex())}
        found |= {key_id_of(record).hex() for (record,) in keys.execute("SELECT key_check FROM keystore")}
    keys.close()
    return found


def sealed_with(home: Path, user_id: UUID) -> set[bytes]:
    with sqlite3.connect(home / "data.db") as data:
        query = (
            "SELECT sealed FROM template WHERE user_id = :id UNION ALL SELECT sealed FROM detail WHERE user_id = :id"
        )
        found = {key_id_of(sealed) for (sealed,) in data.execute(query, {"id": user_id.hex})}
    data.close()
    return found


TOKEN = pytest.mark.skipif(softhsm.missing() is not None, reason=softhsm.missing() or "")


@pytest.mark.parametrize(
    "what", ["master", "person", pytest.param("module", marks=TOKEN), pytest.param("move", marks=TOKEN)]
)
@pytest.mark.files
def test_whatever_moment_it_is_killed_at_nothing_is_lost_and_the_rest_is_done_later(tmp_path: Path, what: str) -> None:
    stride = 1 if LONG else 7 if what in {"master", "person"} else 15
    arguments = [sys.executable, "-m", "tests.db.crashing", what, str(tmp_path), str(stride), str(TIMES)]
    run = subprocess.run(arguments, capture_output=True, text=True, timeout=1200, check=False)
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)
    assert told["killed_at_step"] * stride >= 45
    assert told["left_for_resume"] >= (4 if what == "person" else 20) // stride


@pytest.mark.files
def test_a_new_master_key_opens_everything_and_the_old_one_is_gone(tmp_path: Path) -> None:
    storage = open_in(tmp_path)
    ids = [enrol(storage, label=f"person {number}") for number in range(450)]
    old, secret = (tmp_path / "master.key").read_text().strip(), storage.secret("tokens")
    before = storage.master_rotation().status()
    seen: list[tuple[int, int]] = []
    done = storage.master_rotation().rotate(lambda *progress: seen.append(progress))
    after = storage.master_rotation().status()
    assert done.replaced
    assert done.destroyed
    assert done.rewrapped == len(ids) + OWN + 1  # and the secret for tokens
    assert seen[0] == (0, len(ids) + OWN + 1)
    assert seen[-1] == (len(ids) + OWN + 1, len(ids) + OWN + 1)
    assert before.current != after.current == done.current
    assert names(tmp_path) == {after.current}
    assert not before.unfinished
    assert not after.unfinished
    storage.close()
    assert [path.name for path in tmp_path.glob("master.key*")] == ["master.key"]
    assert not any(old.encode() in path.read_bytes() for path in tmp_path.iterdir())
    storage = open_in(tmp_path)
    with storage.begin() as work:
        assert {person.user_id for person in work.people(0, 1000)} == set(ids)
    assert storage.secret("tokens") == secret
    storage.close()


@pytest.mark.files
def test_a_service_that_runs_meanwhile_enrols_and_reads_without_a_break(tmp_path: Path) -> None:
    service, operator = open_in(tmp_path), open_in(tmp_path)
    first = [enrol(service, label="before") for _ in range(20)]
    failures: list[Exception] = []
    enrolled: list[UUID] = []
    stop = threading.Event()

    def serve() -> None:
        try:
            while not stop.is_set():
                enrolled.append(enrol(service, label="meanwhile"))
                with service.begin() as work:
                    assert work.person(first[0]) is not None
                    assert {template.user_id for template in work.all_templates()} >= set(first)
        except Exception as error:  # noqa: BLE001 - told by the main thread
            failures.append(error)

    thread = threading.Thread(target=serve)
    thread.start()
    for number in range(3):
        operator.master_rotation().rotate()
        assert operator.rotate_person(first[number]) is not None
    stop.set()
    thread.join()
    assert failures == []
    service.sweep()
    assert operator.sweep()
    service.close()
    current = operator.master_rotation().status().current
    operator.close()
    assert names(tmp_path) == {current}
    with open_in(tmp_path).begin() as work:
        assert work.user_ids() == {*first, *enrolled}
        assert len(list(work.all_templates())) == len(first) + len(enrolled)


@pytest.mark.files
def test_two_rotations_beside_each_other_leave_one_key(tmp_path: Path) -> None:
    storages = [open_in(tmp_path) for _ in range(3)]
    ids = {enrol(storages[0]) for _ in range(30)}
    failures: list[Exception] = []

    def rotate(storage: Storage) -> None:
        try:
            storage.master_rotation().rotate()
        except Exception as error:  # noqa: BLE001 - told by the main thread
            failures.append(error)

    threads = [threading.Thread(target=rotate, args=(storage,)) for storage in storages]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    for storage in storages:
        storage.close()
    with open_in(tmp_path).begin() as work:
        assert {template.user_id for template in work.all_templates()} == ids
    assert len(names(tmp_path)) == 1
    assert [path.name for path in tmp_path.glob("master.key*")] == ["master.key"]


def test_rewrap_makes_no_new_key_and_ends_a_replacement_that_was_begun(tmp_path: Path) -> None:
    storage = open_in(tmp_path)
    enrol(storage)
    current = storage.master_rotation().status().current
    done = storage.master_rotation().rewrap()
    assert (done.current, done.replaced, done.rewrapped) == (current, False, 0)
    made = KeyFile(tmp_path / "master.key").prepare(bytes.fromhex(current))
    assert storage.master_rotation().status().unfinished
    done = storage.master_rotation().rewrap()
    assert (done.current, done.replaced, done.rewrapped) == (made.key_id.hex(), True, OWN + 1)
    assert not storage.master_rotation().status().unfinished
    storage.close()


def environment(home: Path, key: bytes, previous: bytes | None = None) -> Storage:
    texts = [None if each is None else base64.b64encode(each).decode() for each in (key, previous)]
    data, keys = urls(home)
    return Storage.open(data, keys, EnvironmentKey(texts[0] or "", texts[1]), clock=Clock())


@pytest.mark.files
def test_a_master_key_from_the_environment_is_replaced_beside_the_previous_one(tmp_path: Path) -> None:
    old, new = b"o" * 32, b"n" * 32
    storage = environment(tmp_path, old)
    before = enrol(storage)
    with pytest.raises(MasterKeyError, match="FACEWARDEN_MASTER_KEY_PREVIOUS"):
        storage.master_rotation().rotate()
    storage.close()
    service = environment(tmp_path, new, old)
    meanwhile = enrol(service)
    done = service.master_rotation().rotate()
    assert done.replaced
    assert not done.destroyed
    assert done.current == MasterKey(new).wrapping_key().key_id.hex()
    service.close()
    assert names(tmp_path) == {done.current}
    storage = environment(tmp_path, new)
    with storage.begin() as work:
        assert {person.user_id for person in work.people(0, 9)} == {before, meanwhile}
    assert not storage.master_rotation().status().unfinished
    storage.close()
    with pytest.raises(MasterKeyError, match="not the master key"):
        environment(tmp_path, old)


@pytest.mark.files
def test_a_person_gets_a_new_key_and_the_old_one_opens_nothing(tmp_path: Path) -> None:
    storage = open_in(tmp_path)
    one, other = enrol(storage, templates=3, label="Ada", seed=4), enrol(storage, label="Grace")
    before = storage._keystore.all()
    untouched = sealed_with(tmp_path, other)
    with storage.begin() as work:
        revision = work.revision()
    done = storage.rotate_person(one)
    assert done is not None
    assert done.records == 5
    assert not done.pending
    after = storage._keystore.all()
    assert after[one].current != before[one].current
    assert after[one].successor is None
    assert after[other] == before[other]
    assert sealed_with(tmp_path, one) == {after[one].current.key_id}
    assert sealed_with(tmp_path, other) == untouched
    with storage.begin() as work:
        person = work.person(one)
        assert person is not None
        assert person.metadata == {"label": "Ada"}
        assert [(each.vector == vector(4 + each.capture)).all() for each in work.templates(one)] == [True] * 3
        assert work.revision() == revision
    storage.close()
    assert not any(before[one].current.key_id in path.read_bytes() for path in tmp_path.iterdir())
    assert any(after[one].current.key_id in path.read_bytes() for path in tmp_path.iterdir())


def test_nobody_gets_no_new_key(storage: Storage) -> None:
    assert storage.rotate_person(uuid4()) is None
    orphan = uuid4()
    storage._keystore.create(orphan, storage.now())
    assert storage.rotate_person(orphan) is None
    keys = storage._keystore.get(orphan)
    assert keys is not None
    assert keys.successor is None


def test_who_read_the_keys_before_a_person_got_a_new_one_can_open_the_records_after(tmp_path: Path) -> None:
    storage = open_in(tmp_path)
    user_id = enrol(storage)
    keys = storage._keystore.all()
    storage.rotate_person(user_id)
    with storage.begin() as work:
        assert len(work._opened_templates(keys, work._session.execute(template_query()))) == 1
    storage.close()


def test_an_erasure_in_the_middle_of_a_persons_replacement_is_not_undone(tmp_path: Path) -> None:
    storage = open_in(tmp_path)
    user_id = enrol(storage)
    keys = storage._keystore.begin_successor(user_id)
    assert keys is not None
    PersonRotation(storage._data, storage._keystore)._reseal(user_id, keys)
    storage.erase([user_id])
    assert not storage._keystore.finish_successor(user_id, keys)
    assert storage._keystore.holders() == set()
    assert storage.rotate_person(user_id) is None
    storage.close()


@pytest.mark.files
def test_a_damaged_row_stops_the_replacement_before_the_old_key_is_destroyed(tmp_path: Path) -> None:
    storage = open_in(tmp_path)
    enrol(storage)
    old = (tmp_path / "master.key").read_text()
    with sqlite3.connect(tmp_path / "keys.db") as raw:
        (wrapped,) = raw.execute("SELECT wrapped FROM person_key").fetchone()
        raw.execute("UPDATE person_key SET wrapped = ?", (wrapped[:-1] + bytes([wrapped[-1] ^ 1]),))
    raw.close()
    with pytest.raises(RecordUnreadable):
        storage.master_rotation().rotate()
    assert (tmp_path / "master.key").read_text() == old
    storage.close()


def test_a_key_file_is_destroyed_in_place_before_its_name_goes(tmp_path: Path) -> None:
    path, second = tmp_path / "master.key.old", tmp_path / "second name"
    path.write_bytes(b"secret" * 8)
    second.hardlink_to(path)
    destroy_file(path)
    assert not path.exists()
    assert len(second.read_bytes()) == 48
    assert b"secret" not in second.read_bytes()
    destroy_file(path)


def test_a_half_destroyed_old_key_does_not_stop_the_start(tmp_path: Path) -> None:
    open_in(tmp_path).close()
    (tmp_path / "master.key.old").write_bytes(os.urandom(45))
    (tmp_path / "master.key.old").chmod(0o600)
    storage = open_in(tmp_path)
    assert storage.master_rotation().rewrap().destroyed
    assert not (tmp_path / "master.key.old").exists()
    storage.close()


def test_retiring_refuses_to_destroy_the_key_that_is_needed(tmp_path: Path) -> None:
    provider = KeyFile(tmp_path / "master.key")
    provider.load(may_create=True)
    with pytest.raises(MasterKeyError):
        provider.retire(bytes(16))
    with pytest.raises(MasterKeyError):
        EnvironmentKey(base64.b64encode(bytes(32)).decode()).retire(bytes(16))
    assert len(provider.load(may_create=False)) == 1
