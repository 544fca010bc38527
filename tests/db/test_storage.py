import os
import sqlite3
import stat
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from db.errors import RecordUnreadable, StorageUnavailable
from db.records import NewTemplate
from db.storage import ORPHAN_AGE, Storage
from db.tables import DataTable, KeyTable
from tests.databases import urls
from tests.db.people import AGREED, MODEL, Clock, changed_since, enrol, open_in, vector


def test_what_is_enrolled_is_there_after_a_restart(tmp_path: Path) -> None:
    storage = open_in(tmp_path)
    user_id = enrol(storage, templates=3, label="Ada", seed=5)
    storage.close()
    storage = open_in(tmp_path)
    with storage.begin() as work:
        person = work.person(user_id)
        templates = work.templates(user_id)
        everybody = list(work.all_templates())
    storage.close()
    assert person is not None
    assert person.metadata == {"label": "Ada"}
    assert person.attributes == {"age": 40}
    assert person.model_ids == (MODEL,)
    assert [template.capture for template in templates] == [0, 1, 2]
    for number, template in enumerate(templates):
        assert np.array_equal(template.vector, vector(5 + number))
    assert [(each.user_id, each.capture) for each in everybody] == [(user_id, 0), (user_id, 1), (user_id, 2)]


def test_nothing_personal_is_readable_in_the_files(storage: Storage, tmp_path: Path) -> None:
    enrol(storage, label="Ada Lovelace", seed=9)
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"Lovelace" not in stored
    assert vector(9).tobytes()[:32] not in stored


def test_files_are_for_their_owner_only(storage: Storage, tmp_path: Path) -> None:
    enrol(storage)
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


def test_a_unit_of_work_is_rolled_back_unless_committed(storage: Storage) -> None:
    user_id = uuid4()
    with storage.begin() as work:
        work.add_person(
            user_id,
            templates=[NewTemplate(vector(0), MODEL, 0)],
            attributes=None,
            metadata=None,
            consent=AGREED,
            flagged=False,
        )
        assert work.person(user_id) is not None
    with storage.begin() as work:
        assert work.person(user_id) is None
        assert work.count() == 0
        assert work.revision() == 0
    assert storage._keystore.holders() == set()


@pytest.mark.parametrize("count", [0, 11])
def test_a_person_has_one_to_ten_templates(storage: Storage, count: int) -> None:
    with pytest.raises(ValueError, match="1 to 10"):
        enrol(storage, templates=count)
    assert storage._keystore.holders() == set()


def test_people_come_in_the_order_of_enrolment_and_in_pages(storage: Storage) -> None:
    ids = [enrol(storage) for _ in range(5)]
    with storage.begin() as work:
        assert [person.user_id for person in work.people(0, 3)] == ids[:3]
        assert [person.user_id for person in work.people(3, 3)] == ids[3:]
        assert work.user_ids() == set(ids)


def test_a_login_is_noted_for_who_logged_in(tmp_path: Path) -> None:
    clock = Clock()
    storage = open_in(tmp_path, clock)
    user_id, other = enrol(storage), enrol(storage)
    clock.advance(hours=1)
    with storage.begin() as work:
        work.logged_in(user_id)
        work.commit()
    with storage.begin() as work:
        person, untouched = work.person(user_id), work.person(other)
    storage.close()
    assert person is not None
    assert person.last_login_at == clock()
    assert untouched is not None
    assert untouched.last_login_at is None


def test_changes_can_be_followed_by_revision(storage: Storage) -> None:
    first = enrol(storage)
    with storage.begin() as work:
        seen = work.revision()
    second = enrol(storage)
    with storage.begin() as work:
        assert work.revision() > seen
        assert {template.user_id for template in work.all_templates(changed_since(work, seen))} == {second}
        assert {template.user_id for template in work.all_templates()} == {first, second}


@pytest.mark.files
def test_rows_swapped_between_two_people_do_not_open(storage: Storage, tmp_path: Path) -> None:
    one, other = enrol(storage, seed=1), enrol(storage, seed=2)
    with sqlite3.connect(tmp_path / "data.db") as raw:
        rows = raw.execute("SELECT template_id, sealed FROM template").fetchall()
        for (template_id, _), (_, sealed) in zip(rows, rows[::-1], strict=True):
            raw.execute("UPDATE template SET sealed = ? WHERE template_id = ?", (sealed, template_id))
    raw.close()
    with storage.begin() as work:
        for user_id in (one, other):
            with pytest.raises(RecordUnreadable):
                work.templates(user_id)


def test_a_fresh_orphan_key_is_left_alone_and_an_old_one_swept(tmp_path: Path) -> None:
    clock = Clock()
    storage = open_in(tmp_path, clock)
    storage._keystore.create(uuid4(), clock())
    storage.sweep()
    assert len(storage._keystore.holders()) == 1
    clock.advance(seconds=ORPHAN_AGE / timedelta(seconds=1) + 1)
    storage.sweep()
    assert storage._keystore.holders() == set()
    storage.close()


@pytest.mark.files
def test_a_locked_database_is_an_error_of_its_own_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.engine._PRAGMAS", ("journal_mode=WAL", "busy_timeout=50"))
    storage = open_in(tmp_path)
    stays = enrol(storage)
    holder = sqlite3.connect(tmp_path / "data.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageUnavailable):
        enrol(storage)
    holder.rollback()
    holder.close()
    with storage.begin() as work:
        assert work.user_ids() == {stays}
    assert storage._keystore.holders() == {stays}
    storage.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StorageUnavailable):
        open_in(tmp_path)


@pytest.mark.files
def test_a_folder_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable):
        open_in(tmp_path / "missing")


@pytest.mark.parametrize(("tables", "which"), [(DataTable, 0), (KeyTable, 1)])
def test_the_migrations_make_the_tables_of_the_code(
    storage: Storage, tmp_path: Path, tables: type[DataTable] | type[KeyTable], which: int
) -> None:
    enrol(storage)
    engine = create_engine(urls(tmp_path)[which])
    with engine.connect() as connection:
        tree = "data" if tables is DataTable else "keys"
        context = MigrationContext.configure(connection, opts={"version_table": f"alembic_version_{tree}"})
        assert compare_metadata(context, tables.metadata) == []
    engine.dispose()
