"""Retention: who has not been seen for a set number of days is erased, unless the clock may have been set forward.

A wrong clock would make everybody look long gone, so each round trusts the clock only as far as the audit log shows
it running. Rounds leave marks in the log, a few a day. Where the last mark is more than a day ago, the service was off
or the clock leapt; where there is none, or one of another number of days, the setting is new. Then a round holds:
it says so in the log and in the audit log, and nobody is erased for a day from there on. That is the time to put a
clock or a setting right.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from db.audit_chain import Detail, Entry
from db.storage import Storage
from service.logs import log
from service.workflows.people import By, People

HELD: Final = "retention_held"
MARK: Final = "retention_mark"
LEAP: Final = timedelta(days=1)
"""The longest silence between two marks that is not taken for a leap, and how long a hold lasts."""
MARK_EVERY: Final = timedelta(hours=6)
BATCH: Final = 200
"""People erased in one transaction."""


@dataclass(frozen=True, slots=True)
class Retention:
    """Called from time to time. `days` since the last login, else since enrolment; None keeps everybody."""

    people: People
    days: int | None
    others: Callable[[], Sequence[People]] = tuple
    """The people of further tenants; the clock is one for all."""

    def __call__(self) -> int:
        """How many were erased."""
        now = self._storage.now()
        if self.days is None or not self._clock_is_trusted(now):
            return 0
        since = now - timedelta(days=self.days)
        erased = sum(count for people in (self.people, *self.others()) for count in _batches(people, since))
        if erased:
            log("retention_erased", people=erased)
        return erased

    def _clock_is_trusted(self, now: datetime) -> bool:
        """Reads the last mark alone: the log may be long."""
        mark = self._storage.audit.latest(HELD, MARK)
        if mark is None or mark.details.get("days") != self.days or now - mark.at > LEAP:
            last = None if mark is None else mark.at.isoformat()
            self._note(HELD, last_mark=last)
            log(HELD, logging.WARNING, days=self.days, last_mark=last)
            return False
        held_at = _held_at(mark)
        # A hold noted in the future was noted by a clock that has been put right since.
        holds = held_at is not None and held_at <= now < held_at + LEAP
        if abs(now - mark.at) > MARK_EVERY:
            self._note(MARK, held_at=held_at.isoformat() if held_at is not None and holds else None)
        return not holds

    def _note(self, kind: str, **more: Detail) -> None:
        told = {name: value for name, value in more.items() if value is not None}
        with self._storage.begin() as work:
            work.note(kind, None, days=self.days, **told)
            work.commit()

    @property
    def _storage(self) -> Storage:
        return self.people.storage


def _batches(people: People, since: datetime) -> Iterator[int]:
    while True:
        with people.storage.begin() as work:
            due = work.idle(since)[:BATCH]
        if not due:
            return
        yield people.erase(due, by=By.RETENTION).erased


def _held_at(mark: Entry) -> datetime | None:
    """When the hold began that a mark was noted in."""
    if mark.kind == HELD:
        return mark.at
    told = mark.details.get("held_at")
    return datetime.fromisoformat(told) if isinstance(told, str) else None
