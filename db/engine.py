"""Engines: the only module that knows which database it is."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import OperationalError

MIGRATIONS: Final = Path(__file__).parent / "migrations"
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
    """An engine for any SQLAlchemy URL. A new SQLite file is made readable by its owner only."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_engine(parsed, hide_parameters=True, pool_pre_ping=True)
    if parsed.database and parsed.database != ":memory:":
        os.close(os.open(parsed.database, os.O_RDWR | os.O_CREAT, 0o600))
    engine = create_engine(parsed, hide_parameters=True, connect_args={"check_same_thread": False})
    event.listen(engine, "connect", _configure)
    return engine


def _configure(connection: Any, _: object) -> None:
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}").close()


def migrate(engine: Engine, tree: str) -> None:
    """Brings the database to the newest revision of a tree of migrations: `data` or `keys`."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("version_locations", str(MIGRATIONS / tree))
    config.set_main_option("path_separator", "os")
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # two processes starting together take turns
        config.attributes["connection"] = connection
        config.attributes["version_table"] = f"alembic_version_{tree}"
        command.upgrade(config, "head")
        connection.commit()


def clear_free_space(engine: Engine, tables: Iterable[str]) -> bool:
    """Overwrites what deleted rows left behind. False where a reader or writer holds it up: try again later."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if engine.dialect.name != "sqlite":
            for table in tables:
                connection.execute(text(f'VACUUM FULL "{table}"'))
            return True
        try:
            connection.exec_driver_sql(f"PRAGMA busy_timeout={CHECKPOINT_BUSY_MS}")
            connection.exec_driver_sql("VACUUM")
            return any(_checkpoint(connection) for _ in range(CHECKPOINT_TRIES))
        except OperationalError:
            return False
        finally:
            connection.exec_driver_sql(f"PRAGMA busy_timeout={BUSY_MS}")


def _checkpoint(connection: Connection) -> bool:
    """Copies the write-ahead log into the file and empties it; False while a reader still needs it."""
    busy: int = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]
    return busy == 0
