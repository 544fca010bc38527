"""Damage to the files of a storage, as disks, copies and hands do it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from db.sealing import HEADER_BYTES, KEY_ID_BYTES, TAG_BYTES

REGIONS = {
    "version": 0,
    "key ID": 1,
    "nonce": 1 + KEY_ID_BYTES,
    "payload": HEADER_BYTES,
    "tag": -TAG_BYTES,
    "last byte": -1,
}
"""Where a byte of a sealed record lies."""


@contextmanager
def raw(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        yield connection
    finally:
        connection.close()


def flip(path: Path, table: str, column: str, user_id: UUID, where: int) -> None:
    """Changes one bit of the record of somebody."""
    with raw(path) as database:
        query = f"SELECT rowid, {column} FROM {table} WHERE user_id = ?"
        row, record = database.execute(query, (user_id.hex,)).fetchone()
        damaged = bytearray(record)
        damaged[where] ^= 1
        database.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (bytes(damaged), row))


def cut(path: Path, table: str, column: str, user_id: UUID, length: int) -> None:
    """Leaves the first bytes of the record of somebody."""
    with raw(path) as database:
        statement = f"UPDATE {table} SET {column} = substr({column}, 1, ?) WHERE user_id = ?"
        database.execute(statement, (length, user_id.hex))


def swap(path: Path, table: str, columns: str, one: UUID, other: UUID) -> None:
    """Exchanges what the rows of two people hold."""
    with raw(path) as database:
        query = f"SELECT rowid, {columns} FROM {table} WHERE user_id = ? ORDER BY rowid"
        first, second = (database.execute(query, (each.hex,)).fetchone() for each in (one, other))
        values = ", ".join(f"{name.strip()} = ?" for name in columns.split(","))
        for row, held in ((first[0], second[1:]), (second[0], first[1:])):
            database.execute(f"UPDATE {table} SET {values} WHERE rowid = ?", (*held, row))
