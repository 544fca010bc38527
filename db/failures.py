"""Failures in a row, by subject; kept in the database, so that a restart forgives nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlmodel import Session, col

from db.tables import FailureRow


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
        query = select(FailureRow).where(col(FailureRow.subject).in_(list(subjects)))
        rows = self._session.scalars(query, execution_options={"populate_existing": True})
        return {row.subject: Failures(row.failures, row.failed_at) for row in rows}

    def add(self, subjects: Iterable[str], at: datetime) -> None:
        """One more failure of each."""
        for subject in subjects:
            row = self._session.get(FailureRow, subject)
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
        query = delete(FailureRow).where(col(FailureRow.subject).in_(list(subjects)))
        return len(self._session.scalars(query.returning(col(FailureRow.subject))).all())

    def restart_future(self, now: datetime) -> None:
        """Where the clock was set back, a pause that was running begins anew instead of lasting until then."""
        later = update(FailureRow).where(col(FailureRow.failed_at) > now).values(failed_at=now)
        self._session.execute(later, execution_options={"synchronize_session": False})

    def forget(self, before: datetime) -> int:
        """Drops whoever has not failed since a moment, of any tenant; how many."""
        query = delete(FailureRow).where(col(FailureRow.failed_at) < before)
        return len(self._session.scalars(query.returning(col(FailureRow.subject))).all())
