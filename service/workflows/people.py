"""Who is enrolled: looked up, listed and erased. Needs no model, so the command line starts at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from db.records import Erasure, Person
from db.storage import Storage
from db.unit_of_work import UnitOfWork
from service.errors import UnknownUser
from service.gallery import Gallery
from service.watch import tell_erasure


class By(StrEnum):
    """Who did something, for the audit log."""

    SELF = "self"
    OPERATOR = "operator"
    RETENTION = "retention"


@dataclass(frozen=True, slots=True)
class People:
    """`gallery` is the search index of this process, where it has one: it forgets people before the database does.
    `previous` is that of the previous embedder."""

    storage: Storage
    gallery: Gallery | None = None
    previous: Gallery | None = None

    def count(self, *, flagged: bool = False, without_model: str | None = None) -> int:
        """How many are enrolled, or flagged, or have no template of a model."""
        with self.storage.begin() as work:
            return work.count(flagged=flagged, without_model=without_model)

    def listing(
        self, offset: int, limit: int, *, flagged: bool = False, without_model: str | None = None, newest: bool = False
    ) -> Sequence[Person]:
        """At most `limit` people in the order of their enrolment, after the first `offset`; see `UnitOfWork.people`."""
        with self.storage.begin() as work:
            return work.people(offset, limit, flagged=flagged, without_model=without_model, newest=newest)

    def unreadable(self) -> Sequence[Person]:
        """Who has a record that does not open, in the order of their enrolment. Tries every record there is."""
        with self.storage.begin() as work:
            found = work.unreadable_ids()
            return [person for person in work.people(0, work.count()) if person.user_id in found] if found else []

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

    def refresh(self, work: UnitOfWork) -> None:
        """Brings the galleries into step with the database."""
        for gallery in self._galleries:
            gallery.refresh(work)

    @property
    def _galleries(self) -> list[Gallery]:
        return [gallery for gallery in (self.gallery, self.previous) if gallery is not None]

    def erase(self, user_ids: Sequence[UUID], *, by: By, reason: str | None = None, key: str | None = None) -> Erasure:
        """Erases people for good; IDs of nobody are passed over. `key`: the beginning of the API key it was done with,
        for the log."""
        with_key = {} if key is None else {"key": key}
        for gallery in self._galleries:
            gallery.remove(user_ids)
        try:
            done = self.storage.erase(user_ids, by=by.value, reason=reason, **with_key)
        except Exception:
            for gallery in self._galleries:
                gallery.invalidate()
            raise
        tell_erasure(by.value, done.erased)
        return done
