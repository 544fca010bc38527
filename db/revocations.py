"""What holds no longer although it would still be genuine: tokens given back, API keys, applications and codes taken
away. In the key store, so that nobody who writes into the data file, or puts an older one back, makes it hold again.
"""

from datetime import datetime
from typing import Final

from sqlalchemy import Engine, bindparam, delete, literal, or_, select
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col

from db.errors import told_apart
from db.tables import RevocationRow

_WHAT: Final = RevocationRow.metadata.tables["revocation"].c.what
# Made once: building a statement takes longer than running it, and every call with a token asks.
_ONE: Final = select(literal(1)).where(bindparam("what") == _WHAT)
_EITHER: Final = select(literal(1)).where(or_(bindparam("one") == _WHAT, bindparam("other") == _WHAT)).limit(1)


class Revocations:
    """Every call is a transaction of its own; safe to share between threads. `what`: the `jti` of a token, or one of
    the names below."""

    def __init__(self, keys: Engine) -> None:
        self._keys = keys

    def add(self, what: str, until: datetime | None) -> None:
        """From now on, for every worker and node, until a moment or for good. Twice is once."""
        with told_apart(), Session(self._keys) as session:
            session.merge(RevocationRow(what=what, until=until))
            try:
                session.commit()
            except IntegrityError:  # another process said so at this moment
                session.rollback()

    def has(self, what: str) -> bool:
        with told_apart(), self._keys.connect() as connection:
            return connection.scalar(_ONE, {"what": what}) is not None

    def has_either(self, one: str, other: str) -> bool:
        with told_apart(), self._keys.connect() as connection:
            return connection.scalar(_EITHER, {"one": one, "other": other}) is not None

    def forget(self, before: datetime) -> int:
        """Drops those that were to hold until then at most; how many."""
        query = delete(RevocationRow).where(col(RevocationRow.until) < before)
        with told_apart(), Session(self._keys) as session:
            gone = len(session.scalars(query.returning(col(RevocationRow.what))).all())
            session.commit()
        return gone


def api_key(prefix: str) -> str:
    return f"api key {prefix}"


def client(client_id: str) -> str:
    return f"client {client_id}"


def code(digest: bytes) -> str:
    """An authorization code, by its SHA-256, with the access token given for it."""
    return f"code {digest.hex()}"
