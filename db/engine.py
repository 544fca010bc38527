"""Engines: the only module that knows which database it is."""

import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol, Self

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, OperationalError

from db import server
from db.errors import DatabaseInUse, StorageUnavailable

DRIVERS: Final = frozenset({"sqlite", "sqlite+pysqlite", "postgresql+psycopg"})
BUSY_MS: Final = 10_000
CHECKPOINT_TRIES: Final = 5
CHECKPOINT_BUSY_MS: Final = 100
# FULL: an answered write survives a power cut. MEMORY: VACUUM would else write a copy into a temporary file.
_PRAGMAS: Final = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "secure_delete=ON",
    "temp_store=MEMORY",
    f"busy_timeout={BUSY_MS}",
)


def open_engine(url: str) -> Engine:
    """An engine for a SQLAlchemy URL of SQLite or PostgreSQL. A new SQLite file is made readable by its owner only.

    Raises StorageUnavailable for any other URL.
    """
    parsed = _parsed(url)
    if parsed.get_backend_name() != "sqlite":
        return server.open_server(parsed)
    if parsed.database and parsed.database != ":memory:":
        os.close(os.open(parsed.database, os.O_RDWR | os.O_CREAT, 0o600))
    engine = create_engine(parsed, hide_parameters=True, connect_args={"check_same_thread": False})
    event.listen(engine, "connect", _configure)
    return engine


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise StorageUnavailable("a database URL is none: give sqlite:///PATH or postgresql+psycopg://...") from None
    if parsed.drivername not in DRIVERS:
        raise StorageUnavailable(f"{parsed.drivername} is not known here: use sqlite or postgresql+psycopg")
    return parsed


def _configure(connection: Any, _: object) -> None:
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}").close()


def take_turn(connection: Connection) -> None:
    """Waits until nobody else writes; the turn ends with the transaction, of which this is the first statement."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        server.take_turn(connection)


def announce(connection: Connection) -> None:
    """Wakes whoever watches the database, once this transaction is committed."""
    if connection.dialect.name != "sqlite":
        server.announce(connection)


def watch(engine: Engine) -> "Watch":
    """News of the database, whoever writes it."""
    return _FileWatch(engine) if engine.dialect.name == "sqlite" else server.Listener(engine)


class Watch(Protocol):
    """Not to be shared between threads."""

    def wait(self, seconds: float) -> bool:
        """Waits so long at most. Whether there may be news; True the first time. Raises DBAPIError."""

    def close(self) -> None:
        """Gives its connection back."""


class _FileWatch:
    """Looks at a number that SQLite changes with every commit of another connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None
        self._seen: int | None = None

    def wait(self, seconds: float) -> bool:
        if self._connection is None:
            self._connection = self._engine.connect()
        else:
            time.sleep(seconds)
        before, self._seen = self._seen, self._connection.exec_driver_sql("PRAGMA data_version").scalar_one()
        self._connection.rollback()
        return before != self._seen

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def clear_free_space(engine: Engine, tables: Iterable[str]) -> bool:
    """Overwrites what deleted rows left behind. False where a reader or writer holds it up: try again later."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if engine.dialect.name != "sqlite":
            return _rewritten(connection, tables)
        try:
            connection.exec_driver_sql(f"PRAGMA busy_timeout={CHECKPOINT_BUSY_MS}")
            connection.exec_driver_sql("VACUUM")
            return any(_checkpoint(connection) for _ in range(CHECKPOINT_TRIES))
        except OperationalError:
            return False
        finally:
            connection.exec_driver_sql(f"PRAGMA busy_timeout={BUSY_MS}")


def _rewritten(connection: Connection, tables: Iterable[str]) -> bool:
    try:
        return all(server.rewrite(connection, table, CHECKPOINT_BUSY_MS) for table in tables)
    except OperationalError:
        return False


def _checkpoint(connection: Connection) -> bool:
    """Copies the write-ahead log into the file and empties it; False while a reader still needs it."""
    busy: int = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]
    return busy == 0


def database_file(url: str) -> Path | None:
    """The file of a SQLite database; None for one in memory or on a server."""
    parsed = make_url(url)
    named = parsed.database if parsed.get_backend_name() == "sqlite" else None
    return None if named in {None, "", ":memory:"} else Path(str(named))


def database_of(url: str) -> tuple[object, ...]:
    """What tells one database from another: its file, or its server and name there."""
    parsed = _parsed(url)
    if parsed.get_backend_name() == "sqlite":
        in_memory = parsed.database in {None, "", ":memory:"}
        return (object() if in_memory else Path(str(parsed.database)).resolve(),)
    where = parsed.host or parsed.query.get("host") or "localhost"
    return (where, parsed.port or server.PORT, parsed.database or parsed.username)


class Snapshot:
    """What a SQLite file holds at this moment, whatever is written meanwhile. A context manager; to be closed soon,
    since clearing waits for it."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("BEGIN")
        self._connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # only now the moment is fixed

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def write(self, target: Path) -> None:
        """Copies it into a new file that only its owner may read, flushed. Raises StorageUnavailable."""
        try:
            descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            copy = sqlite3.connect(target, isolation_level=None)
            try:
                self._connection.backup(copy)
                copy.execute("PRAGMA journal_mode=DELETE").close()  # one file, without a log beside it
            finally:
                copy.close()
            os.fsync(descriptor)
            os.close(descriptor)
        except (OSError, sqlite3.Error) as error:
            reason = error.strerror if isinstance(error, OSError) else type(error).__name__
            raise StorageUnavailable(f"{target} cannot be written: {reason}") from None


@contextmanager
def held_exclusively(path: Path) -> Iterator[sqlite3.Connection]:
    """A SQLite file that nobody else has open, or opens before this ends. Raises DatabaseInUse, and sqlite3.Error
    where it is damaged."""
    connection = sqlite3.connect(path, timeout=0, isolation_level=None)
    try:
        connection.execute("PRAGMA locking_mode=EXCLUSIVE").close()
        connection.execute("PRAGMA journal_mode=DELETE").close()  # refused while anybody has the log open
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        connection.close()
        if error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            raise DatabaseInUse(f"{path} is in use: stop the service first") from None
        raise
    except BaseException:
        connection.close()
        raise
    try:
        yield connection
    finally:
        connection.close()
