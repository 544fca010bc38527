"""What somebody let an application know: a code that is exchanged once, then the access token given for it.

Codes and tokens are kept as digests, so that whoever reads the table has none. A row goes when its person does, when it
has expired, and when its code is shown a second time.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Select, bindparam, delete, select, update
from sqlmodel import Session, col

from db import revocations
from db.errors import told_apart
from db.proofs import Proofs
from db.tables import GrantRow


@dataclass(frozen=True, slots=True)
class Grant:
    """`code`: SHA-256; `challenge`: that of RFC 7636, S256; the person signed in at `signed_in_at` by `acr`.

    `expires_at`: the code, once it is `used` the access token."""

    code: bytes
    client_id: str
    user_id: UUID
    redirect_uri: str
    challenge: str
    nonce: str | None
    acr: str
    signed_in_at: datetime
    expires_at: datetime
    used: bool = False


_KEPT: Final = tuple(name for name in Grant.__slots__ if name != "used")
# Made once: building a statement takes longer than running it.
_BY_CODE: Final = select(GrantRow).where(col(GrantRow.code) == bindparam("which"))
_BY_TOKEN: Final = select(GrantRow).where(col(GrantRow.token) == bindparam("which"))


class Grants:
    """Within the transaction of a unit of work, whose tenant is not asked for. A row that the service has not written
    so is none."""

    def __init__(self, session: Session, proofs: Proofs, revoked: revocations.Revocations) -> None:
        self._session = session
        self._proofs = proofs
        self._revoked = revoked

    def add(self, grant: Grant) -> None:
        row = GrantRow(**{name: getattr(grant, name) for name in _KEPT})
        row.proof = self._proofs.of(row)
        with told_apart():
            self._session.add(row)
            self._session.flush()

    def by_code(self, code: bytes) -> Grant | None:
        """Also one that is used or has expired."""
        return _grant(self._row(_BY_CODE, code))

    def by_token(self, token: bytes) -> Grant | None:
        """Also one that has expired."""
        return _grant(self._row(_BY_TOKEN, token))

    def use(self, code: bytes, token: bytes, expires_at: datetime) -> bool:
        """The token takes the code's place; False where somebody else was quicker."""
        row = self._row(_BY_CODE, code)
        if row is None or row.token is not None:
            return False
        before = col(GrantRow.code) == code, col(GrantRow.proof) == row.proof
        self._session.expunge(row)
        row.token, row.expires_at = token, expires_at
        values = {"token": token, "expires_at": expires_at, "proof": self._proofs.of(row)}
        query = update(GrantRow).where(*before).values(**values).returning(col(GrantRow.code))
        with told_apart():
            return bool(self._session.scalars(query, execution_options={"synchronize_session": False}).all())

    def drop(self, code: bytes) -> None:
        """The code and what was given for it, whatever becomes of this transaction."""
        ends = self._session.scalar(select(col(GrantRow.expires_at)).where(col(GrantRow.code) == code))
        if ends is not None:
            self._revoked.add(revocations.code(code), ends)
        self._session.execute(delete(GrantRow).where(col(GrantRow.code) == code))

    def forget(self, before: datetime) -> int:
        """Drops those that had expired by then; how many."""
        query = delete(GrantRow).where(col(GrantRow.expires_at) < before)
        return len(self._session.scalars(query.returning(col(GrantRow.code))).all())

    def _row(self, query: Select[GrantRow], which: bytes) -> GrantRow | None:
        with told_apart():
            row = self._session.scalar(query, {"which": which}, execution_options={"populate_existing": True})
        if row is None or not self._proofs.hold(row):
            return None
        gone = self._revoked.has_either(revocations.code(row.code), revocations.client(row.client_id))
        return None if gone else row


def _grant(row: GrantRow | None) -> Grant | None:
    return None if row is None else Grant(**{name: getattr(row, name) for name in _KEPT}, used=row.token is not None)
