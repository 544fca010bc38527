"""By which secret a tenant's templates are turned, and carrying them over to another.

The secrets of a tenant have numbers, its generations, and lie in the key store alone; the newest one there is the one
in use, whatever a copy of the data says. A template keeps the number that it is turned by; 0 stands for none. Renewing
takes steps of which each may be the last before a crash:

1. the next secret is made;
2. the data file notes its number: from here on no template is written that is turned by another;
3. templates are carried over, some people a transaction;
4. when no template is left that could be, the secrets before are destroyed.

This room knows secrets and numbers; what a secret does to a vector is told by whoever calls.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Engine, Select, exists, func, or_, select, update
from sqlmodel import Session, col

from db.bulk import TEMPLATE
from db.errors import RecordUnreadable, TransformChanged, UnknownTenant, told_apart
from db.keystore import Keystore
from db.payloads import pack_vector, unpack_vector
from db.records import Vector
from db.sealing import Place, seal
from db.tables import GalleryRow, PersonRow, TemplateRow, TenantRow
from db.traces import mark

BATCH: Final = 100
"""People in one transaction; others wait for the lock that long."""
Turn = Callable[[str, int, Vector], Vector | None]
"""Of a model_id, the generation that a vector is turned by, and the vector: the one to keep; None where the secret of
that generation is gone."""
Progress = Callable[[int], None]


def _silent(done: int) -> None:
    """Reports nothing."""


@dataclass(frozen=True, slots=True)
class CarriedOver:
    """`templates` turned anew; `worthless`: those whose secret is gone, which nothing can be compared with any more."""

    templates: int
    worthless: int


class Transforms:
    """Of one tenant. Every call is a transaction of its own; safe beside others and to call again after a crash."""

    def __init__(self, data: Engine, keystore: Keystore, tenant: str) -> None:
        self._data = data
        self._keystore = keystore
        self._tenant = tenant
        # Looked up for each template that is asked about, of which there are few, not listed for all people
        whose = col(PersonRow.user_id) == col(TemplateRow.user_id)
        self._mine = exists().where(whose, col(PersonRow.tenant) == tenant)

    def generations(self) -> list[int]:
        """Whose secrets there are, the newest last."""
        prefix = self._purpose("")
        with told_apart():
            return sorted(int(purpose.removeprefix(prefix)) for purpose in self._keystore.purposes(prefix))

    def secret(self, generation: int) -> bytes | None:
        """32 bytes; None once it is destroyed."""
        with told_apart():
            return self._keystore.known_secret(self._purpose(str(generation)))

    def settle(self) -> int:
        """The generation in use, which is made where there is none, and noted. Raises UnknownTenant."""
        with told_apart():
            if not self.generations():
                self._make()
            return self._note_newest()

    def renew(self) -> int:
        """Steps 1 and 2: a new generation, which is in use from now on. Raises UnknownTenant."""
        with told_apart():
            self.settle()
            self._make()
            return self._note_newest()

    def unfinished(self, generation: int) -> bool:
        """Whether templates wait to be carried over, or older secrets to be destroyed."""
        with told_apart(), Session(self._data) as session:
            return self.generations() != [generation] or session.scalar(self._others(generation).limit(1)) is not None

    def carry_over(self, generation: int, turn: Turn, progress: Progress = _silent) -> CarriedOver:
        """Step 3: everything that is turned otherwise, by what `turn` gives. What does not open stays as it
        is. Raises TransformChanged where another generation has come into use."""
        done, after = 0, None
        with told_apart():
            while people := self._next(generation, after):
                done, after = done + self._carry(people, generation, turn), people[-1]
                progress(done)
        return CarriedOver(done, self.worthless())

    def worthless(self) -> int:
        """How many templates are turned by a secret that is gone, as an old copy of the data holds them."""
        with told_apart(), Session(self._data) as session:
            noted, ranges = col(TemplateRow.transform), [-1, 0, *self.generations()]
            between = [noted.between(low + 1, high - 1) for low, high in pairwise(ranges) if high - low > 1]
            beyond = or_(noted > ranges[-1], *between)  # ranges, so that the index serves
            return session.scalar(select(func.count()).select_from(TemplateRow).where(beyond, self._mine)) or 0

    def destroy_before(self, generation: int) -> bool:
        """Step 4. What they leave in free space goes with the next sweep. False where there were none."""
        with told_apart():
            old = [self._purpose(str(number)) for number in self.generations() if number < generation]
            if old:
                self._keystore.destroy_secrets(old)
        return bool(old)

    def _purpose(self, number: str) -> str:
        return f"template transform {self._tenant} {number}"

    def _make(self) -> None:
        """A number that no template has, not even one whose secret was destroyed."""
        with Session(self._data) as session:
            held = select(func.max(TemplateRow.transform)).where(self._mine)
            highest = max(session.scalar(held) or 0, self._noted(session), *self.generations(), 0)
        self._keystore.secret(self._purpose(str(highest + 1)))

    def _noted(self, session: Session) -> int:
        noted = session.scalar(select(col(TenantRow.transform)).where(col(TenantRow.name) == self._tenant))
        if noted is None:
            raise UnknownTenant(self._tenant)
        return noted

    def _note_newest(self) -> int:
        with Session(self._data) as session:
            if self._noted(session) == (newest := self.generations()[-1]):
                return newest
        with Session(self._data) as session:
            session.execute(
                update(GalleryRow).values(revision=col(GalleryRow.revision))
            )  # writers take turns from here
            newest = self.generations()[-1]
            session.execute(update(TenantRow).where(col(TenantRow.name) == self._tenant).values(transform=newest))
            session.commit()
            return newest

    def _others(self, generation: int) -> Select[Any]:
        """Who has templates that can be carried over to that generation."""
        others = {0, *self.generations()} - {generation}
        can_be = col(TemplateRow.transform).in_(others)
        return select(col(TemplateRow.user_id)).where(can_be, self._mine)

    def _next(self, generation: int, after: UUID | None) -> Sequence[UUID]:
        query = self._others(generation).distinct().order_by(col(TemplateRow.user_id)).limit(BATCH)
        with Session(self._data) as session:
            return session.scalars(query if after is None else query.where(col(TemplateRow.user_id) > after)).all()

    def _carry(self, people: Sequence[UUID], generation: int, turn: Turn) -> int:
        done = 0
        with Session(self._data) as session:
            session.execute(mark(GalleryRow))  # takes the lock before keys and rows are read
            if self._noted(session) != generation:
                raise TransformChanged("another transform has come into use")
            keys = self._keystore.all(people, unreadable=set())
            mine = col(TemplateRow.user_id).in_(people), col(TemplateRow.transform) != generation
            for row in session.scalars(select(TemplateRow).where(*mine)):
                its = keys.get(row.user_id)
                if its is None:
                    continue  # on their way out, or unreadable
                place = Place(TEMPLATE, row.user_id, row.template_id.bytes, row.model_id)
                try:
                    vector = unpack_vector(its.open(place, row.sealed))
                except RecordUnreadable:
                    continue  # damaged: that costs this person alone
                turned = turn(row.model_id, row.transform, vector)
                if turned is not None:
                    row.sealed = seal(its.successor or its.current, place, pack_vector(turned))
                    row.transform = generation
                    done += 1
            session.commit()
        return done
