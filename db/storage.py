"""The storage as a whole: two databases, one master key."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Engine, delete, func, inspect, select, update
from sqlmodel import Session, col

from db import changes, traces
from db.api_keys import ApiKeys
from db.audit import AuditLog, of_tenant
from db.audit_chain import Detail
from db.backup import Backup
from db.chunks import chunks
from db.engine import Watch, open_engine, watch
from db.errors import StorageIncomplete, StorageUnavailable, told_apart
from db.keyring import Keyring
from db.keys import KeyProvider
from db.keystore import Keystore
from db.ledger import contradicted
from db.proofs import Proofs
from db.records import Erasure, Resealed
from db.revisions import require_known
from db.revocations import Revocations
from db.rotation import MasterRotation, PersonRotation
from db.scope import transform_of
from db.signing_keys import SigningKeys
from db.tables import (
    DEFAULT_TENANT,
    AuditHeadRow,
    ConsentRow,
    DataTable,
    DetailRow,
    GalleryRow,
    GrantRow,
    KeystoreRow,
    PersonRow,
    TemplateRow,
    TenantRow,
    id_list,
)
from db.tenants import Tenants
from db.transforms import Transforms
from db.unit_of_work import UnitOfWork
from db.upgrade import bring_up, prove_once

ORPHAN_AGE: Final = timedelta(minutes=10)
"""A key without a person is another process's enrolment under way until it is this old."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Storage:
    """People, sealed, and their keys. Safe to use from several threads; a `UnitOfWork` is not.

    It is opened for the default tenant; `of` gives that of another one.
    """

    def __init__(
        self, data: Engine, keys: Engine, provider: KeyProvider, keyring: Keyring, clock: Callable[[], datetime]
    ) -> None:
        self._data = data
        self._keys = keys
        self._provider = provider
        self._keystore = Keystore(keys, keyring)
        self.audit = AuditLog(data, keys, self.secret)
        self.proofs = Proofs(self.secret, self.audit)
        self.revoked = Revocations(keys)
        self.api_keys = ApiKeys(data, self.secret, self.proofs, self.revoked)
        self.now = clock
        self.tenant = DEFAULT_TENANT

    @classmethod
    def open(
        cls, database_url: str, keystore_url: str, master: KeyProvider, *, clock: Callable[[], datetime] = _utc_now
    ) -> "Storage":
        """Opens or makes both databases, checks the key and clears what a crash left behind.

        Raises MasterKeyError for a wrong or missing key (a new one is never made beside old data),
        StorageUnavailable where a database cannot be opened, StorageNewer where a later version has changed one of
        them, and StorageIncomplete where one is there without the
        other: the clean-up would take everybody for erased.
        """
        data, keys = _engine(database_url), _engine(keystore_url)
        try:
            with told_apart():
                require_known(data, "data")
                require_known(keys, "keys")
                empty = not inspect(data).get_table_names() and not inspect(keys).get_table_names()
                keyring = Keyring(master, may_create=empty)
                bring_up(data, keys)
                storage = cls(data, keys, master, keyring, clock)
                storage._require_both()
                storage._keystore.check()
                prove_once(data, storage._keystore, storage.proofs, clock())
                storage.sweep()
                return storage
        except BaseException:
            data.dispose()
            keys.dispose()
            raise

    def close(self) -> None:
        self.audit.close()
        self._data.dispose()
        self._keys.dispose()

    def of(self, tenant: str) -> "Storage":
        """The same databases, seen by another tenant: its people alone are known, also by ID."""
        other = copy(self)
        other.tenant = tenant
        return other

    def tenants(self) -> Tenants:
        """Which tenants there are."""
        return Tenants(self._data)

    def transform(self) -> int:
        """Like that of a unit of work, which it makes do without: every request asks."""
        with told_apart(), self._data.connect() as connection:
            return transform_of(self.tenant, connection)

    def transforms(self) -> Transforms:
        """By which secrets the tenant's templates are turned."""
        return Transforms(self._data, self._keystore, self.tenant)

    def watch(self) -> Watch:
        """News of people enrolled, changed or erased, by whichever process."""
        return watch(self._data)

    def begin(self) -> UnitOfWork:
        """A unit of work of the tenant; used as a context manager and rolled back unless committed."""
        return UnitOfWork(self._data, self._keystore, self.audit, self.proofs, self.now(), self.tenant)

    def secret(self, purpose: str) -> bytes:
        """32 random bytes for one purpose, kept wrapped in the key store: the same at every start, and under the
        next master key too."""
        with told_apart():
            return self._keystore.secret(purpose)

    def signing_keys(self) -> SigningKeys:
        """What tokens are signed with, of all tenants."""
        return SigningKeys(self._keystore)

    def master_rotation(self) -> MasterRotation:
        """Replaces the master key."""
        return MasterRotation(self._keystore, self._provider)

    def backup(self) -> Backup:
        """Writes archives of what is stored."""
        return Backup(self._data, self._keystore, self.now)

    def contradicted_consents(self) -> set[UUID]:
        """Whose consents are not what the audit log tells of them."""
        return contradicted(self._data, self.audit)

    def rotate_person(self, user_id: UUID) -> Resealed | None:
        """Gives somebody a new data key; None for nobody."""
        with told_apart():
            count = PersonRotation(self._data, self._keystore).rotate(user_id)
            if count is None:
                return None
            return Resealed(count, pending=not (self._keystore.clear() & self._clear_data()))

    def erase(self, user_ids: Sequence[UUID], **why: Detail) -> Erasure:
        """Erases people of the tenant for good: keys first, then their rows. IDs of nobody are passed over. `why` goes
        into the log.

        Once this has returned nothing of theirs can be read, in any copy of the data; see `Erasure.pending`.
        """
        with told_apart():
            ids = self._own(sorted(set(user_ids)))
            keys = self._keystore.destroy(ids, erased_at=self.now())
            erased = self._delete_rows(ids, keys, **why)
            return Erasure(erased, pending=not self._keystore.clear())

    def _own(self, user_ids: Sequence[UUID]) -> list[UUID]:
        with Session(self._data) as session:
            own = select(col(PersonRow.user_id)).where(col(PersonRow.tenant) == self.tenant)
            return [
                each
                for some in chunks(user_ids)
                for each in session.scalars(own.where(col(PersonRow.user_id).in_(some)))
            ]

    def leave_out(self, user_ids: Sequence[UUID]) -> None:
        """Deletes the rows of people whose records cannot be opened; their keys stay."""
        with told_apart():
            self._delete_rows(user_ids, {}, by="restore")

    def _delete_rows(self, user_ids: Sequence[UUID], keys: Mapping[UUID, int], **why: Detail) -> int:
        """`keys`: how many of theirs have been destroyed for it."""
        if not user_ids:
            return 0
        count, head = 0, None
        with Session(self._data) as session:
            step = traces.mark(GalleryRow).values(revision=col(GalleryRow.revision) + 1)
            now_at = session.scalars(step.returning(col(GalleryRow.revision))).one()
            for some in chunks(user_ids):
                here = select(col(PersonRow.user_id), col(PersonRow.tenant)).where(col(PersonRow.user_id).in_(some))
                found = session.execute(here.order_by(col(PersonRow.number))).all()
                count += len(found)
                changes.note_gone(session, now_at, self.now(), [(user_id, tenant) for user_id, tenant in found])
                held = select(col(TemplateRow.user_id)).where(col(TemplateRow.user_id).in_(some))
                templates = Counter(session.scalars(held))
                for user_id, tenant in found:
                    what = {"templates": templates[user_id], "keys": keys.get(user_id, 0), **why, **of_tenant(tenant)}
                    head = self.audit.append(session, self.now(), "erased", user_id, **what)
                theirs = col(TenantRow.name).in_({tenant for _, tenant in found})
                session.execute(update(TenantRow).where(theirs).values(revision=now_at))
                for table in (GrantRow, ConsentRow, DetailRow, TemplateRow, PersonRow):
                    session.execute(delete(table).where(col(table.user_id).in_(some)))
            session.commit()
        if head is not None:
            self.audit.advance(head)
        return count

    def _require_both(self) -> None:
        """Raises StorageIncomplete. What a crash in the very first start or enrolment leaves is no such case."""
        with Session(self._data) as session:
            used = session.scalar(select(func.count()).select_from(PersonRow)) or self.audit.length()
        with Session(self._keys) as session:
            begun = session.get(KeystoreRow, 1) is not None
            written = session.scalar(select(col(AuditHeadRow.number))) or 0
        if used and not begun:
            raise StorageIncomplete(f"{_shown(self._keys)}: the key store is empty, and there are data sealed with it")
        if written and not used:
            raise StorageIncomplete(f"{_shown(self._data)}: the data are missing, and their key store is there")

    def sweep(self) -> bool:
        """Ends what a crash or a reader left unfinished; True when nothing is left to clear.

        Whoever has no key goes only where the key store knows of their erasure, and keys of nobody only where the data
        are not older than the key store: else a file was put back or lost, and what is missing may come back.
        """
        with told_apart():
            with Session(self._data) as session:
                in_step = self._keystore.is_for(id_list(session, col(PersonRow.user_id)))
            if not in_step:
                self._part()
            PersonRotation(self._data, self._keystore).resume()
            self._keystore.keyring.refresh()
            with Session(self._data) as session:
                if changes.forget(session, self.now()):
                    session.commit()
            return self._keystore.clear() & self._clear_data()

    def _part(self) -> None:
        """Deletes erased people without a key, and keys without a person."""
        with Session(self._data) as session:
            enrolled = set(session.scalars(select(col(PersonRow.user_id))))
        keyless = enrolled - self._keystore.holders()
        self._delete_rows(sorted(self._keystore.erased_among(keyless)), {}, by="sweep")
        if not self.audit.is_behind():
            self._keystore.destroy(self._keystore.holders(self.now() - ORPHAN_AGE) - enrolled)

    def _clear_data(self) -> bool:
        return traces.clear(self._data, GalleryRow, DataTable.metadata.tables)


def _shown(engine: Engine) -> str:
    """The file of a database, or what it is called on its server; never a password."""
    return engine.url.database or engine.url.get_backend_name()


def _engine(url: str) -> Engine:
    with told_apart():
        try:
            return open_engine(url)
        except OSError as error:
            raise StorageUnavailable(f"the database file cannot be opened: {error.strerror}") from None
