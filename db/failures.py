"""Failures in a row, by subject; kept in the database, so that a restart forgives nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, delete, func, select, update
from sqlmodel import Session, col

from db.tables import FailureRow

_SUBJECTS: Final = col(FailureRow.subject).in_(bindparam("subjects", expanding=True))
# Made once: building a statement takes longer than running it, and every login asks.
_OF: Final = select(col(FailureRow.subject), col(FailureRow.failures), col(FailureRow.failed_at)).where(_SUBJECTS)
_FORGIVE: Final = delete(FailureRow.metadata.tables["failure"]).where(_SUBJECTS).returning(col(FailureRow.subject))


@dataclass(frozen=True, slots=True)
class Failures:
    """How many in a row, and when the last was."""

    count: int
    last_at: datetime


class FailureLedger:
    """Within the transaction of a unit of work. Subjects are digests: no ID and no address is kept here."""

    def __init__(self, session: Session, tenant: str) -> None:
        self._session = session
        self._tenant = tenant

    def of(self, subjects: Iterable[str]) -> Mapping[str, Failures]:
        """Those of the subjects who have any."""
        rows = self._session.connection().execute(_OF, {"subjects": list(subjects)})
        return {subject: Failures(count, last_at) for subject, count, last_at in rows}

    def add(self, subjects: Iterable[str], at: datetime) -> None:
        """One more failure of each."""
        for subject in subjects:
            row = self._session.get(FailureRow, subject, populate_existing=True)
            if row is None:
                self._session.add(FailureRow(subject=subject, tenant=self._tenant, failures=1, failed_at=at))
            else:
                row.failures, row.failed_at = row.failures + 1, at
        self._session.flush()

    def count(self, least: int) -> int:
        """How many subjects of the tenant have at least so many."""
        query = select(func.count()).select_from(FailureRow).where(col(FailureRow.tenant) == self._tenant)
        return self._session.scalar(query.where(col(FailureRow.failures) >= least)) or 0

    def forgive(self, subjects: Iterable[str]) -> int:
        """Starts anew; how many of the subjects had any."""
        return len(self._session.connection().execute(_FORGIVE, {"subjects": list(subjects)}).all())

    def restart_future(self, now: datetime) -> None:
        """Where the clock was set back, a pause that was running begins anew instead of lasting until then."""
        later = update(FailureRow).where(col(FailureRow.failed_at) > now).values(failed_at=now)
        self._session.execute(later, execution_options={"synchronize_session": False})

    def forget(self, before: datetime) -> int:
        """Drops whoever has not failed since a moment, of any tenant; how many."""
        query = delete(FailureRow).where(col(FailureRow.failed_at) < before)
        return len(self._session.scalars(query.returning(col(FailureRow.subject))).all())
