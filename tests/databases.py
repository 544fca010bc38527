"""Which databases a test's home has: files in it, or, where there is a server to test on, two of their own there."""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Final

import pytest
from psycopg import errors
from sqlalchemy import Connection, create_engine, make_url
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.pool import NullPool

SERVER: Final = os.environ.get("TEST_POSTGRES_URL")
"""URL of a PostgreSQL server to run every test on; unset: SQLite."""
_made: set[str] = set()


def urls(home: Path, data_file: str = "data.db") -> tuple[str, str]:
    """Where the data and the keys of a home are."""
    if SERVER is None:
        return f"sqlite:///{home / data_file}", f"sqlite:///{home / 'keys.db'}"
    return on_server(SERVER, home)


def environment(home: Path) -> dict[str, str]:
    """What tells another process where the databases of a home are; nothing where they are files in it."""
    if SERVER is None:
        return {}
    data, keys = urls(home)
    return {"FACEWARDEN_DATABASE_URL": data, "FACEWARDEN_KEYSTORE_URL": keys}


def on_server(server: str, home: Path) -> tuple[str, str]:
    """The same two for the same home, in every process; made when they are first asked for."""
    name = "t" + hashlib.sha256(str(home.resolve()).encode()).hexdigest()[:24]
    for part in ("data", "keys"):
        _make(server, f"{name}_{part}")
    url = make_url(server)
    data, keys = (url.set(database=f"{name}_{part}") for part in ("data", "keys"))
    return data.render_as_string(hide_password=False), keys.render_as_string(hide_password=False)


def made() -> frozenset[str]:
    """What this process has made and not dropped."""
    return frozenset(_made)


def drop(server: str, names: Iterable[str]) -> None:
    with administrator(server) as connection:
        for name in names:
            connection.exec_driver_sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            _made.discard(name)


def kept(home: Path) -> bytes:
    """Every byte on a disk of what a home keeps; on a server that of both databases. Skips where those may not be
    read."""
    places = () if SERVER is None else urls(home)
    return b"".join([*(path.read_bytes() for path in home.iterdir()), *chain(*map(server_files, places))])


def server_files(place: str) -> Iterator[bytes]:
    """The files of one database, written out first."""
    with administrator(place) as connection:
        connection.exec_driver_sql("CHECKPOINT")
        root = Path(connection.exec_driver_sql("SHOW data_directory").scalar_one())
        number = connection.exec_driver_sql("SELECT oid FROM pg_database WHERE datname = current_database()")
        folder = root / "base" / str(number.scalar_one())
    if not os.access(root, os.R_OK | os.X_OK):
        pytest.skip("the server's files cannot be read")
    for file in folder.iterdir():
        if re.fullmatch(r"\d+(\.\d+)?", file.name):
            with suppress(FileNotFoundError):  # a table is being written anew
                yield file.read_bytes()


def _make(server: str, name: str) -> None:
    if name in _made:
        return
    with administrator(server) as connection:
        try:
            connection.exec_driver_sql(f'CREATE DATABASE "{name}" TEMPLATE template0 STRATEGY file_copy')
        except ProgrammingError as error:
            if not isinstance(error.orig, errors.DuplicateDatabase):
                raise
        else:
            _made.add(name)


@contextmanager
def administrator(server: str) -> Iterator[Connection]:
    engine = create_engine(server, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()
