"""Tokens that hold no longer although they have not expired: by their `jti` alone, which says nothing of anybody."""

from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, delete, select
from sqlmodel import Session, col

from db.errors import told_apart
from db.tables import RevokedTokenRow

# Made once: building a statement takes longer than running it, and every call with a token asks.
_FOUND: Final = select(col(RevokedTokenRow.token_id)).where(col(RevokedTokenRow.token_id) == bindparam("which"))


class Revocations:
    """Within the transaction of a unit of work."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, token_id: str, expires_at: datetime) -> None:
        """From the commit on, for every worker and node. Twice is once, for who has taken a turn before."""
        with told_apart():
            self._session.merge(RevokedTokenRow(token_id=token_id, expires_at=expires_at))
            self._session.flush()

    def has(self, token_id: str) -> bool:
        with told_apart():
            return self._session.scalar(_FOUND, {"which": token_id}) is not None

    def forget(self, before: datetime) -> int:
        """Drops those that have expired by then; how many."""
        query = delete(RevokedTokenRow).where(col(RevokedTokenRow.expires_at) < before)
        return len(self._session.scalars(query.returning(col(RevokedTokenRow.token_id))).all())
