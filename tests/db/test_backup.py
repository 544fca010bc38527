"""Backups made beside a running service and put back, and what must not come back with them."""

import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from db.backup import Created, prune
from db.errors import BackupExpired, BackupRefused, DatabaseInUse, MasterKeyError, RecordUnreadable
from db.key_file import KeyFile
from db.restore import Restore
from db.sealing import Place, open_record
from db.storage import Storage
from tests.db.people import Clock, enrol, open_in, vector

pytestmark = pytest.mark.files


def archives(storage: Storage, folder: Path) -> Created:
    folder.mkdir(parents=True, exist_ok=True)
    return storage.backup().create(folder)


def restore_in(home: Path, clock: Clock | None = None) -> Restore:
    home.mkdir(exist_ok=True)
    data, keys = f"sqlite:///{home / 'data.db'}", f"sqlite:///{home / 'keys.db'}"
    return Restore(data, keys, KeyFile(home / "master.key"), clock or Clock())


def labels(home: Path) -> dict[UUID, object]:
    storage = open_in(home)
    with storage.begin() as work:
        found = {person.user_id: (person.metadata or {}).get("label") for person in work.people(0, 1000)}
        assert {template.user_id for template in work.all_templates()} == set(found)
    storage.close()
    return found


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "archives"


def test_a_lost_machine_comes_back_from_both_archives_and_the_master_key(home: Path, folder: Path) -> None:
    storage = open_in(home)
    ids = [enrol(storage, label=f"person {number}", seed=number, templates=2) for number in range(5)]
    secret = storage.secret("tokens")
    made = archives(storage, folder)
    storage.close()
    assert sorted(path.name for path in folder.iterdir()) == [made.data.name, made.keys.name]
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.iterdir())
    new = home.with_name("new")
    new.mkdir()
    shutil.copy(home / "master.key", new)
    done = restore_in(new)(made.data, made.keys)
    assert (done.people, done.erased, done.unreadable) == (5, 0, 0)
    assert labels(new) == {user_id: f"person {number}" for number, user_id in enumerate(ids)}
    storage = open_in(new)
    with storage.begin() as work:
        assert (work.templates(ids[2])[1].vector == vector(3)).all()
    assert storage.secret("tokens") == secret
    storage.close()
    assert {path.name for path in new.iterdir()} == {"data.db", "keys.db", "master.key"}
    assert all(path.stat().st_mode & 0o077 == 0 for path in new.iterdir())


def test_neither_archive_holds_a_key_in_clear(home: Path, folder: Path) -> None:
    storage = open_in(home)
    user_id = enrol(storage, label="Ada")
    made = archives(storage, folder)
    keys = storage._keystore.get(user_id)
    storage.close()
    assert keys is not None
    wrapped = sqlite3.connect(home / "keys.db").execute("SELECT wrapped FROM person_key").fetchone()[0]
    for path in (made.data, made.keys):
        content = path.read_bytes()
        assert keys.current.secret not in content
        assert (home / "master.key").read_bytes().strip() not in content
        assert b"Ada" not in content
        assert (wrapped in content) == (path == made.keys)


def test_yesterdays_data_beside_todays_keys_shows_nothing_of_somebody_erased(home: Path) -> None:
    storage = open_in(home)
    gone, other = enrol(storage, label="Ada", templates=3), enrol(storage, label="Grace")
    once = storage._keystore.get(gone)
    storage.close()
    assert once is not None
    yesterday = home.with_name("yesterday.db")
    shutil.copy(home / "data.db", yesterday)
    sealed = records_of(yesterday, gone)
    assert len(sealed) == 5
    assert all(open_record(once.current, place, record) for place, record in sealed)
    storage = open_in(home)
    storage.erase([gone])
    keys = storage._keystore.all()
    assert set(keys) == {other}
    todays = [keys[other].current, *storage._keystore.keyring._keys.values()]
    storage.close()
    for key in todays:
        for place, record in sealed:
            with pytest.raises(RecordUnreadable):
                open_record(key, place, record)
            with pytest.raises(RecordUnreadable):  # nor under its own name
                open_record(key, place, record[:1] + key.key_id + record[17:])
    assert once.current.key_id not in (home / "keys.db").read_bytes()

    shutil.copy(yesterday, home / "data.db")
    storage = open_in(home)
    with storage.begin() as work:
        assert work.person(gone) is None
        assert work.templates(gone) == []
    storage.close()
    assert labels(home) == {other: "Grace"}
    for path in home.iterdir():
        assert not any(record in path.read_bytes() for _, record in sealed)
        assert gone.hex.encode() not in path.read_bytes()


def records_of(data: Path, user_id: UUID) -> list[tuple[Place, bytes]]:
    with sqlite3.connect(data) as copy:
        templates = copy.execute(
            "SELECT template_id, model_id, sealed FROM template WHERE user_id = ?", (user_id.hex,)
        ).fetchall()
        details = copy.execute(
            "SELECT detail_id, kind, sealed FROM detail WHERE user_id = ?", (user_id.hex,)
        ).fetchall()
    copy.close()
    return [
        *((Place("template", user_id, UUID(row).bytes, model), record) for row, model, record in templates),
        *((Place(kind, user_id, UUID(row).bytes), record) for row, kind, record in details),
    ]


@pytest.mark.parametrize("beside_todays_keys", [True, False])
def test_who_was_erased_since_the_backup_stays_erased(home: Path, folder: Path, beside_todays_keys: bool) -> None:
    storage = open_in(home)
    gone, stays = enrol(storage, label="Ada"), enrol(storage, label="Grace")
    made = archives(storage, folder)
    storage.erase([gone])
    later = enrol(storage, label="later")
    storage.close()
    done = restore_in(home)(made.data, None if beside_todays_keys else made.keys, replace=True)
    assert (done.people, done.erased, done.unreadable) == (1, 1, 0)
    assert labels(home) == {stays: "Grace"}
    storage = open_in(home, later_clock())
    storage.close()
    keys = (home / "keys.db").read_bytes()
    assert gone.hex.encode() not in keys
    assert later.hex.encode() not in keys
    again = restore_in(home)(made.data, made.keys, replace=True)  # the tombstones came along
    assert again.erased == 1


def later_clock() -> Clock:
    clock = Clock()
    clock.advance(hours=1)
    return clock


def test_a_newer_archive_tells_who_was_erased_where_the_key_store_is_lost(home: Path, folder: Path) -> None:
    clock = Clock()
    storage = open_in(home, clock)
    gone, stays = enrol(storage, label="Ada"), enrol(storage, label="Grace")
    first = archives(storage, folder)
    storage.erase([gone])
    clock.advance(hours=1)
    second = archives(storage, folder)
    storage.close()
    (home / "keys.db").unlink()
    (home / "data.db").unlink()
    done = restore_in(home)(first.data, first.keys, erasures=[second.data])
    assert done.erased == 1
    assert labels(home) == {stays: "Grace"}


def test_keys_expire_after_seven_days_and_the_archive_says_so(home: Path, folder: Path) -> None:
    clock = Clock()
    storage = open_in(home, clock)
    enrol(storage, label="Ada")
    first = archives(storage, folder)
    assert first.expires_at - clock.now == timedelta(days=7)
    with tarfile.open(first.keys) as archive:
        member = archive.extractfile("manifest.json")
        assert member is not None
        assert json.load(member)["expires_at"] == first.expires_at.isoformat()
    clock.advance(days=6, hours=23)
    assert prune(folder, clock.now) == ()
    kept = folder.with_name("kept.tar")
    shutil.copy(first.keys, kept)
    clock.advance(hours=1)
    second = archives(storage, folder)
    assert second.pruned == (first.keys,)
    assert sorted(folder.iterdir()) == sorted([first.data, second.data, second.keys])
    storage.close()
    with pytest.raises(BackupExpired):
        restore_in(home, clock)(first.data, kept, replace=True)
    assert restore_in(home, clock)(first.data, replace=True).people == 1  # data do not expire


def changed(path: Path, change: Callable[[dict[str, object]], object], flip: str | None = None) -> Path:
    """A copy of an archive with another manifest, or with one byte of a member changed."""
    target = path.with_name("changed.tar")
    with tarfile.open(path) as source, tarfile.open(target, "w") as archive:
        for member in source:
            file = source.extractfile(member)
            assert file is not None
            content = file.read()
            if member.name == "manifest.json":
                manifest = json.loads(content)
                change(manifest)
                content = json.dumps(manifest).encode()
            elif member.name == flip:
                content = content[:-1] + bytes([content[-1] ^ 1])
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return target


def nothing(manifest: dict[str, object]) -> None:
    """Changes nothing."""


def files(home: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in home.iterdir()}


def test_an_archive_that_was_changed_is_refused_and_nothing_is_touched(home: Path, folder: Path) -> None:
    storage = open_in(home)
    gone = enrol(storage, label="Ada")
    enrol(storage, label="Grace")
    storage.erase([gone])
    made = archives(storage, folder)
    storage.close()
    new = home.with_name("new")
    new.mkdir()
    shutil.copy(home / "master.key", new)
    before = files(new)
    cut = folder / "cut.tar"
    cut.write_bytes(made.keys.read_bytes()[:-20_000])
    later = {"expires_at": "2099-01-01T00:00:00+00:00"}
    broken: list[Callable[[], Path]] = [
        lambda: changed(made.keys, lambda manifest: manifest.update(later)),
        lambda: changed(made.keys, lambda manifest: manifest.update(people=9)),
        lambda: changed(made.keys, lambda manifest: manifest.update(surplus=1)),
        lambda: changed(made.keys, lambda manifest: manifest.pop("mac")),
        lambda: changed(made.keys, nothing, "database"),
        lambda: changed(made.keys, nothing, "erased"),
        lambda: cut,
        lambda: made.data,
        lambda: home / "keys.db",
        lambda: home / "not there",
    ]
    for keys in broken:
        with pytest.raises(BackupRefused):
            restore_in(new)(made.data, keys())
        assert files(new) == before
    assert restore_in(new)(made.data, changed(made.keys, nothing)).people == 1


def test_data_of_another_installation_is_refused(home: Path, folder: Path) -> None:
    other = home.with_name("other")
    other.mkdir()
    made = []
    for place in (home, other):
        storage = open_in(place)
        enrol(storage)
        made.append(archives(storage, folder / place.name))
        storage.close()
    with pytest.raises(BackupRefused, match="another installation"):
        restore_in(home)(made[1].data, replace=True)
    with pytest.raises(MasterKeyError):
        restore_in(home)(made[1].data, made[1].keys, replace=True)
    assert len(labels(home)) == 1


def test_nothing_is_replaced_unasked_or_under_a_running_service(home: Path, folder: Path) -> None:
    storage = open_in(home)
    enrol(storage)
    made = archives(storage, folder)
    with pytest.raises(BackupRefused, match="--replace"):
        restore_in(home)(made.data, made.keys)
    with pytest.raises(DatabaseInUse):
        restore_in(home)(made.data, made.keys, replace=True)
    with pytest.raises(DatabaseInUse):
        restore_in(home)(made.data, replace=True)
    enrol(storage)
    storage.close()
    (home / "keys.db").write_bytes(b"x" * 8192)
    with pytest.raises(BackupRefused, match="damaged"):
        restore_in(home)(made.data, made.keys, replace=True)
    (home / "keys.db").unlink()
    with pytest.raises(BackupRefused, match="name a keys archive"):
        restore_in(home)(made.data, replace=True)
    (home / "data.db").write_bytes(b"x" * 8192)  # a damaged data file is what backups are for
    assert restore_in(home)(made.data, made.keys, replace=True).people == 1


def test_somebody_with_a_new_key_since_is_not_left_out_unasked(home: Path, folder: Path) -> None:
    storage = open_in(home)
    one, other = enrol(storage, label="Ada"), enrol(storage, label="Grace")
    made = archives(storage, folder)
    storage.rotate_person(one)
    storage.close()
    with pytest.raises(BackupRefused, match="1 people cannot be read"):
        restore_in(home)(made.data, replace=True)
    assert restore_in(home)(made.data, replace=True, drop_unreadable=True).unreadable == 1
    assert labels(home) == {other: "Grace"}
    assert restore_in(home)(made.data, made.keys, replace=True).people == 2


def test_a_backup_made_while_people_come_go_and_get_new_keys_opens_whole(home: Path, folder: Path) -> None:
    service, operator = open_in(home), open_in(home)
    ids = [enrol(service, label="before") for _ in range(10)]
    failures: list[Exception] = []
    stop = threading.Event()

    def serve() -> None:
        try:
            while not stop.is_set():
                enrol(service, label="meanwhile")
                service.rotate_person(ids[-1])
                service.erase([ids.pop(0)] if len(ids) > 5 else [])
        except Exception as error:  # noqa: BLE001 - told by the main thread
            failures.append(error)

    thread = threading.Thread(target=serve)
    thread.start()
    made = [archives(operator, folder / str(number)) for number in range(5)]
    stop.set()
    thread.join()
    service.close()
    operator.close()
    assert failures == []
    for number, each in enumerate(made):
        new = home.with_name(f"new {number}")
        new.mkdir()
        shutil.copy(home / "master.key", new)
        done = restore_in(new)(each.data, each.keys)
        assert done.people >= 5
        assert done.unreadable == 0
        assert len(labels(new)) == done.people


def test_a_keys_archive_from_before_a_new_master_key_opens_no_more(home: Path, folder: Path) -> None:
    storage = open_in(home)
    enrol(storage)
    made = archives(storage, folder)
    storage.master_rotation().rotate()
    storage.close()
    with pytest.raises(MasterKeyError):
        restore_in(home)(made.data, made.keys, replace=True)
    assert restore_in(home)(made.data, replace=True).people == 1


def test_what_a_crash_left_in_the_folder_goes_with_the_next_day(folder: Path) -> None:
    clock = Clock()
    folder.mkdir()
    left, fresh = folder / "facewarden-x.keys.copy.part", folder / "facewarden-y.keys.part"
    for path, age in ((left, 25), (fresh, 1)):
        path.write_bytes(b"keys")
        moment = (clock.now - timedelta(hours=age)).timestamp()
        os.utime(path, (moment, moment))
    assert prune(folder, clock.now) == ()
    assert list(folder.iterdir()) == [fresh]


def test_only_files_are_backed_up_and_restored(home: Path, folder: Path) -> None:
    storage = Storage.open("sqlite://", f"sqlite:///{home / 'keys.db'}", KeyFile(home / "master.key"))
    with pytest.raises(BackupRefused, match="only SQLite files"):
        archives(storage, folder)
    storage.close()
    storage = open_in(home)
    made = archives(storage, folder)
    storage.close()
    with pytest.raises(BackupRefused, match="only SQLite files"):
        Restore("postgresql://localhost/facewarden", "sqlite://", KeyFile(home / "master.key"), Clock())(made.data)


def test_a_restore_killed_at_any_step_is_done_by_calling_it_again(tmp_path: Path) -> None:
    stride = 1 if os.environ.get("FACEWARDEN_TEST_LONG") == "1" else 12
    command = [sys.executable, "-m", "tests.db.crashing_restore", str(tmp_path), str(stride)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=1200, check=False)
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) * stride >= 60
