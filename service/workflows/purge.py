"""Erasing many people at an operator's word, in batches: who is erased by then stays erased wherever it stops."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from db.records import Erasure
from db.unit_of_work import UnitOfWork
from service.workflows.people import By, People

BATCH: Final = 200
"""People erased in one transaction."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Whom: those named in `users`; else those neither logged in nor enrolled since `unseen_since`; else everybody."""

    users: frozenset[UUID] = frozenset()
    unseen_since: datetime | None = None

    def chosen(self, work: UnitOfWork, among: Sequence[UUID] | None = None) -> list[UUID]:
        """Who it is now; who of `among` still is, where it is given."""
        if self.unseen_since is not None:
            return work.idle(self.unseen_since, among)
        if among is not None:
            return list(among)
        return sorted(work.user_ids() & self.users if self.users else work.user_ids())


@dataclass(frozen=True, slots=True)
class Purge:
    """Needs no model. `key`: the beginning of the API key that it is done with, where it is one."""

    people: People
    key: str | None = None

    def chosen(self, selection: Selection) -> list[UUID]:
        with self.people.storage.begin() as work:
            return selection.chosen(work)

    def __call__(self, selection: Selection, confirmed: Sequence[UUID]) -> Iterator[Erasure]:
        """Erases those of `confirmed` who are still chosen when their batch comes: one answer a batch."""
        for start in range(0, len(confirmed), BATCH):
            some = confirmed[start : start + BATCH]
            with self.people.storage.begin() as work:
                still = selection.chosen(work, some)
            yield self.people.erase(still, by=By.OPERATOR, key=self.key)
