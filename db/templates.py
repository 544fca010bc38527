"""Templates: written sealed, and opened for one person, some, or everybody."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Engine, Select, delete, func, or_, select
from sqlmodel import col

from db import changes
from db.bulk import TEMPLATE, OpenedTemplates, Whose, open_all
from db.chunks import chunks
from db.errors import RecordUnreadable, TransformChanged, told_apart
from db.keystore import Keystore
from db.payloads import pack_vector, unpack_vector
from db.person_keys import PersonKeys
from db.readable import open_with, template_query
from db.records import NewTemplate, StoredTemplate
from db.scope import Scope
from db.sealing import Place, SealingKey, seal
from db.tables import GalleryRow, PersonRow, TemplateRow
from db.traces import mark


class Templates(Scope):
    """The templates of one tenant's people."""

    def __init__(self, engine: Engine, keystore: Keystore, now: datetime, tenant: str) -> None:
        super().__init__(engine, keystore, now, tenant)
        self.unreadable: set[UUID] = set()
        """Whom `all_templates` left out, since a record of theirs does not open."""

    def templates(self, user_id: UUID) -> list[StoredTemplate]:
        """Somebody's templates, opened. Raises RecordUnreadable."""
        with told_apart():
            key = self._keystore.get(user_id)
            rows = self._session.execute(template_query(self._ids.where(col(PersonRow.user_id) == user_id))).all()
            return [] if key is None else self._opened_templates({user_id: key}, rows)

    def all_templates(self, among: Iterable[UUID] | None = None) -> Iterator[StoredTemplate]:
        """The templates of everybody, or of `among` them, opened, person by person.

        Whoever has one that does not open is left out and added to `unreadable`.
        """
        with told_apart():
            if among is None:
                yield from self._person_by_person(self._ids, None)
                return
            for some in chunks(sorted(among)):
                yield from self._person_by_person(self._ids.where(col(PersonRow.user_id).in_(some)), some)

    def everybody(self, model_id: str, transform: int = 0) -> Iterator[OpenedTemplates]:
        """Everybody's templates of one model that are turned by that generation, opened, some people at a time:
        `all_templates` for many."""
        with told_apart():
            unreadable: set[UUID] = set()
            yield from open_all(self._session, self._keystore, Whose(self.tenant, model_id, transform), unreadable)
            self.leave_out(unreadable)

    def turned_otherwise(self, transform: int) -> Iterator[StoredTemplate]:
        """All templates of everybody who has one that is turned by another generation; else as `all_templates`."""
        turned = col(TemplateRow.transform)  # two ranges can use the index, an inequality cannot
        others = select(col(TemplateRow.user_id)).where(or_(turned < transform, turned > transform))
        whose = self._ids.where(col(PersonRow.user_id).in_(others))
        with told_apart():
            found = list(self._session.scalars(whose))
            if found:
                yield from self._person_by_person(whose, found)

    def _person_by_person(self, whose: Select[Any], ids: Sequence[UUID] | None) -> Iterator[StoredTemplate]:
        """The templates of those people; `ids`: who they are, None for too many to name."""
        unreadable, keyless = set[UUID](), set[UUID]()
        keys = self._keystore.all(ids, unreadable=unreadable)
        for owner, rows in groupby(self._session.execute(template_query(whose)), key=lambda row: row.user_id):
            if owner not in keys:
                keyless.add(owner)
                continue
            try:
                opened = self._opened_templates(keys, rows)
            except RecordUnreadable:
                unreadable.add(owner)
            else:
                yield from opened
        self.leave_out(unreadable | (keyless - self._keystore.erased_among(keyless)))

    def leave_out(self, unreadable: set[UUID]) -> None:
        """Notes whose records do not open. Whose keys do not may be of another tenant."""
        if unreadable:
            self.unreadable |= unreadable & self.user_ids()

    def _opened_templates(self, keys: Mapping[UUID, PersonKeys], rows: Iterable[Any]) -> list[StoredTemplate]:
        opened = []
        for template_id, owner, model_id, capture, created_at, sealed, transform, grown in rows:
            payload = open_with(self._keystore, keys, Place(TEMPLATE, owner, template_id.bytes, model_id), sealed)
            told = owner, unpack_vector(payload), model_id, capture, created_at, transform, grown, template_id
            opened.append(StoredTemplate(*told))
        return opened

    def renew_templates(
        self,
        user_id: UUID,
        *added: NewTemplate,
        beside: int,
        without: str | None = None,
        displaced: Collection[UUID] = (),
        anew: bool = False,
    ) -> bool:
        """Adds templates of one model to somebody enrolled, and deletes theirs of the model `without`, where one is
        named, and those `displaced`; with `anew` all that they had.

        False, and nothing to commit, where they are gone or have another number of templates of that model than
        `beside`: another request was faster. Raises TransformChanged.
        """
        with told_apart():
            revision = self._next_revision(people=0).revision  # from this write on other writers wait
            self._require_turned(added)
            query = select(PersonRow).where(col(PersonRow.user_id) == user_id, self._mine)
            row = self._session.scalar(query, execution_options={"populate_existing": True})
            keys = self._keystore.get(user_id)
            own = (col(TemplateRow.user_id) == user_id, col(TemplateRow.model_id) == added[0].model_id)
            held = self._session.scalar(select(func.count()).select_from(TemplateRow).where(*own))
            if row is None or keys is None or held != beside:
                self._session.rollback()
                return False
            turned = select(col(TemplateRow.transform)).where(col(TemplateRow.user_id) == user_id)
            if not anew and set(self._session.scalars(turned)) - {added[0].transform}:
                raise TransformChanged("their templates wait to be carried over")  # nobody's are ever turned two ways
            changes.note(self._session, revision, self.now, [(user_id, self.tenant)])
            if anew or without is not None or displaced:
                theirs = delete(TemplateRow).where(col(TemplateRow.user_id) == user_id)
                going = or_(col(TemplateRow.model_id) == without, col(TemplateRow.template_id).in_(displaced))
                self._session.execute(theirs if anew else theirs.where(going))
                self._session.execute(mark(GalleryRow))
            key = keys.successor or keys.current
            self._session.add_all(self._sealed_template(key, user_id, template) for template in added)
            self._session.flush()
            return True

    def shrink(self, user_id: UUID) -> int:
        """Deletes what logins have added to somebody's templates; how many."""
        grown = col(TemplateRow.user_id) == user_id, col(TemplateRow.grown), col(TemplateRow.user_id).in_(self._ids)
        with told_apart():
            revision = self._next_revision(people=0).revision
            gone = self._session.scalars(
                delete(TemplateRow).where(*grown).returning(col(TemplateRow.template_id)),
                execution_options={"synchronize_session": False},
            ).all()
            changes.note(self._session, revision, self.now, [(user_id, self.tenant)])
            self._session.execute(mark(GalleryRow))
            return len(gone)

    def _require_turned(self, templates: Sequence[NewTemplate]) -> None:
        transform = self.transform()
        if any(template.transform != transform for template in templates):
            raise TransformChanged("these vectors are not turned as the tenant's templates are")

    def _sealed_template(self, key: SealingKey, user_id: UUID, template: NewTemplate) -> TemplateRow:
        template_id = uuid4()
        place = Place(TEMPLATE, user_id, template_id.bytes, template.model_id)
        return TemplateRow(
            template_id=template_id,
            user_id=user_id,
            model_id=template.model_id,
            capture=template.capture,
            created_at=self.now,
            transform=template.transform,
            grown=template.grown,
            sealed=seal(key, place, pack_vector(template.vector)),
        )
