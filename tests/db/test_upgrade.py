"""Databases that earlier versions made open after an upgrade; those of a later one are refused."""

import sqlite3
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import numpy as np
import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Boolean, Column, Connection, DateTime, MetaData, Uuid, create_engine, text

from db.engine import open_engine
from db.errors import StorageNewer
from db.keys import EnvironmentKey
from db.revisions import alembic_config, migrate, revisions
from db.storage import Storage
from tests.databases import on_server, urls
from tests.db.make_schemas import FOLDER, MASTER_KEY, current
from tests.db.people import Clock, enrol, open_in

connect: Final = sqlite3.connect
SCHEMAS: Final = sorted({path.name.split(".")[0] for path in FOLDER.glob("*.sql")})
PEOPLE: Final = {UUID(int=(0xABCD << 112) + number + 1): label for number, label in enumerate(["Ada", "Grace"])}


def opens(data: str, keys: str) -> None:
    """Everybody is there, every sealed record opens, the log is whole, and one can go on."""
    storage = Storage.open(data, keys, EnvironmentKey(MASTER_KEY), clock=Clock())
    with storage.begin() as work:
        for number, (user_id, label) in enumerate(PEOPLE.items()):
            person = work.person(user_id)
            assert person is not None
            assert person.metadata == {"label": label}
            assert person.attributes == {"age": 40 + number}
            vectors = [row.vector for row in sorted(work.templates(user_id), key=lambda row: row.capture)]
            assert np.array_equal(vectors, [np.arange(8) + number + each for each in range(2)])
        assert work.unreadable_ids() == set()
        assert work.user_ids() == set(PEOPLE)
    assert storage.audit.verify()[1] == []
    assert not storage.master_rotation().status().unfinished
    assert storage.master_rotation().status().wrapped.keys() == {storage.master_rotation().status().current}
    added = enrol(storage, label="Hedy")
    assert storage.erase([next(iter(PEOPLE))]).erased == 1
    storage.close()
    storage = Storage.open(data, keys, EnvironmentKey(MASTER_KEY), clock=Clock())
    with storage.begin() as work:
        assert work.user_ids() == {list(PEOPLE)[1], added}
    storage.close()


def test_the_schema_of_today_has_been_kept() -> None:
    assert current() in SCHEMAS, "run python -m tests.db.make_schemas"


@pytest.mark.files
@pytest.mark.parametrize("schema", SCHEMAS)
def test_files_of_each_earlier_schema_open(tmp_path: Path, schema: str) -> None:
    for part in ("data", "keys"):
        database = connect(tmp_path / f"{part}.db")
        database.executescript((FOLDER / f"{schema}.{part}.sql").read_text())
        database.close()
    opens(*urls(tmp_path))


@pytest.mark.parametrize("schema", SCHEMAS)
def test_server_databases_of_each_earlier_schema_open(tmp_path: Path, schema: str, postgres_server: str) -> None:
    places = on_server(postgres_server, tmp_path)
    for part, url, revision in zip(("data", "keys"), places, schema.split("-"), strict=True):
        copy(schema, part, url, revision)
    opens(*places)


def copy(schema: str, part: str, url: str, revision: str) -> None:
    """Makes the tables of a revision on a server and fills them from the dump of a file."""
    engine = open_engine(url)
    migrate(engine, part, revision)
    file = connect(":memory:")
    file.executescript((FOLDER / f"{schema}.{part}.sql").read_text())
    tables = MetaData()
    tables.reflect(engine)
    with engine.begin() as connection:
        for table in tables.sorted_tables:
            if not table.name.startswith("alembic"):
                connection.execute(table.delete())
                rows = file.execute(f'SELECT {", ".join(table.c.keys())} FROM "{table.name}"').fetchall()
                fill(connection, table.c, rows, table.insert())
                for column in table.primary_key.columns:
                    if column.server_default is not None:  # counted up by the server, which did not give these
                        counter = f"pg_get_serial_sequence('{table.name}', '{column.name}')"
                        connection.execute(text(f"SELECT setval({counter}, max({column.name})) FROM {table.name}"))
    file.close()
    engine.dispose()


def fill(connection: Connection, columns: Iterable[Column[Any]], rows: list[Any], insert: Any) -> None:
    def typed(column: Column[Any], value: Any) -> Any:
        if value is None:
            return None
        if isinstance(column.type, Uuid):
            return UUID(value)
        if isinstance(column.type, DateTime):
            return datetime.fromisoformat(value)
        return bool(value) if isinstance(column.type, Boolean) else value

    for row in rows:
        values = {column.name: typed(column, value) for column, value in zip(columns, row, strict=True)}
        connection.execute(insert.values(**values))


@pytest.mark.parametrize("part", [0, 1])
def test_a_later_schema_is_refused_and_nothing_is_changed(tmp_path: Path, part: int) -> None:
    storage = open_in(tmp_path)
    user_id = enrol(storage)
    storage.close()
    engine = create_engine(urls(tmp_path)[part])
    version = text(f"UPDATE alembic_version_{('data', 'keys')[part]} SET version_num = :it")
    with engine.begin() as connection:
        known = connection.scalar(text(f"SELECT version_num FROM alembic_version_{('data', 'keys')[part]}"))
        connection.execute(version, {"it": "x9999"})
    with pytest.raises(StorageNewer, match="x9999"):
        open_in(tmp_path)
    with engine.begin() as connection:
        connection.execute(version, {"it": known})
    engine.dispose()
    storage = open_in(tmp_path)
    with storage.begin() as work:
        assert work.person(user_id) is not None
    storage.close()


@pytest.mark.parametrize("tree", ["data", "keys"])
def test_revisions_follow_one_another_as_their_files_are_called(tree: str) -> None:
    scripts = ScriptDirectory.from_config(alembic_config(tree))
    assert tuple(each.revision for each in scripts.walk_revisions())[::-1] == revisions(tree)
