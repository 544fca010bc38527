"""Challenges of liveness: each used once, by the one who asked for it, and for one purpose.

A challenge of which a step was told and that was not passed has failed, however it ended: whoever goes away because the
step does not suit a recording is counted as well. Rows that count are kept for a day, what was sealed for a minute.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, Update, and_, delete, func, or_, select, update
from sqlmodel import Session, col

from db.errors import told_apart
from db.proofs import Proofs
from db.tables import ChallengeRow

DAY: Final = timedelta(days=1)
_UNSYNCHRONISED: Final = {"synchronize_session": False}


@dataclass(frozen=True, slots=True)
class Claim:
    """Who shows a challenge: `subject` and `nonce` (SHA-256) must be those it was made for, `purpose` too."""

    challenge_id: UUID
    purpose: str
    subject: str
    nonce: bytes


@dataclass(frozen=True, slots=True)
class Tally:
    """Of one subject: failures `in_a_row` and the last of them, those of a day and the first, challenges `waiting`."""

    in_a_row: int
    last_at: datetime | None
    of_a_day: int
    first_at: datetime | None
    waiting: int


class ChallengeLedger:
    """Within the transaction of a unit of work. A row that the service has not written so is no challenge."""

    def __init__(self, session: Session, proofs: Proofs, tenant: str) -> None:
        self._session = session
        self._proofs = proofs
        self._tenant = tenant

    def add(self, claim: Claim, now: datetime, expires_at: datetime, at_once: str | None = None) -> None:
        row = ChallengeRow(
            challenge_id=claim.challenge_id,
            tenant=self._tenant,
            purpose=claim.purpose,
            subject=claim.subject,
            nonce=claim.nonce,
            at_once=at_once,
            created_at=now,
            expires_at=expires_at,
        )
        row.proof = self._proofs.of(row)
        with told_apart():
            self._session.add(row)
            self._session.flush()

    def begin(self, claim: Claim, now: datetime) -> bool:
        """From here on nobody can begin it again; False for what is none, not theirs, over or begun already."""
        if self._row(*self._theirs(claim)) is None:
            return False
        query = update(ChallengeRow).where(*self._theirs(claim), col(ChallengeRow.begun_at).is_(None))
        query = query.where(col(ChallengeRow.expires_at) > now).values(begun_at=now)
        return self._changed(query)

    def at_once(self, challenge_id: UUID) -> str | None:
        """What was told at its beginning; None where the steps are told one by one."""
        row = self._row(_is(challenge_id))
        return None if row is None else row.at_once

    def told(self, challenge_id: UUID, now: datetime) -> None:
        """A step was told: what is not passed from here on has failed."""
        query = update(ChallengeRow).where(_is(challenge_id)).values(told_at=now)
        with told_apart():
            self._session.execute(query, execution_options=_UNSYNCHRONISED)

    def passed(self, challenge_id: UUID, now: datetime, until: datetime, sealed: bytes, transform: int) -> bool:
        """Kept for its one use; False where it expired meanwhile."""
        query = update(ChallengeRow).where(_is(challenge_id))
        query = query.where(col(ChallengeRow.expires_at) > now, col(ChallengeRow.passed_at).is_(None))
        values = {"passed_at": now, "expires_at": until, "sealed": sealed, "transform": transform}
        return self._changed(query.values(**values))

    def take(self, claim: Claim, now: datetime) -> tuple[bytes, int] | None:
        """What a passed challenge kept, and the generation of its transform; it is kept no more. None for what is no
        passed challenge of theirs, or used already."""
        row = self._row(*self._theirs(claim), col(ChallengeRow.expires_at) > now, hold=True)
        if row is None or row.sealed is None:
            return None
        sealed, transform = row.sealed, row.transform or 0
        used = update(ChallengeRow).where(*self._theirs(claim), col(ChallengeRow.sealed).is_not(None))
        return (sealed, transform) if self._changed(used.values(sealed=None)) else None

    def tally(self, subject: str, now: datetime) -> Tally:
        of_it = col(ChallengeRow.subject) == subject, col(ChallengeRow.created_at) > now - DAY
        told, passed = col(ChallengeRow.told_at), col(ChallengeRow.passed_at)
        with told_apart():
            last_pass = self._session.scalar(select(func.max(passed)).where(*of_it))
            failed = select(func.count(), func.min(told), func.max(told)).where(*of_it, told.is_not(None))
            failed = failed.where(passed.is_(None))
            of_a_day, first_at, last_at = self._session.execute(failed).one()
            since = failed if last_pass is None else failed.where(told > last_pass)
            in_a_row = self._session.execute(since).one()[0]
            unbegun = and_(*of_it, col(ChallengeRow.begun_at).is_(None), col(ChallengeRow.expires_at) > now)
            waiting = self._session.scalar(select(func.count()).where(unbegun)) or 0
        return Tally(in_a_row, last_at, of_a_day, first_at, waiting)

    def forget(self, now: datetime) -> int:
        """Drops what has expired, of any tenant, but for what counts for a day; how many."""
        counted = col(ChallengeRow.told_at).is_not(None)
        over = and_(counted, col(ChallengeRow.created_at) < now - DAY)
        query = delete(ChallengeRow).where(col(ChallengeRow.expires_at) < now, or_(~counted, over))
        emptied = update(ChallengeRow).where(col(ChallengeRow.expires_at) < now).values(sealed=None)
        with told_apart():
            dropped = self._session.scalars(query.returning(col(ChallengeRow.challenge_id))).all()
            self._session.execute(emptied, execution_options=_UNSYNCHRONISED)
        return len(dropped)

    def _theirs(self, claim: Claim) -> tuple[ColumnElement[bool], ...]:
        return (
            _is(claim.challenge_id),
            col(ChallengeRow.tenant) == self._tenant,
            col(ChallengeRow.purpose) == claim.purpose,
            col(ChallengeRow.subject) == claim.subject,
            col(ChallengeRow.nonce) == claim.nonce,
        )

    def _row(self, *which: ColumnElement[bool], hold: bool = False) -> ChallengeRow | None:
        """`hold`: nobody else changes it before this transaction ends."""
        query = select(ChallengeRow).where(*which)
        with told_apart():
            row = self._session.scalar(
                query.with_for_update() if hold else query, execution_options={"populate_existing": True}
            )
        return row if row is not None and self._proofs.hold(row) else None

    def _changed(self, query: Update) -> bool:
        with told_apart():
            found = query.returning(col(ChallengeRow.challenge_id))
            return bool(self._session.scalars(found, execution_options=_UNSYNCHRONISED).all())


def _is(challenge_id: UUID) -> ColumnElement[bool]:
    return col(ChallengeRow.challenge_id) == challenge_id
