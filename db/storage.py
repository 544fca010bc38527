"""The storage as a whole: two databases, one master key."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Engine, delete, inspect, select, update
from sqlmodel import Session, col

from db.bulk import people_ids
from db.engine import clear_free_space, migrate, open_engine
from db.errors import StorageUnavailable, told_apart
from db.keys import KeyProvider, MasterKey
from db.keystore import Keystore, chunks
from db.records import Erasure
from db.tables import AttemptRow, DataTable, DetailRow, GalleryRow, PersonRow, TemplateRow
from db.unit_of_work import UnitOfWork

ORPHAN_AGE: Final = timedelta(minutes=10)
"""A key without a person is another process's enrolment under way until it is this old."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Storage:
    """People, sealed, and their keys. Safe to use from several threads; a `UnitOfWork` is not."""

    def __init__(self, data: Engine, keys: Engine, master: MasterKey, clock: Callable[[], datetime]) -> None:
        self._data = data
        self._keys = keys
        self._master = master
        self._keystore = Keystore(keys, master)
        self.now = clock

    @classmethod
    def open(
        cls, database_url: str, keystore_url: str, master: KeyProvider, *, clock: Callable[[], datetime] = _utc_now
    ) -> "Storage":
        """Opens or makes both databases, checks the key and clears what a crash left behind.

        Raises MasterKeyError for a wrong or missing key (a new one is never made beside old data) and
        StorageUnavailable where a database cannot be opened.
        """
        data, keys = _engine(database_url), _engine(keystore_url)
        try:
            with told_apart():
                empty = not inspect(data).get_table_names() and not inspect(keys).get_table_names()
                loaded = master.load(may_create=empty)
                migrate(data, "data")
                migrate(keys, "keys")
                storage = cls(data, keys, loaded, clock)
                storage._keystore.check()
                storage.sweep()
                return storage
        except BaseException:
            data.dispose()
            keys.dispose()
            raise

    def close(self) -> None:
        self._data.dispose()
        self._keys.dispose()

    def begin(self) -> UnitOfWork:
        """A unit of work; used as a context manager and rolled back unless committed."""
        return UnitOfWork(self._data, self._keystore, self.now())

    def secret(self, purpose: str) -> bytes:
        """32 bytes derived from the master key for one purpose, the same at every start."""
        return self._master.derive(purpose)

    def erase(self, user_ids: Sequence[UUID]) -> Erasure:
        """Erases people for good: keys first, then their rows. IDs of nobody are passed over.

        Once this has returned nothing of theirs can be read, in any copy of the data; see `Erasure.pending`.
        """
        ids = sorted(set(user_ids))
        with told_apart():
            self._keystore.destroy(ids)
            erased = self._delete_rows(ids)
            return Erasure(erased, pending=not self._keystore.clear())

    def _delete_rows(self, user_ids: Sequence[UUID]) -> int:
        if not user_ids:
            return 0
        with Session(self._data) as session:
            count = 0
            for some in chunks(user_ids):
                count += len(
                    session.scalars(select(col(PersonRow.user_id)).where(col(PersonRow.user_id).in_(some))).all()
                )
                for table in (AttemptRow, DetailRow, TemplateRow, PersonRow):
                    session.execute(delete(table).where(col(table.user_id).in_(some)))
            session.execute(update(GalleryRow).values(revision=col(GalleryRow.revision) + 1, dirty=True))
            session.commit()
        return count

    def sweep(self) -> bool:
        """Ends what a crash or a reader left unfinished; True when nothing is left to clear."""
        with told_apart():
            with Session(self._data) as session:
                in_step = self._keystore.is_for(people_ids(session))
            if not in_step:
                self._part()
            return self._keystore.clear() & self._clear_data()

    def _part(self) -> None:
        """Deletes people without a key, and keys without a person."""
        with Session(self._data) as session:
            enrolled = set(session.scalars(select(col(PersonRow.user_id))))
        keyless = enrolled - self._keystore.holders()
        self._delete_rows(sorted(keyless))
        self._keystore.destroy(self._keystore.holders(self.now() - ORPHAN_AGE) - enrolled)

    def _clear_data(self) -> bool:
        with Session(self._data) as session:
            if not session.scalar(select(col(GalleryRow.dirty))):
                return True
        if not clear_free_space(self._data, DataTable.metadata.tables):
            return False
        with Session(self._data) as session:
            session.execute(update(GalleryRow).values(dirty=False))
            session.commit()
        return True


def _engine(url: str) -> Engine:
    with told_apart():
        try:
            return open_engine(url)
        except OSError as error:
            raise StorageUnavailable(f"the database file cannot be opened: {error.strerror}") from None
