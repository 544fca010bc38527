"""One request's reading and writing: rolled back unless committed."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from datetime import datetime
from functools import cached_property
from itertools import groupby
from types import TracebackType
from typing import Any, Final, Self
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Engine, Select, bindparam, delete, exists, func, or_, select, update
from sqlmodel import Session, col

from db import changes
from db.api_keys import ApiKeyLedger
from db.audit import HOLD, AuditLog, of_tenant
from db.audit_chain import Detail, Head
from db.bulk import TEMPLATE, OpenedTemplates, Whose, open_all
from db.challenges import ChallengeLedger
from db.clients import Clients
from db.details import ATTRIBUTES, METADATA, Details, sealed_detail
from db.errors import (
    RecordUnreadable,
    StorageError,
    StorageUnavailable,
    TransformChanged,
    UnknownTenant,
    told_apart,
)
from db.failures import FailureLedger
from db.grants import Grants
from db.keystore import Keystore, chunks
from db.one_person import one_person
from db.payloads import pack_vector, unpack_mapping, unpack_vector
from db.person_keys import PersonKeys
from db.readable import open_with, template_query, unreadable_among
from db.records import Consent, NewTemplate, Person, StoredTemplate
from db.references import References
from db.revocations import Revocations
from db.sealing import Place, SealingKey, seal
from db.tables import ConsentRow, DetailRow, GalleryRow, PersonRow, TemplateRow, TenantRow
from db.traces import mark

MAX_TEMPLATES: Final = 10
_PERSON: Final = PersonRow.metadata.tables["person"]
_TENANT: Final = TenantRow.metadata.tables["tenant"]
# Made once: building a statement takes longer than running it, and every login asks.
_REVISION: Final = select(_TENANT.c.revision).where(_TENANT.c.name == bindparam("here"))
_TRANSFORM: Final = select(_TENANT.c.transform).where(_TENANT.c.name == bindparam("here"))
_LOGGED_IN: Final = (
    update(_PERSON)
    .where(_PERSON.c.user_id == bindparam("who"), _PERSON.c.tenant == bindparam("here"))
    .where(or_(_PERSON.c.last_login_at.is_(None), _PERSON.c.last_login_at < bindparam("now")))
    .values(last_login_at=bindparam("now"))
)


class UnitOfWork:
    """A context manager over one database session. Not to be shared between threads. `now`: when it began.

    It is one tenant's: people of another are as unknown to it as nobody.
    """

    def __init__(self, engine: Engine, keystore: Keystore, audit: AuditLog, now: datetime, tenant: str) -> None:
        self._session = Session(engine)
        self._keystore = keystore
        self._audit = audit
        self.now = now
        self.tenant = tenant
        self.failures = FailureLedger(self._session, tenant)
        self.revoked = Revocations(self._session)
        self.clients = Clients(self._session)
        self.grants = Grants(self._session)
        self.challenges = ChallengeLedger(self._session, tenant)
        self.details = Details(self._session, keystore, tenant)
        self.references = References(self._session, keystore, tenant)
        self.api_keys = ApiKeyLedger(self._session, keystore.secret, tenant)
        self._new_keys: list[UUID] = []
        self._head: Head | None = None
        self.unreadable: set[UUID] = set()
        """Whom `all_templates` left out, since a record of theirs does not open."""

    # Made when first asked for, since a login needs neither
    @cached_property
    def _mine(self) -> ColumnElement[bool]:
        return col(PersonRow.tenant) == self.tenant

    @cached_property
    def _ids(self) -> Select[UUID]:
        return select(col(PersonRow.user_id)).where(self._mine)

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
            self._head = self._audit.append(self._session, self.now, kind, user_id, **details, **of_tenant(self.tenant))

    def take_turn(self) -> None:
        """Nobody else writes failures or audit entries until this unit of work ends."""
        with told_apart():
            self._session.connection().execute(HOLD)

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
        UnknownTenant, TransformChanged where the templates are not turned as the tenant's are by now, and
        StorageUnavailable where the database does not answer.
        """
        if not 1 <= len(templates) <= MAX_TEMPLATES:
            raise ValueError(f"a person has 1 to {MAX_TEMPLATES} templates")
        with told_apart():
            key = self._keystore.create(user_id, self.now)
            self._new_keys.append(user_id)
            gallery = self._next_revision(people=1)
            self._require_turned(templates)
            self._session.add(
                PersonRow(
                    user_id=user_id,
                    tenant=self.tenant,
                    number=gallery.people,
                    created_at=self.now,
                    consent_at=consent.at,
                    flagged=flagged,
                    flag_reason=flag_reason,
                )
            )
            self._session.flush()
            changes.note(self._session, gallery.revision, self.now, [(user_id, self.tenant)])
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
        tenant = update(TenantRow).where(col(TenantRow.name) == self.tenant).values(revision=gallery.revision)
        if self._session.scalar(tenant.returning(col(TenantRow.name))) is None:
            raise UnknownTenant(self.tenant)
        return gallery

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

    def user_ids(self) -> set[UUID]:
        with told_apart():
            return set(self._session.scalars(self._ids))

    # Templates

    def templates(self, user_id: UUID) -> list[StoredTemplate]:
        """Somebody's templates, opened. Raises RecordUnreadable."""
        with told_apart():
            key = self._keystore.get(user_id)
            rows = self._session.execute(template_query(self._ids.where(col(PersonRow.user_id) == user_id))).all()
            return [] if key is None else self._opened_templates({user_id: key}, rows)

    def changes(self, since_revision: int) -> changes.Changes | None:
        """Who was enrolled, changed or erased after a revision; None where that is not known any more."""
        with told_apart():
            return changes.since(self._session, self.tenant, since_revision)

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
            self._leave_out(unreadable)

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
        self._leave_out(unreadable | (keyless - self._keystore.erased_among(keyless)))

    def _leave_out(self, unreadable: set[UUID]) -> None:
        """Whose keys do not open may be of another tenant."""
        if unreadable:
            self.unreadable |= unreadable & self.user_ids()

    def _opened_templates(self, keys: Mapping[UUID, PersonKeys], rows: Iterable[Any]) -> list[StoredTemplate]:
        opened = []
        for template_id, owner, model_id, capture, created_at, sealed, transform, grown in rows:
            vector = unpack_vector(self._open(keys, Place(TEMPLATE, owner, template_id.bytes, model_id), sealed))
            kept = StoredTemplate(owner, vector, model_id, capture, created_at, transform, grown, template_id)
            opened.append(kept)
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
        grown = delete(TemplateRow).where(col(TemplateRow.user_id) == user_id, col(TemplateRow.grown))
        grown = grown.where(col(TemplateRow.user_id).in_(self._ids)).returning(col(TemplateRow.template_id))
        with told_apart():
            revision = self._next_revision(people=0).revision
            gone = len(self._session.scalars(grown, execution_options={"synchronize_session": False}).all())
            changes.note(self._session, revision, self.now, [(user_id, self.tenant)])
            self._session.execute(mark(GalleryRow))
            return gone

    def flag(self, user_id: UUID, reason: str) -> None:
        """An operator should look at somebody; a reason that is there stays."""
        query = update(PersonRow).where(
            col(PersonRow.user_id) == user_id, self._mine, col(PersonRow.flagged).is_(False)
        )
        with told_apart():
            self._session.execute(query.values(flagged=True, flag_reason=reason))

    # Consent, logins and the gallery

    def consents(self, user_id: UUID) -> list[Consent]:
        """What somebody agreed to, the earliest first; the last line holds."""
        here = self._ids.where(col(PersonRow.user_id) == user_id)
        its = col(ConsentRow.user_id) == user_id, col(ConsentRow.user_id).in_(here)
        query = select(ConsentRow).where(*its).order_by(col(ConsentRow.consent_id))
        with told_apart():
            rows = self._session.scalars(query).all()
        return [Consent(row.at, row.version, row.digest, frozenset(row.uses.split(","))) for row in rows]

    def add_consent(self, user_id: UUID, consent: Consent) -> None:
        """One more line; the last one holds. Nothing for nobody."""
        with told_apart():
            if self._session.scalar(self._ids.where(col(PersonRow.user_id) == user_id)) is None:
                return
            self._session.add(_consent_row(user_id, consent))
            self._session.flush()

    def logged_in(self, user_id: UUID) -> None:
        """Notes somebody's last login. Never an earlier one than before: with a clock that was set back retention would
        take them for long gone once it is right again."""
        with told_apart():
            who = {"who": user_id, "here": self.tenant, "now": self.now}
            self._session.connection().execute(_LOGGED_IN, who)

    def revision(self) -> int:
        """Rises with every enrolment and erasure of the tenant's people."""
        with told_apart():
            return self._session.connection().scalar(_REVISION, {"here": self.tenant}) or 0

    def transform(self) -> int:
        """The generation of the transform that templates are written with; 0 for none yet. Raises UnknownTenant."""
        with told_apart():
            found: int | None = self._session.connection().scalar(_TRANSFORM, {"here": self.tenant})
        if found is None:
            raise UnknownTenant(self.tenant)
        return found


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
