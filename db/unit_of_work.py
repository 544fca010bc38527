"""One request's reading and writing: rolled back unless committed."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from datetime import datetime
from itertools import groupby
from types import TracebackType
from typing import Any, Final, Self
from uuid import UUID, uuid4

from sqlalchemy import Engine, Select, delete, exists, func, or_, select, update
from sqlmodel import Session, col

from db.audit import AuditLog
from db.audit_chain import Detail, Head
from db.bulk import TEMPLATE, OpenedTemplates, open_all
from db.details import ATTRIBUTES, METADATA, Details, sealed_detail
from db.errors import RecordUnreadable, StorageError, StorageUnavailable, told_apart
from db.failures import FailureLedger
from db.keystore import Keystore, chunks
from db.payloads import pack_vector, unpack_mapping, unpack_vector
from db.person_keys import PersonKeys
from db.readable import open_with, template_query, unreadable_among
from db.records import Consent, NewTemplate, Person, StoredTemplate
from db.sealing import Place, SealingKey, seal
from db.tables import AuditTailRow, ConsentRow, DetailRow, GalleryRow, PersonRow, TemplateRow

MAX_TEMPLATES: Final = 10


class UnitOfWork:
    """A context manager over one database session. Not to be shared between threads. `now`: when it began."""

    def __init__(self, engine: Engine, keystore: Keystore, audit: AuditLog, now: datetime) -> None:
        self._session = Session(engine)
        self._keystore = keystore
        self._audit = audit
        self.now = now
        self.failures = FailureLedger(self._session)
        self.details = Details(self._session, keystore)
        self._new_keys: list[UUID] = []
        self._head: Head | None = None
        self.unreadable: set[UUID] = set()
        """Whom `all_templates` left out, since a record of theirs does not open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Where the database is out of reach the session ends all the same, and a sweep destroys what keys are left.
        with suppress(StorageUnavailable), told_apart():
            try:
                self._session.rollback()
            finally:
                self._session.close()
                self._keystore.destroy(self._new_keys)

    def commit(self) -> None:
        """Makes everything since the last commit last, even through a power cut. Raises StorageUnavailable."""
        self._new_keys.clear()  # from here on a key without a person is for the sweep: a failure may come too late
        with told_apart():
            self._session.commit()
        if self._head is not None:
            self._audit.advance(self._head)
            self._head = None

    def note(self, kind: str, user_id: UUID | None, **details: Detail) -> None:
        """An entry of the audit log, written if and only if this unit of work is committed."""
        with told_apart():
            self._head = self._audit.append(self._session, self.now, kind, user_id, **details)

    def take_turn(self) -> None:
        """Nobody else writes failures or audit entries until this unit of work ends."""
        with told_apart():
            self._session.execute(update(AuditTailRow).values(number=col(AuditTailRow.number)))

    # People

    def add_person(
        self,
        user_id: UUID,
        *,
        templates: Sequence[NewTemplate],
        attributes: Mapping[str, Any] | None,
        metadata: Mapping[str, Any] | None,
        consent: Consent,
        flagged: bool,
        flag_reason: str | None = None,
        factors: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Enrols somebody with 1 to 10 templates: their key first, in the key store, then the sealed rows.

        `factors`: details beside attributes and metadata, by kind. Raises ValueError for another number of templates,
        StorageUnavailable where the database does not answer.
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
                    consent_at=consent.at,
                    flagged=flagged,
                    flag_reason=flag_reason,
                    revision=gallery.revision,
                )
            )
            self._session.flush()
            self._session.add(_consent_row(user_id, consent))
            self._session.add_all(self._sealed_template(key, user_id, template) for template in templates)
            for kind, values in {ATTRIBUTES: attributes, METADATA: metadata, **(factors or {})}.items():
                if values:
                    self._session.add(sealed_detail(key, user_id, kind, values))
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

    def person(self, user_id: UUID) -> Person | None:
        """Somebody enrolled; None for nobody. Raises RecordUnreadable."""
        with told_apart():
            row = self._session.get(PersonRow, user_id)
            return None if row is None else next(iter(self._opened([row])), None)

    def has(self, user_id: UUID) -> bool:
        """Whether somebody is enrolled, and not on the way out. Opens nothing."""
        with told_apart():
            return self._session.get(PersonRow, user_id) is not None and self._keystore.has(user_id)

    def people(
        self, offset: int, limit: int, *, flagged: bool = False, without_model: str | None = None
    ) -> list[Person]:
        """At most `limit` people in the order of their enrolment, after the first `offset`.

        `flagged`: those flagged alone; `without_model`: those alone who have no template of that model.
        """
        query = _chosen(select(PersonRow), flagged=flagged, without_model=without_model).order_by(col(PersonRow.number))
        with told_apart():
            rows = self._session.scalars(query.offset(offset).limit(limit)).all()
            ids = [row.user_id for row in rows]
            return self._opened(rows, unreadable_among(self._session, self._keystore, ids))

    def unreadable_ids(self) -> set[UUID]:
        """Who has a key, template or detail that does not open: every record of everybody is tried."""
        with told_apart():
            ids = sorted(self.user_ids())
            found = (unreadable_among(self._session, self._keystore, some) for some in chunks(ids))
            return set[UUID]().union(*found)

    def _opened(self, rows: Sequence[PersonRow], unreadable: Set[UUID] = frozenset()) -> list[Person]:
        """People whose key has been destroyed are on their way out and left out; `unreadable`: told without details."""
        ids = [row.user_id for row in rows if row.user_id not in unreadable]
        keys = self._keystore.all(ids)
        models = defaultdict(list)
        details: dict[tuple[UUID, str], Mapping[str, Any]] = {}
        for some in chunks([row.user_id for row in rows]):
            query = select(col(TemplateRow.user_id), col(TemplateRow.model_id))
            for user_id, model_id in self._session.execute(query.where(col(TemplateRow.user_id).in_(some))):
                models[user_id].append(model_id)
            shown = col(DetailRow.user_id).in_(some), col(DetailRow.kind).in_((ATTRIBUTES, METADATA))
            for each in self._session.scalars(select(DetailRow).where(*shown)):
                if each.user_id in keys:
                    place = Place(each.kind, each.user_id, each.detail_id.bytes)
                    details[each.user_id, each.kind] = unpack_mapping(self._open(keys, place, each.sealed))
        return [
            Person(
                user_id=row.user_id,
                created_at=row.created_at,
                consent_at=row.consent_at,
                last_login_at=row.last_login_at,
                templates=len(models[row.user_id]),
                model_ids=tuple(sorted(set(models[row.user_id]))),
                flagged=row.flagged,
                flag_reason=row.flag_reason,
                attributes=details.get((row.user_id, ATTRIBUTES)),
                metadata=details.get((row.user_id, METADATA)),
                readable=row.user_id not in unreadable,
            )
            for row in rows
            if row.user_id in keys or row.user_id in unreadable
        ]

    def _open(self, keys: Mapping[UUID, PersonKeys], place: Place, record: bytes) -> bytes:
        return open_with(self._keystore, keys, place, record)

    def count(self, *, flagged: bool = False, without_model: str | None = None) -> int:
        """How many are enrolled, or flagged, or have no template of a model."""
        query = _chosen(select(func.count()).select_from(PersonRow), flagged=flagged, without_model=without_model)
        with told_apart():
            return self._session.scalar(query) or 0

    def idle(self, since: datetime, among: Sequence[UUID] | None = None) -> list[UUID]:
        """Who has not logged in since a moment, nor was enrolled since, the earliest enrolled first; of `among` alone,
        where it is given."""
        query = select(col(PersonRow.user_id)).order_by(col(PersonRow.number))
        query = query.where(func.coalesce(col(PersonRow.last_login_at), col(PersonRow.created_at)) < since)
        with told_apart():
            if among is None:
                return list(self._session.scalars(query))
            asked = (query.where(col(PersonRow.user_id).in_(some)) for some in chunks(among))
            return [user_id for each in asked for user_id in self._session.scalars(each)]

    def user_ids(self) -> set[UUID]:
        with told_apart():
            return set(self._session.scalars(select(col(PersonRow.user_id))))

    # Templates

    def templates(self, user_id: UUID) -> list[StoredTemplate]:
        """Somebody's templates, opened. Raises RecordUnreadable."""
        with told_apart():
            key = self._keystore.get(user_id)
            rows = self._session.execute(template_query().where(col(TemplateRow.user_id) == user_id)).all()
            return [] if key is None else self._opened_templates({user_id: key}, rows)

    def all_templates(self, since_revision: int = -1) -> Iterator[StoredTemplate]:
        """The templates of everybody who changed after a revision, opened, person by person.

        Whoever has one that does not open is left out and added to `unreadable`.
        """
        with told_apart():
            changed, query = None, template_query()
            if since_revision > 0:
                later = select(col(PersonRow.user_id)).where(col(PersonRow.revision) > since_revision)
                changed, query = list(self._session.scalars(later)), query.where(col(TemplateRow.user_id).in_(later))
            keys, keyless = self._keystore.all(changed, unreadable=self.unreadable), set[UUID]()
            for owner, rows in groupby(self._session.execute(query), key=lambda row: row.user_id):
                if owner not in keys:
                    keyless.add(owner)
                    continue
                try:
                    opened = self._opened_templates(keys, rows)
                except RecordUnreadable:
                    self.unreadable.add(owner)
                else:
                    yield from opened
            self.unreadable |= keyless - self._keystore.erased_among(keyless)

    def everybody(self, model_id: str) -> Iterator[OpenedTemplates]:
        """Everybody's templates of one model, opened, some people at a time: `all_templates` for many."""
        with told_apart():
            yield from open_all(self._session, self._keystore, model_id, self.unreadable)

    def _opened_templates(self, keys: Mapping[UUID, PersonKeys], rows: Iterable[Any]) -> list[StoredTemplate]:
        opened = []
        for template_id, owner, model_id, capture, created_at, sealed in rows:
            payload = self._open(keys, Place(TEMPLATE, owner, template_id.bytes, model_id), sealed)
            opened.append(StoredTemplate(owner, unpack_vector(payload), model_id, capture, created_at))
        return opened

    def renew_templates(
        self, user_id: UUID, *added: NewTemplate, beside: int, without: str | None = None, anew: bool = False
    ) -> bool:
        """Adds templates of one model to somebody enrolled, and deletes theirs of the model `without`, where one is
        named; with `anew` all that they had.

        False, and nothing to commit, where they are gone or have another number of templates of that model than
        `beside`: another request was faster.
        """
        with told_apart():
            revision = self._next_revision(people=0).revision  # from this write on other writers wait
            row, keys = self._session.get(PersonRow, user_id, populate_existing=True), self._keystore.get(user_id)
            own = (col(TemplateRow.user_id) == user_id, col(TemplateRow.model_id) == added[0].model_id)
            held = self._session.scalar(select(func.count()).select_from(TemplateRow).where(*own))
            if row is None or keys is None or held != beside:
                self._session.rollback()
                return False
            row.revision = revision
            if anew or without is not None:
                theirs = delete(TemplateRow).where(col(TemplateRow.user_id) == user_id)
                self._session.execute(theirs if anew else theirs.where(col(TemplateRow.model_id) == without))
                self._session.execute(update(GalleryRow).values(dirty=True))
            key = keys.successor or keys.current
            self._session.add_all(self._sealed_template(key, user_id, template) for template in added)
            self._session.flush()
            return True

    def flag(self, user_id: UUID, reason: str) -> None:
        """An operator should look at somebody; a reason that is there stays."""
        query = update(PersonRow).where(col(PersonRow.user_id) == user_id, col(PersonRow.flagged).is_(False))
        with told_apart():
            self._session.execute(query.values(flagged=True, flag_reason=reason))

    # Consent, logins and the gallery

    def consents(self, user_id: UUID) -> list[Consent]:
        """What somebody agreed to, the earliest first; the last line holds."""
        query = select(ConsentRow).where(col(ConsentRow.user_id) == user_id).order_by(col(ConsentRow.consent_id))
        with told_apart():
            rows = self._session.scalars(query).all()
        return [Consent(row.at, row.version, row.digest, frozenset(row.uses.split(","))) for row in rows]

    def add_consent(self, user_id: UUID, consent: Consent) -> None:
        """One more line; the last one holds."""
        with told_apart():
            self._session.add(_consent_row(user_id, consent))
            self._session.flush()

    def logged_in(self, user_id: UUID) -> None:
        """Notes somebody's last login. Never an earlier one than before: with a clock that was set back retention would
        take them for long gone once it is right again."""
        before = col(PersonRow.last_login_at)
        query = (
            update(PersonRow)
            .where(col(PersonRow.user_id) == user_id, or_(before.is_(None), before < self.now))
            .values(last_login_at=self.now)
        )
        with told_apart():
            self._session.execute(query, execution_options={"synchronize_session": False})

    def revision(self) -> int:
        """Rises with every enrolment and erasure."""
        with told_apart():
            return self._session.scalar(select(col(GalleryRow.revision))) or 0


def _consent_row(user_id: UUID, consent: Consent) -> ConsentRow:
    uses = ",".join(sorted(consent.uses))
    return ConsentRow(user_id=user_id, at=consent.at, version=consent.version, digest=consent.digest, uses=uses)


def _chosen(query: Select[Any], *, flagged: bool, without_model: str | None) -> Select[Any]:
    if flagged:
        query = query.where(col(PersonRow.flagged))
    if without_model is not None:
        held = col(TemplateRow.user_id) == col(PersonRow.user_id), col(TemplateRow.model_id) == without_model
        query = query.where(~exists().where(*held))
    return query
