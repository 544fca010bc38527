"""People: who is enrolled, what may be told of them, and what is noted of them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, bindparam, exists, func, or_, select, update
from sqlmodel import col

from db.chunks import chunks
from db.details import ATTRIBUTES, METADATA
from db.errors import told_apart
from db.one_person import one_person
from db.payloads import unpack_mapping
from db.readable import open_with, unreadable_among
from db.records import Person
from db.scope import Scope
from db.sealing import Place
from db.tables import DetailRow, PersonRow, TemplateRow

_PERSON: Final = PersonRow.metadata.tables["person"]
# Made once: building a statement takes longer than running it, and every login asks.
_LOGGED_IN: Final = (
    update(_PERSON)
    .where(_PERSON.c.user_id == bindparam("who"), _PERSON.c.tenant == bindparam("here"))
    .where(or_(_PERSON.c.last_login_at.is_(None), _PERSON.c.last_login_at < bindparam("now")))
    .values(last_login_at=bindparam("now"))
)


class People(Scope):
    """The people of one tenant."""

    def person(self, user_id: UUID) -> Person | None:
        """Somebody enrolled; None for nobody. Raises RecordUnreadable."""
        with told_apart():
            return one_person(self._session, self._keystore, self.tenant, user_id)

    def has(self, user_id: UUID) -> bool:
        """Whether somebody is enrolled, and not on the way out. Opens nothing."""
        with told_apart():
            here = self._session.scalar(self._ids.where(col(PersonRow.user_id) == user_id)) is not None
            return here and self._keystore.has(user_id)

    def people(
        self,
        offset: int,
        limit: int,
        *,
        flagged: bool = False,
        without_model: str | None = None,
        among: Sequence[UUID] | None = None,
        newest: bool = False,
    ) -> list[Person]:
        """At most `limit` people in the order of their enrolment, after the first `offset`; `newest`: the last first.

        `flagged`: those flagged alone; `without_model`: those alone who have no template of that model; `among`: a few
        people, of whom alone it shall be.
        """
        query = _chosen(select(PersonRow).where(self._mine), flagged=flagged, without_model=without_model)
        query = query if among is None else query.where(col(PersonRow.user_id).in_(among))
        query = query.order_by(col(PersonRow.number).desc() if newest else col(PersonRow.number))
        with told_apart():
            rows = self._session.scalars(query.offset(offset).limit(limit)).all()
            ids = [row.user_id for row in rows]
            return self._opened(rows, unreadable_among(self._session, self._keystore, ids))

    def _opened(self, rows: Sequence[PersonRow], unreadable: Set[UUID] = frozenset()) -> list[Person]:
        """People whose key has been destroyed are on their way out and left out; `unreadable`: told without details."""
        ids = [row.user_id for row in rows if row.user_id not in unreadable]
        keys = self._keystore.all(ids)
        models = defaultdict(list)
        details: dict[tuple[UUID, str], Mapping[str, Any]] = {}
        for some in chunks([row.user_id for row in rows]):
            query = select(col(TemplateRow.user_id), col(TemplateRow.model_id), col(TemplateRow.grown))
            for user_id, model_id, grown in self._session.execute(query.where(col(TemplateRow.user_id).in_(some))):
                models[user_id].append((model_id, grown))
            shown = col(DetailRow.user_id).in_(some), col(DetailRow.kind).in_((ATTRIBUTES, METADATA))
            for each in self._session.scalars(select(DetailRow).where(*shown)):
                if each.user_id in keys:
                    place = Place(each.kind, each.user_id, each.detail_id.bytes)
                    details[each.user_id, each.kind] = unpack_mapping(
                        open_with(self._keystore, keys, place, each.sealed)
                    )
        return [
            Person(
                user_id=row.user_id,
                created_at=row.created_at,
                consent_at=row.consent_at,
                last_login_at=row.last_login_at,
                templates=len(models[row.user_id]),
                model_ids=tuple(sorted({model_id for model_id, _ in models[row.user_id]})),
                grown=sum(grown for _, grown in models[row.user_id]),
                flagged=row.flagged,
                flag_reason=row.flag_reason,
                attributes=details.get((row.user_id, ATTRIBUTES)),
                metadata=details.get((row.user_id, METADATA)),
                readable=row.user_id not in unreadable,
            )
            for row in rows
            if row.user_id in keys or row.user_id in unreadable
        ]

    def unreadable_ids(self) -> set[UUID]:
        """Who has a key, template or detail that does not open: every record of everybody is tried."""
        with told_apart():
            ids = sorted(self.user_ids())
            found = (unreadable_among(self._session, self._keystore, some) for some in chunks(ids))
            return set[UUID]().union(*found)

    def count(self, *, flagged: bool = False, without_model: str | None = None) -> int:
        """How many are enrolled, or flagged, or have no template of a model."""
        query = select(func.count()).select_from(PersonRow).where(self._mine)
        query = _chosen(query, flagged=flagged, without_model=without_model)
        with told_apart():
            return self._session.scalar(query) or 0

    def idle(self, since: datetime, among: Sequence[UUID] | None = None) -> list[UUID]:
        """Who has not logged in since a moment, nor was enrolled since, the earliest enrolled first; of `among` alone,
        where it is given."""
        query = self._ids.order_by(col(PersonRow.number))
        query = query.where(func.coalesce(col(PersonRow.last_login_at), col(PersonRow.created_at)) < since)
        with told_apart():
            if among is None:
                return list(self._session.scalars(query))
            asked = (query.where(col(PersonRow.user_id).in_(some)) for some in chunks(among))
            return [user_id for each in asked for user_id in self._session.scalars(each)]

    def still_here(self, user_ids: Iterable[UUID]) -> set[UUID]:
        """Who of these people is enrolled."""
        with told_apart():
            asked = (self._ids.where(col(PersonRow.user_id).in_(some)) for some in chunks(list(user_ids)))
            return {user_id for each in asked for user_id in self._session.scalars(each)}

    def flag(self, user_id: UUID, reason: str) -> None:
        """An operator should look at somebody; a reason that is there stays."""
        query = update(PersonRow).where(
            col(PersonRow.user_id) == user_id, self._mine, col(PersonRow.flagged).is_(False)
        )
        with told_apart():
            self._session.execute(query.values(flagged=True, flag_reason=reason))

    def clear_flag(self, user_id: UUID) -> None:
        """An operator has looked; what comes later may flag them again."""
        query = update(PersonRow).where(col(PersonRow.user_id) == user_id, self._mine)
        with told_apart():
            self._session.execute(query.values(flagged=False, flag_reason=None))

    def logged_in(self, user_id: UUID) -> None:
        """Notes somebody's last login. Never an earlier one than before: with a clock that was set back retention would
        take them for long gone once it is right again."""
        with told_apart():
            who = {"who": user_id, "here": self.tenant, "now": self.now}
            self._session.connection().execute(_LOGGED_IN, who)


def _chosen(query: Select[Any], *, flagged: bool, without_model: str | None) -> Select[Any]:
    if flagged:
        query = query.where(col(PersonRow.flagged))
    if without_model is not None:
        held = col(TemplateRow.user_id) == col(PersonRow.user_id), col(TemplateRow.model_id) == without_model
        query = query.where(~exists().where(*held))
    return query
