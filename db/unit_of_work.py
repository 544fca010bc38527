"""One request's reading and writing: rolled back unless committed."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Final, Self
from uuid import UUID, uuid4

from sqlalchemy import Engine, func, select, update
from sqlmodel import Session, col

from db.bulk import TEMPLATE, OpenedTemplates, open_all
from db.errors import StorageError, told_apart
from db.keystore import Keystore, chunks
from db.payloads import pack_mapping, pack_vector, unpack_mapping, unpack_vector
from db.records import NewTemplate, Person, StoredTemplate
from db.sealing import Place, SealingKey, open_record, seal
from db.tables import AttemptRow, DetailRow, GalleryRow, PersonRow, TemplateRow

MAX_TEMPLATES: Final = 10
ATTRIBUTES: Final = "attributes"
METADATA: Final = "metadata"
ACCEPTED: Final = "accepted"


class UnitOfWork:
    """A context manager over one database session. Not to be shared between threads. `now`: when it began."""

    def __init__(self, engine: Engine, keystore: Keystore, now: datetime) -> None:
        self._session = Session(engine)
        self._keystore = keystore
        self.now = now
        self._new_keys: list[UUID] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._session.rollback()
        finally:
            self._session.close()
            self._keystore.destroy(self._new_keys)

    def commit(self) -> None:
        """Makes everything since the last commit last, even through a power cut. Raises StorageUnavailable."""
        with told_apart():
            self._session.commit()
        self._new_keys.clear()

    # People

    def add_person(
        self,
        user_id: UUID,
        *,
        templates: Sequence[NewTemplate],
        attributes: Mapping[str, Any] | None,
        metadata: Mapping[str, Any] | None,
        consent_at: datetime,
        flagged: bool,
    ) -> None:
        """Enrols somebody with 1 to 10 templates: their key first, in the key store, then the sealed rows.

        Raises ValueError for another number of templates, StorageUnavailable where the database does not answer.
        """
        if not 1 <= len(templates) <= MAX_TEMPLATES:
            raise ValueError(f"a person has 1 to {MAX_TEMPLATES} templates")
        with told_apart():
            key = self._keystore.create(user_id, self.now)
            self._new_keys.append(user_id)
            gallery = self._next_revision(people=1)
            self._session.add(
                PersonRow(
                    user_id=user_id,
                    number=gallery.people,
                    created_at=self.now,
                    consent_at=consent_at,
                    flagged=flagged,
                    revision=gallery.revision,
                )
            )
            self._session.flush()
            self._session.add_all(self._sealed_template(key, user_id, template) for template in templates)
            for kind, values in ((ATTRIBUTES, attributes), (METADATA, metadata)):
                if values:
                    self._session.add(self._sealed_detail(key, user_id, kind, values))
            self._session.flush()

    def _next_revision(self, people: int) -> GalleryRow:
        self._session.execute(
            update(GalleryRow).values(revision=col(GalleryRow.revision) + 1, people=col(GalleryRow.people) + people)
        )
        gallery = self._session.get(GalleryRow, 1, populate_existing=True)
        if gallery is None:
            raise StorageError("the gallery row is missing")
        return gallery

    def _sealed_template(self, key: SealingKey, user_id: UUID, template: NewTemplate) -> TemplateRow:
        template_id = uuid4()
        place = Place(TEMPLATE, user_id, template_id.bytes, template.model_id)
        return TemplateRow(
            template_id=template_id,
            user_id=user_id,
            model_id=template.model_id,
            capture=template.capture,
            created_at=self.now,
            sealed=seal(key, place, pack_vector(template.vector)),
        )

    @staticmethod
    def _sealed_detail(key: SealingKey, user_id: UUID, kind: str, values: Mapping[str, Any]) -> DetailRow:
        detail_id = uuid4()
        sealed = seal(key, Place(kind, user_id, detail_id.bytes), pack_mapping(values))
        return DetailRow(detail_id=detail_id, user_id=user_id, kind=kind, sealed=sealed)

    def person(self, user_id: UUID) -> Person | None:
        """Somebody enrolled; None for nobody. Raises RecordUnreadable."""
        with told_apart():
            row = self._session.get(PersonRow, user_id)
            return None if row is None else next(iter(self._opened([row])), None)

    def people(self, offset: int, limit: int) -> list[Person]:
        """At most `limit` people in the order of their enrolment, after the first `offset`."""
        query = select(PersonRow).order_by(col(PersonRow.number)).offset(offset).limit(limit)
        with told_apart():
            return self._opened(self._session.scalars(query).all())

    def _opened(self, rows: Sequence[PersonRow]) -> list[Person]:
        """People whose key has been destroyed are on their way out and left out."""
        ids = [row.user_id for row in rows]
        keys = self._keystore.all(ids)
        models = defaultdict(list)
        details: dict[tuple[UUID, str], Mapping[str, Any]] = {}
        for some in chunks(ids):
            query = select(col(TemplateRow.user_id), col(TemplateRow.model_id))
            for user_id, model_id in self._session.execute(query.where(col(TemplateRow.user_id).in_(some))):
                models[user_id].append(model_id)
            for each in self._session.scalars(select(DetailRow).where(col(DetailRow.user_id).in_(some))):
                if each.user_id in keys:
                    place = Place(each.kind, each.user_id, each.detail_id.bytes)
                    opened = unpack_mapping(open_record(keys[each.user_id], place, each.sealed))
                    details[each.user_id, each.kind] = opened
        return [
            Person(
                user_id=row.user_id,
                created_at=row.created_at,
                consent_at=row.consent_at,
                last_login_at=row.last_login_at,
                templates=len(models[row.user_id]),
                model_ids=tuple(sorted(set(models[row.user_id]))),
                flagged=row.flagged,
                attributes=details.get((row.user_id, ATTRIBUTES)),
                metadata=details.get((row.user_id, METADATA)),
            )
            for row in rows
            if row.user_id in keys
        ]

    def count(self) -> int:
        with told_apart():
            return self._session.scalar(select(func.count()).select_from(PersonRow)) or 0

    def user_ids(self) -> set[UUID]:
        with told_apart():
            return set(self._session.scalars(select(col(PersonRow.user_id))))

    # Templates

    def templates(self, user_id: UUID) -> list[StoredTemplate]:
        """Somebody's templates, opened. Raises RecordUnreadable."""
        with told_apart():
            key = self._keystore.get(user_id)
            return list(self._opened_templates({} if key is None else {user_id: key}, user_id=user_id))

    def all_templates(self, since_revision: int = -1) -> Iterator[StoredTemplate]:
        """The templates of everybody who changed after a revision, opened, person by person."""
        with told_apart():
            changed = None
            if since_revision > 0:
                query = select(col(PersonRow.user_id)).where(col(PersonRow.revision) > since_revision)
                changed = list(self._session.scalars(query))
            yield from self._opened_templates(self._keystore.all(changed), since_revision=since_revision)

    def everybody(self, model_id: str) -> Iterator[OpenedTemplates]:
        """Everybody's templates of one model, opened, some people at a time: `all_templates` for many."""
        with told_apart():
            yield from open_all(self._session, self._keystore, model_id)

    def _opened_templates(
        self, keys: Mapping[UUID, SealingKey], *, since_revision: int = -1, user_id: UUID | None = None
    ) -> Iterator[StoredTemplate]:
        table = TemplateRow.metadata.tables["template"].c
        query = select(
            table.template_id, table.user_id, table.model_id, table.capture, table.created_at, table.sealed
        ).order_by(table.user_id, table.capture)
        if user_id is not None:
            query = query.where(table.user_id == user_id)
        if since_revision > 0:
            changed = select(col(PersonRow.user_id)).where(col(PersonRow.revision) > since_revision)
            query = query.where(table.user_id.in_(changed))
        for template_id, owner, model_id, capture, created_at, sealed in self._session.execute(query):
            if (key := keys.get(owner)) is not None:
                payload = open_record(key, Place(TEMPLATE, owner, template_id.bytes, model_id), sealed)
                yield StoredTemplate(owner, unpack_vector(payload), model_id, capture, created_at)

    # Logins and the gallery

    def record_attempt(self, user_id: UUID | None, outcome: str, at: datetime) -> None:
        """Notes a login; an accepted one becomes the person's last. `user_id` need not be anybody's."""
        with told_apart():
            self._session.add(AttemptRow(at=at, user_id=user_id, outcome=outcome))
            if outcome == ACCEPTED:
                query = update(PersonRow).where(col(PersonRow.user_id) == user_id).values(last_login_at=at)
                self._session.execute(query, execution_options={"synchronize_session": False})

    def revision(self) -> int:
        """Rises with every enrolment and erasure."""
        with told_apart():
            return self._session.scalar(select(col(GalleryRow.revision))) or 0
