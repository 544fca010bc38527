"""What a PostgreSQL server needs to serve as the single file does: writers that take turns, and news of each other.

Only db.engine asks for it.
"""

import re
import time
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import URL, Connection, Engine, ExecutionContext, create_engine, event

if TYPE_CHECKING:  # an installation on a single file need not load it
    import psycopg

BUSY_MS: Final = 10_000
CONNECT_SECONDS: Final = 10
PORT: Final = 5432
TURN: Final = 0x66616365
"""The advisory lock that writers of a database take; "face" in ASCII."""
CHANNEL: Final = "facewarden"
SEEN_SECONDS: Final = 1.0
_TAKEN: Final = "facewarden.turn"


def open_server(url: URL) -> Engine:
    """An engine whose writing transactions take turns, as those of a SQLite file do.

    A transaction takes its turn with its first INSERT, UPDATE or DELETE and keeps it until it ends; what it reads from
    there on is the newest. So code that is right on a file is right here, and no two writers can wait for each other.
    """
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_pre_ping=True,
        max_overflow=20,
        isolation_level="READ COMMITTED",
        connect_args={"connect_timeout": CONNECT_SECONDS},
    )
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begun)
    event.listen(engine, "before_cursor_execute", _writes)
    return engine


def _configure(connection: "psycopg.Connection[Any]", _: object) -> None:
    connection.autocommit = True
    connection.execute(f"SET lock_timeout = {BUSY_MS}")
    connection.autocommit = False


def _begun(connection: Connection) -> None:
    connection.info[_TAKEN] = False


def _writes(
    connection: Connection, _cursor: object, _statement: str, _values: object, context: ExecutionContext, _many: bool
) -> None:
    if (context.isinsert or context.isupdate or context.isdelete) and not connection.info.get(_TAKEN):  # type: ignore[attr-defined]
        take_turn(connection)
        connection.info[_TAKEN] = True


def take_turn(connection: Connection) -> None:
    """Waits until no other transaction of this database writes; the turn ends with this one."""
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({TURN})")


def announce(connection: Connection) -> None:
    """Wakes who listens, once this transaction is committed."""
    connection.exec_driver_sql(f"NOTIFY {CHANNEL}")


def rewrite(connection: Connection, table: str, busy_ms: int) -> bool:
    """Writes a table anew, without what was deleted. False where a transaction that began before the deletion, also in
    another database of the server, goes on for longer than SEEN_SECONDS: the server keeps for it what was deleted.
    Raises OperationalError where somebody uses the table for longer than `busy_ms`."""
    driver: Any = connection.connection.driver_connection
    told: list[str] = []

    def hear(notice: "psycopg.errors.Diagnostic") -> None:
        told.append(notice.message_detail or "")

    connection.exec_driver_sql(f"SET lock_timeout = {busy_ms}")
    driver.add_notice_handler(hear)
    try:
        end = time.monotonic() + SEEN_SECONDS
        while True:
            told.clear()
            connection.exec_driver_sql(f'VACUUM (FULL, VERBOSE) "{table}"')
            if not any(re.match("[1-9]", each) for each in told):  # "3 dead row versions cannot be removed yet"
                return True
            if time.monotonic() >= end:
                return False
            time.sleep(0.02)
    finally:
        driver.remove_notice_handler(hear)
        connection.exec_driver_sql(f"SET lock_timeout = {BUSY_MS}")


class Listener:
    """Hears of commits that announced something. Not to be shared between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None

    def wait(self, seconds: float) -> bool:
        """Whether there may be news: something was announced, or nothing was heard because the connection is new.

        Raises DBAPIError where the server does not answer.
        """
        if self._connection is None:
            self._connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            self._connection.exec_driver_sql(f"LISTEN {CHANNEL}")
            return True
        driver: Any = self._connection.connection.driver_connection
        try:
            return any(True for _ in driver.notifies(timeout=seconds, stop_after=1))
        except self._engine.dialect.loaded_dbapi.Error:
            self.close()
            return True

    def close(self) -> None:
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None
