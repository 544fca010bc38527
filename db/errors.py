"""What can go wrong with what is stored.

StorageError
├── RecordUnreadable     record_unreadable     a sealed record does not open; the reason stays inside
├── MasterKeyError       master_key            the master key is missing, wrong or badly kept: stops the start
├── StorageUnavailable   storage_unavailable   the database is locked, full, read-only or out of reach
├── StorageIncomplete    storage_incomplete    one database is there without the other: stops the start
├── StorageNewer         storage_newer         a later version has changed the tables: stops the start
├── DatabaseInUse        database_in_use       something else has the database open that is to be replaced
├── BackupRefused        backup_refused        an archive is damaged or does not fit; nothing was changed
└── BackupExpired        backup_expired        a keys archive is older than it may become
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import ClassVar, Final

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout


class StorageError(Exception):
    """Anything below."""

    code: ClassVar[str]


class Fault(StrEnum):
    """What is wrong with a record; for tests and operators, never for callers."""

    HEADER = "header"
    KEY = "key"
    PAYLOAD = "payload"


class RecordUnreadable(StorageError):
    """A sealed record that does not open. One message for every reason; `fault` keeps the reason inside."""

    code = "record_unreadable"

    def __init__(self, fault: Fault) -> None:
        super().__init__("a sealed record cannot be opened")
        self.fault = fault


class MasterKeyError(StorageError):
    code = "master_key"


class StorageUnavailable(StorageError):
    code = "storage_unavailable"


class StorageIncomplete(StorageError):
    code = "storage_incomplete"


class StorageNewer(StorageError):
    code = "storage_newer"


class DatabaseInUse(StorageError):
    code = "database_in_use"


class UnknownTenant(StorageError):
    code = "unknown_tenant"

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no tenant {name}")


class TransformChanged(StorageError):
    """The vectors were turned by a transform that the tenant has replaced meanwhile: make them anew."""

    code = "transform_changed"


class BackupRefused(StorageError):
    code = "backup_refused"


class BackupExpired(StorageError):
    code = "backup_expired"


@contextmanager
def told_apart() -> Iterator[None]:
    """Turns the driver's errors into StorageUnavailable; statements and their values stay out of the message."""
    try:
        yield
    except DBAPIError as error:
        raise StorageUnavailable(_reason(error.orig)) from None
    except PoolTimeout:
        raise StorageUnavailable("every connection to it is in use") from None


_SQLITE: Final = {
    sqlite3.SQLITE_BUSY: "another program holds it locked",
    sqlite3.SQLITE_LOCKED: "another program holds it locked",
    sqlite3.SQLITE_READONLY: "it may only be read",
    sqlite3.SQLITE_IOERR: "the disk cannot be read or written",
    sqlite3.SQLITE_CORRUPT: "the file is damaged",
    sqlite3.SQLITE_NOTADB: "the file is damaged, or no database",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_CANTOPEN: "the file cannot be opened",
}
"""By primary result code (sqlite.org/rescode.html)."""


_SERVER: Final = {
    "08": "the connection is lost",
    "25006": "it may only be read",
    "28": "it lets nobody in with this user and password",
    "3D": "there is no such database",
    "42501": "the user may not do this there",
    "53": "the server is short of disk, memory or connections",
    "55P03": "another program holds it locked",
    "57": "the server is stopping or starting",
    "58": "the server cannot read or write its disk",
}
"""By SQLSTATE or its first two characters, the class (postgresql.org/docs/current/errcodes-appendix.html)."""


def _reason(error: BaseException | None) -> str:
    """In fixed words: what a driver says may repeat what it was given."""
    state = getattr(error, "sqlstate", None)
    if isinstance(state, str):
        return f"{_SERVER.get(state) or _SERVER.get(state[:2]) or type(error).__name__} (SQLSTATE {state})"
    code = getattr(error, "sqlite_errorcode", None)
    known = _SQLITE.get(code & 0xFF) if isinstance(code, int) else None
    return f"{known} ({getattr(error, 'sqlite_errorname', '')})" if known else type(error).__name__
