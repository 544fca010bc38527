"""Who is enrolled: looked up, listed and erased. Needs no model, so the command line starts at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from db.records import Erasure, Person
from db.storage import Storage
from service.errors import UnknownUser
from service.gallery import Gallery


class By(StrEnum):
    """Who did something, for the audit log."""

    SELF = "self"
    OPERATOR = "operator"
    RETENTION = "retention"


@dataclass(frozen=True, slots=True)
class People:
    """`gallery` is the search index of this process, where it has one: it forgets people before the database does."""

    storage: Storage
    gallery: Gallery | None = None

    def count(self) -> int:
        with self.storage.begin() as work:
            return work.count()

    def listing(self, offset: int, limit: int) -> Sequence[Person]:
        """At most `limit` people in the order of their enrolment, after the first `offset`."""
        with self.storage.begin() as work:
            return work.people(offset, limit)

    def ids(self) -> set[UUID]:
        with self.storage.begin() as work:
            return work.user_ids()

    def get(self, user_id: UUID) -> Person:
        """Raises UnknownUser."""
        with self.storage.begin() as work:
            person = work.person(user_id)
        if person is None:
            raise UnknownUser
        return person

    def erase(self, user_ids: Sequence[UUID], *, by: By, reason: str | None = None) -> Erasure:
        """Erases people for good; IDs of nobody are passed over."""
        if self.gallery is None:
            return self.storage.erase(user_ids, by=by.value, reason=reason)
        self.gallery.remove(user_ids)
        try:
            return self.storage.erase(user_ids, by=by.value, reason=reason)
        except Exception:
            self.gallery.invalidate()
            raise
