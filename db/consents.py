"""Consent: what somebody agreed to, line by line."""

from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from db.errors import told_apart
from db.records import Consent
from db.scope import Scope
from db.tables import ConsentRow, PersonRow


class Consents(Scope):
    """The consents of one tenant's people."""

    def consents(self, user_id: UUID) -> list[Consent]:
        """What somebody agreed to, the earliest first; the last line holds."""
        here = self._ids.where(col(PersonRow.user_id) == user_id)
        its = col(ConsentRow.user_id) == user_id, col(ConsentRow.user_id).in_(here)
        query = select(ConsentRow).where(*its).order_by(col(ConsentRow.consent_id))
        with told_apart():
            rows = self._session.scalars(query).all()
        return [Consent(row.at, row.version, row.digest, frozenset(row.uses.split(","))) for row in rows]

    def add_consent(self, user_id: UUID, consent: Consent) -> None:
        """One more line; the last one holds. Nothing for nobody."""
        with told_apart():
            if self._session.scalar(self._ids.where(col(PersonRow.user_id) == user_id)) is None:
                return
            self._session.add(consent_row(user_id, consent))
            self._session.flush()


def consent_row(user_id: UUID, consent: Consent) -> ConsentRow:
    """A row to be added."""
    uses = ",".join(sorted(consent.uses))
    return ConsentRow(user_id=user_id, at=consent.at, version=consent.version, digest=consent.digest, uses=uses)
