"""What somebody let an application know: a code that is exchanged once, then the access token given for it.

Codes and tokens are kept as digests, so that whoever reads the table has none. A row goes when its person does, when it
has expired, and when its code is shown a second time.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, delete, select, update
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


class Grants:
    """Within the transaction of a unit of work, whose tenant is not asked for. A row that the service has not written
    so is none."""

    def __init__(self, session: Session, proofs: Proofs, revoked: revocations.Revocations) -> None:
        self._session = session
        self._proofs = proofs
        self._revoked = revoked

    def add(self, grant: Grant) -> None:
        row = GrantRow(**{name: getattr(grant, name) for name in Grant.__slots__ if name != "used"})
        row.proof = self._proofs.of(row)
        with told_apart():
            self._session.add(row)
            self._session.flush()

    def by_code(self, code: bytes) -> Grant | None:
        """Also one that is used or has expired."""
        return self._one(select(GrantRow).where(col(GrantRow.code) == code))

    def by_token(self, token: bytes) -> Grant | None:
        """Also one that has expired."""
        return self._one(select(GrantRow).where(col(GrantRow.token) == token))

    def use(self, code: bytes, token: bytes, expires_at: datetime) -> bool:
        """The token takes the code's place; False where somebody else was quicker."""
        row = self._row(select(GrantRow).where(col(GrantRow.code) == code, col(GrantRow.token).is_(None)))
        if row is None:
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

    def _one(self, query: Select[GrantRow]) -> Grant | None:
        row = self._row(query)
        if row is None:
            return None
        kept = {name: getattr(row, name) for name in Grant.__slots__ if name != "used"}
        return Grant(**kept, used=row.token is not None)

    def _row(self, query: Select[GrantRow]) -> GrantRow | None:
        with told_apart():
            row = self._session.scalar(query, execution_options={"populate_existing": True})
        if row is None or not self._proofs.hold(row):
            return None
        gone = self._revoked.has_either(revocations.code(row.code), revocations.client(row.client_id))
        return None if gone else row
