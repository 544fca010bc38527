"""Days on which disks, copies and hands fail: an error that says what is wrong, nothing lost, everybody else served."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine, event

from db.errors import MasterKeyError, RecordUnreadable, StorageIncomplete, StorageUnavailable
from db.storage import ORPHAN_AGE, Storage
from tests.db.damage import REGIONS, cut, flip, swap
from tests.db.people import Clock, enrol, open_in

DATA, KEYS = "data.db", "keys.db"


def readable(storage: Storage) -> tuple[set[UUID], set[UUID]]:
    """Whom a start finds, and whom it leaves out."""
    with storage.begin() as work:
        return {each.user_id for each in work.all_templates()}, set(work.unreadable)


def listed(storage: Storage) -> dict[UUID, bool]:
    with storage.begin() as work:
        return {person.user_id: person.readable for person in work.people(0, 500)}


@contextmanager
def reopened(home: Path, clock: Clock | None = None) -> Iterator[Storage]:
    storage = open_in(home, clock)
    try:
        yield storage
    finally:
        storage.close()


def enrolled(home: Path, *labels: str, clock: Clock | None = None) -> list[UUID]:
    """People, each in the log as well, in a storage that is closed again."""
    with reopened(home, clock) as storage:
        ids = [enrol(storage, label=label, templates=2, seed=10 * n) for n, label in enumerate(labels)]
        with storage.begin() as work:
            for user_id in ids:
                work.note("enrolled", user_id)
            work.commit()
    return ids


# Records


@pytest.mark.files
@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("what", ["template", "detail", "person_key"])
def test_one_damaged_byte_costs_one_person(tmp_path: Path, what: str, region: str) -> None:
    broken, whole = enrolled(tmp_path, "Ada", "Grace")
    file, column = (KEYS, "wrapped") if what == "person_key" else (DATA, "sealed")
    flip(tmp_path / file, what, column, broken, REGIONS[region])
    with reopened(tmp_path) as storage:
        assert listed(storage) == {broken: False, whole: True}
        found, left_out = readable(storage)
        assert whole in found
        assert (found, left_out) == ({whole}, {broken}) or what == "detail"
        with storage.begin() as work:
            assert work.unreadable_ids() == {broken}
            with pytest.raises(RecordUnreadable):
                _ = work.templates(broken), work.person(broken)
            assert work.person(whole) is not None
        assert storage.rotate_person(whole) is not None
        assert storage.erase([broken]).erased == 1
        assert listed(storage) == {whole: True}


@pytest.mark.files
@pytest.mark.parametrize("length", [0, 1, 28, 44, 45])
def test_a_record_cut_short_costs_one_person(tmp_path: Path, length: int) -> None:
    broken, whole = enrolled(tmp_path, "Ada", "Grace")
    cut(tmp_path / DATA, "template", "sealed", broken, length)
    with reopened(tmp_path) as storage:
        assert readable(storage) == ({whole}, {broken})


@pytest.mark.files
@pytest.mark.parametrize("what", ["template", "detail", "person_key"])
def test_rows_exchanged_between_two_people_open_for_neither(tmp_path: Path, what: str) -> None:
    one, other, third = enrolled(tmp_path, "Ada", "Grace", "Edith")
    file, column = (KEYS, "wrapped") if what == "person_key" else (DATA, "sealed")
    swap(tmp_path / file, what, column, one, other)
    with reopened(tmp_path) as storage:
        assert listed(storage) == {one: False, other: False, third: True}


@pytest.mark.files
def test_a_person_whose_replacement_cannot_be_ended_does_not_stop_the_start(tmp_path: Path) -> None:
    broken, whole = enrolled(tmp_path, "Ada", "Grace")
    with reopened(tmp_path) as storage:
        storage._keystore.begin_successor(broken)
        storage._keystore.begin_successor(whole)
    flip(tmp_path / DATA, "template", "sealed", broken, REGIONS["payload"])
    with reopened(tmp_path) as storage:
        assert listed(storage) == {broken: False, whole: True}
        assert storage._keystore.with_successor() == [broken]


# Files that are missing, old or foreign


def contents(home: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in home.iterdir()}


@pytest.mark.parametrize("missing", [DATA, KEYS])
@pytest.mark.files
def test_one_database_without_the_other_stops_the_start_and_nothing_is_erased(tmp_path: Path, missing: str) -> None:
    clock, kept = Clock(), tmp_path.parent / f"{tmp_path.name}-kept"
    ids = enrolled(tmp_path, "Ada", "Grace", clock=clock)
    shutil.move(tmp_path / missing, kept)
    clock.advance(days=1)
    for _ in range(2):  # the empty file of the first try changes nothing
        with pytest.raises(StorageIncomplete, match=missing):
            open_in(tmp_path, clock)
    shutil.move(kept, tmp_path / missing)
    with reopened(tmp_path, clock) as storage:
        assert listed(storage) == dict.fromkeys(ids, True)


@pytest.mark.parametrize("left", [DATA, KEYS])
@pytest.mark.files
def test_what_a_crash_in_the_first_start_leaves_is_no_missing_database(tmp_path: Path, left: str) -> None:
    with reopened(tmp_path) as storage:
        storage._keystore.create(UUID(int=7), Clock()())
    (tmp_path / (KEYS if left == DATA else DATA)).unlink()
    with reopened(tmp_path) as storage:
        assert listed(storage) == {}


@pytest.mark.files
def test_keys_older_than_the_data_cost_those_who_came_since_and_erase_nobody(tmp_path: Path) -> None:
    (early,) = enrolled(tmp_path, "Ada")
    yesterday = (tmp_path / KEYS).read_bytes()
    (late,) = enrolled(tmp_path, "Grace")
    today = (tmp_path / KEYS).read_bytes()
    (tmp_path / KEYS).write_bytes(yesterday)
    with reopened(tmp_path) as storage:
        assert listed(storage) == {early: True, late: False}
        assert readable(storage) == ({early}, {late})
    (tmp_path / KEYS).write_bytes(today)
    with reopened(tmp_path) as storage:
        assert listed(storage) == {early: True, late: True}


@pytest.mark.files
def test_data_older_than_the_keys_cost_no_key(tmp_path: Path) -> None:
    clock = Clock()
    (early,) = enrolled(tmp_path, "Ada", clock=clock)
    yesterday = (tmp_path / DATA).read_bytes()
    (late,) = enrolled(tmp_path, "Grace", clock=clock)
    today = (tmp_path / DATA).read_bytes()
    (tmp_path / DATA).write_bytes(yesterday)
    clock.advance(seconds=2 * ORPHAN_AGE / timedelta(seconds=1))
    with reopened(tmp_path, clock) as storage:
        assert listed(storage) == {early: True}
        assert storage.audit.verify()[1]
    (tmp_path / DATA).write_bytes(today)
    with reopened(tmp_path, clock) as storage:
        assert listed(storage) == {early: True, late: True}


def _as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _as_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


KEY_FILES: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "half": lambda path: os.truncate(path, path.stat().st_size // 2),
    "one byte short": lambda path: os.truncate(path, path.stat().st_size - 2),
    "foreign": lambda path: path.write_bytes(b"A" * 43 + b"=\n"),
    "no base64": lambda path: path.write_bytes(b"\xff" * 45),
    "missing": Path.unlink,
    "a folder": _as_folder,
    "a pipe": _as_pipe,
    "for all to read": lambda path: path.chmod(0o644),
}


@pytest.mark.parametrize("how", KEY_FILES)
def test_a_key_file_that_will_not_do_stops_the_start_and_changes_nothing(tmp_path: Path, how: str) -> None:
    ids = enrolled(tmp_path, "Ada")
    key, good = tmp_path / "master.key", (tmp_path / "master.key").read_bytes()
    before = {name: content for name, content in contents(tmp_path).items() if name != key.name}
    KEY_FILES[how](key)
    with pytest.raises(MasterKeyError) as refusal:
        open_in(tmp_path)
    assert good.decode().strip() not in str(refusal.value)
    assert {name: (tmp_path / name).read_bytes() for name in before} == before
    key.rmdir() if key.is_dir() else key.unlink(missing_ok=True)
    key.write_bytes(good)
    key.chmod(0o600)
    with reopened(tmp_path) as storage:
        assert listed(storage) == dict.fromkeys(ids, True)


@pytest.mark.parametrize("file", [DATA, KEYS])
@pytest.mark.parametrize("how", ["rubbish", "half", "a folder"])
@pytest.mark.files
def test_a_database_file_that_is_none_is_told(tmp_path: Path, file: str, how: str) -> None:
    enrolled(tmp_path, "Ada")
    path, kept = tmp_path / file, tmp_path.parent / f"{tmp_path.name}-kept"
    shutil.copyfile(path, kept)
    if how == "a folder":
        _as_folder(path)
    elif how == "half":
        os.truncate(path, path.stat().st_size // 2)
    else:
        path.write_bytes(b"rubbish" * 5000)
    with pytest.raises(StorageUnavailable) as refusal:
        open_in(tmp_path)
    assert "damaged" in str(refusal.value) or how == "a folder"
    path.rmdir() if how == "a folder" else path.unlink()
    shutil.copyfile(kept, path)
    with reopened(tmp_path) as storage:
        assert all(listed(storage).values())


# Disks


@contextmanager
def no_room(engine: Engine) -> Iterator[None]:
    """The database may not grow by a page: what SQLite answers on a full disk."""

    def limit(connection: object, _: object) -> None:
        connection.execute("PRAGMA max_page_count=1").close()  # type: ignore[attr-defined]

    event.listen(engine, "connect", limit)
    engine.dispose()
    try:
        yield
    finally:
        event.remove(engine, "connect", limit)
        engine.dispose()


def _enrol_until_refused(storage: Storage, ids: list[UUID]) -> None:
    while len(ids) < 100:  # until the free pages are used up
        ids.append(enrol(storage, label="x" * 3000))


@pytest.mark.parametrize("which", ["_data", "_keys"])
@pytest.mark.files
def test_a_full_disk_is_told_and_nothing_is_half_written(tmp_path: Path, which: str) -> None:
    ids = enrolled(tmp_path, "Ada")
    with reopened(tmp_path) as storage:
        with no_room(getattr(storage, which)):
            with pytest.raises(StorageUnavailable, match="the disk is full"):
                _enrol_until_refused(storage, ids)
            assert set(listed(storage)) == set(ids)
        assert len(ids) < 100
        assert storage._keystore.holders() == set(ids)
        ids.append(enrol(storage))
        assert listed(storage) == dict.fromkeys(ids, True)
        assert not storage.erase([ids[0]]).pending


_LIMITED = """
import resource, sys
from pathlib import Path
from db.errors import StorageUnavailable
from tests.db.people import Clock, enrol, open_in
clock = Clock()
storage = open_in(Path(sys.argv[1]), clock)
first = enrol(storage)
size = max(path.stat().st_size for path in Path(sys.argv[1]).iterdir())
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 8192, resource.RLIM_INFINITY))
try:
    for number in range(200):
        enrol(storage, label="x" * 3000)
except StorageUnavailable as refusal:
    print(refusal)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
enrol(storage)
clock.advance(minutes=11)
storage.sweep()
with storage.begin() as work:
    people = work.people(0, 500)
    assert all(person.readable for person in people) and len(people) == len(storage._keystore.holders())
print(len(people))
"""


@pytest.mark.files
def test_a_file_that_may_not_grow_is_told_and_nothing_is_half_written(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _LIMITED, str(tmp_path)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    refusal, people = done.stdout.splitlines()
    assert "disk" in refusal
    assert 2 <= int(people) < 200


# Clocks


def test_a_login_while_the_clock_was_set_back_makes_nobody_look_long_gone(tmp_path: Path) -> None:
    clock = Clock()
    (user_id,) = enrolled(tmp_path, "Ada", clock=clock)
    with reopened(tmp_path, clock) as storage:
        for days in (0, -400, 400):
            clock.advance(days=days)
            with storage.begin() as work:
                work.logged_in(user_id)
                work.commit()
            with storage.begin() as work:
                person = work.person(user_id)
                assert person is not None
                assert person.last_login_at == Clock()()


def test_a_clock_set_back_destroys_no_key_and_keeps_the_log_whole(tmp_path: Path) -> None:
    clock = Clock()
    ids = enrolled(tmp_path, "Ada", clock=clock)
    clock.advance(days=-400)
    ids += enrolled(tmp_path, "Grace", clock=clock)
    clock.advance(days=800)
    with reopened(tmp_path, clock) as storage:
        assert listed(storage) == dict.fromkeys(ids, True)
        assert storage.audit.verify() == (2, [])
