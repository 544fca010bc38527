"""Proofs: codes over rows that are not sealed, so that whoever writes into the data file neither makes nor changes one.

A proof is an HMAC-SHA256 under a secret of the key store, over the table and what stands in the row; what the service
itself changes from moment to moment is left out (`ProvenTable.unproven`). A row whose proof does not hold counts for
nothing. docs/format.md has the bytes.
"""

import hmac
import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from hmac import compare_digest
from typing import Any, Final
from uuid import UUID

from db.audit import AuditLog
from db.errors import StorageUnavailable
from db.tables import ProvenTable

PURPOSE: Final = "row proofs"
MOST_TOLD: Final = 1000
"""Rows that one process tells the log of; there is no end to what somebody could make up."""
_DOMAIN: Final = b"facewarden row 1 "

Secrets = Callable[[str], bytes]


class Proofs:
    """Makes and checks them. Safe to share between threads. `refused`: how often a row was."""

    def __init__(self, secret: Secrets, audit: AuditLog) -> None:
        self._secret = secret
        self._audit = audit
        self._known: bytes | None = None
        self._lock = threading.Lock()
        self._seen: set[bytes] = set()
        self._untold: list[str] = []
        self.refused = 0

    def of(self, row: ProvenTable) -> bytes:
        """32 bytes over the row as it is now."""
        return hmac.digest(self._own_secret(), _message(row), "sha256")

    def hold(self, row: ProvenTable) -> bool:
        """Whether the row is as the service wrote it. One that is not is told of, once."""
        if row.proof is not None and compare_digest(row.proof, self.of(row)):
            return True
        with self._lock:
            self.refused += 1
            which = self.of(row) + (row.proof or b"")
            if which not in self._seen and len(self._seen) < MOST_TOLD:
                self._seen.add(which)
                self._untold.append(_table(type(row)))
        return False

    def tell(self, now: datetime) -> None:
        """Notes refused rows in the audit log, if there are any; in no other transaction. Where the database does not
        answer the next call makes up for it."""
        while self._untold:
            with self._lock:
                if not self._untold:
                    return
                table = self._untold.pop()
            try:
                self._audit.note("row_refused", now, table=table)
            except StorageUnavailable:
                with self._lock:
                    self._untold.append(table)
                return

    def _own_secret(self) -> bytes:
        if self._known is None:
            self._known = self._secret(PURPOSE)
        return self._known


def _message(row: ProvenTable) -> bytes:
    """Columns without a value are left out, so that one that is added later leaves the proofs of before as they are."""
    values = {name: getattr(row, name) for name in _proven(type(row))}
    told = {name: _plain(value) for name, value in values.items() if value is not None}
    return _DOMAIN + json.dumps([_table(type(row)), told], separators=(",", ":")).encode()


@cache
def _proven(table: type[ProvenTable]) -> tuple[str, ...]:
    columns = table.metadata.tables[_table(table)].columns.keys()
    return tuple(sorted(set(columns) - table.unproven - {"proof"}))


def _table(table: type[ProvenTable]) -> str:
    return str(table.__tablename__)


def _plain(value: Any) -> str | int:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, str | int):
        return value
    if isinstance(value, UUID):
        return value.hex
    raise TypeError(type(value).__name__)
