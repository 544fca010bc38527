"""What operators see of the people enrolled: summaries, never a vector, a label or a reference."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from db.details import FACTOR
from db.records import Person
from db.references import REFERENCE
from service.errors import UnknownUser
from service.lockout import Lockout
from service.workflows.people import People


class Which(StrEnum):
    """Of whom. `unreadable`: who has a record that does not open; every record there is gets tried."""

    ALL = "all"
    FLAGGED = "flagged"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Page:
    """Some of `total` people."""

    total: int
    people: Sequence[Person]


@dataclass(frozen=True, slots=True)
class Overview:
    """`uses`: what they agreed to. `passphrase`: whether they have one, None where that record does not open.
    `failures`: failed logins in a row that claimed them, and how long the next has to wait."""

    person: Person
    uses: frozenset[str]
    passphrase: bool | None
    failures: int
    wait: timedelta


@dataclass(frozen=True, slots=True)
class Oversee:
    """Of one tenant. Needs no model."""

    people: People
    lockout: Lockout

    def page(self, which: Which, offset: int, limit: int) -> Page:
        """At most `limit` people after the first `offset`, the last enrolled first."""
        if which is Which.UNREADABLE:
            found = list(reversed(self.people.unreadable()))
            return Page(len(found), found[offset : offset + limit])
        flagged = which is Which.FLAGGED
        shown = self.people.listing(offset, limit, flagged=flagged, newest=True)
        return Page(self.people.count(flagged=flagged), shown)

    def one(self, user_id: UUID) -> Overview:
        """Somebody, also where their records do not open. Raises UnknownUser."""
        claim = self.lockout.claim(user_id)
        with self.people.storage.begin() as work:
            found = work.people(0, 1, among=[user_id])
            if not found:
                raise UnknownUser
            agreed = work.consents(user_id)
            kept = work.details.get(user_id, FACTOR) is not None if found[0].readable else None
            failures = work.failures.of([claim]).get(claim)
            return Overview(
                person=found[0],
                uses=agreed[-1].uses if agreed else frozenset(),
                passphrase=kept,
                failures=failures.count if failures else 0,
                wait=self.lockout.limits.left(failures, work.now) if failures else timedelta(0),
            )

    def holder(self, reference: str) -> Overview:
        """Whose reference it is. Raises UnknownUser, also where it is not the one that is sealed with them: somebody
        moved it in the data file."""
        with self.people.storage.begin() as work:
            user_id = work.references.holder(reference)
        if user_id is None:
            raise UnknownUser
        found = self.one(user_id)
        if found.person.readable and (found.person.metadata or {}).get(REFERENCE) != reference:
            raise UnknownUser
        return found
