"""The key store: one data key a person, wrapped by the master key, in a database of its own.

Deleting a row here makes everything sealed for that person unreadable, in every copy of the data.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

from sqlalchemy import ColumnElement, CursorResult, String, bindparam, delete, select, type_coerce, update
from sqlmodel import Session, col

from db import traces
from db.chunks import CHUNK, chunks
from db.errors import RecordUnreadable
from db.person_keys import PersonKeys
from db.sealing import (
    KEY_ID_BYTES,
    Aead,
    Cipher,
    Place,
    Places,
    SealingKey,
    for_many,
    key_id_of,
    open_record,
    open_with,
    seal,
)
from db.tables import KeystoreRow, PersonKeyRow, TombstoneRow, id_bytes, id_list
from db.tombstones import ERASURES, Tombstones, tombstone

Ids = tuple[UUID, UUID]
"""People from one ID to another, both included."""
PERSON_KEY: Final = "person_key"
_KEYS: Final = PersonKeyRow.metadata.tables["person_key"].c
_KEY: Final = select(_KEYS.wrapped, _KEYS.next_wrapped).where(_KEYS.user_id == bindparam("who"))
"""Made once: building a statement takes longer than running it, and every login asks."""


class Keystore(Tombstones):
    """Person keys under the current master key; every call is a transaction of its own."""

    def create(self, user_id: UUID, now: datetime) -> SealingKey:
        """A fresh key for somebody, written before anything is sealed with it."""
        key = SealingKey.fresh()

        def write(session: Session, wrapping: Aead) -> None:
            row = PersonKeyRow(
                user_id=user_id, created_at=now, wrapped=wrap(wrapping, user_id, key), wrapped_by=wrapping.key_id.hex()
            )
            session.add(row)

        self._written_under_current(write)
        return key

    def begin_successor(self, user_id: UUID) -> PersonKeys | None:
        """The keys of somebody, with a successor: the one that is there already, or a fresh one. None for nobody."""
        fresh = SealingKey.fresh()

        def write(session: Session, wrapping: Aead) -> None:
            row = session.get(PersonKeyRow, user_id)
            if row is not None and row.next_wrapped is None:
                current = wrap(wrapping, user_id, self.unwrap(user_id, row.wrapped))
                replace_wrapped(session, row, wrapping, current, wrap(wrapping, user_id, fresh))

        self._written_under_current(write)
        return self.get(user_id)

    def finish_successor(self, user_id: UUID, keys: PersonKeys) -> bool:
        """The successor takes the place of the key before, which is deleted; its traces go with `clear`.

        False, and nothing changed, where these are not the keys of that person any more.
        """
        done: list[UUID] = []

        def write(session: Session, wrapping: Aead) -> None:
            done.clear()
            row = session.get(PersonKeyRow, user_id)
            if row is not None and keys.successor and self._keys_of(user_id, row.wrapped, row.next_wrapped) == keys:
                if replace_wrapped(session, row, wrapping, wrap(wrapping, user_id, keys.successor), None):
                    done.append(user_id)
                session.execute(traces.mark(KeystoreRow))

        self._written_under_current(write)
        return bool(done)

    def get(self, user_id: UUID) -> PersonKeys | None:
        """Somebody's keys; None where none was ever made or they have been destroyed."""
        with self.engine.connect() as connection:
            row = connection.execute(_KEY, {"who": user_id}).first()
        return None if row is None else self._keys_of(user_id, row.wrapped, row.next_wrapped)

    def has(self, user_id: UUID) -> bool:
        """Whether somebody has a key, which need not open."""
        with Session(self.engine) as session:
            return session.get(PersonKeyRow, user_id) is not None

    def all(
        self, user_ids: Sequence[UUID] | None = None, *, unreadable: set[UUID] | None = None
    ) -> dict[UUID, PersonKeys]:
        """The keys of these people, or of everybody. Whose key does not open is added to `unreadable` and left out;
        without that, RecordUnreadable is raised."""
        query = select(col(PersonKeyRow.user_id), col(PersonKeyRow.wrapped), col(PersonKeyRow.next_wrapped))
        with Session(self.engine) as session:
            found: dict[UUID, PersonKeys] = {}
            queries = [query] if user_ids is None else [query.where(_among(some)) for some in chunks(user_ids)]
            for each in queries:
                for row in session.execute(each):
                    try:
                        found[row[0]] = self._keys_of(*row)
                    except RecordUnreadable:
                        if unreadable is None:
                            raise
                        unreadable.add(row[0])
            return found

    def is_for(self, people: str) -> bool:
        """Whether exactly these people have a key, by their IDs as `id_list` gives them."""
        with Session(self.engine) as session:
            return id_list(session, col(PersonKeyRow.user_id)) == people

    def payloads(self, *, unreadable: set[UUID] | None = None, among: Ids | None = None) -> dict[bytes, bytes]:
        """Everybody's key, the ID and then the secret, by the 16 bytes of the person's ID: `all` without objects, and
        without successors; of those `among` these IDs, where some are given."""
        query = select(type_coerce(col(PersonKeyRow.user_id), String), col(PersonKeyRow.wrapped))
        if among is not None:
            query = query.where(col(PersonKeyRow.user_id).between(*among))
        places, found = Places(PERSON_KEY), {}
        wrapping: dict[bytes, Cipher] = {}
        with Session(self.engine) as session:
            rows = session.connection().execute(query)
            while some := rows.fetchmany(CHUNK):
                owners, records = zip(*some, strict=True)
                for person, wrapped in zip(id_bytes(owners), records, strict=True):
                    try:
                        key_id = key_id_of(wrapped)
                        if key_id not in wrapping:
                            wrapping[key_id] = for_many(self.keyring.get(key_id))
                        found[person] = open_with(wrapping[key_id], key_id, places.associated_data(person), wrapped)
                    except RecordUnreadable:
                        if unreadable is None:
                            raise
                        unreadable.add(UUID(bytes=person))
        return found

    def _keys_of(self, user_id: UUID, wrapped: bytes, next_wrapped: bytes | None) -> PersonKeys:
        successor = None if next_wrapped is None else self.unwrap(user_id, next_wrapped)
        return PersonKeys(self.unwrap(user_id, wrapped), successor)

    def unwrap(self, user_id: UUID, wrapped: bytes) -> SealingKey:
        """Raises RecordUnreadable."""
        payload = open_record(self.keyring.get(key_id_of(wrapped)), _place(user_id), wrapped)
        return SealingKey(payload[:KEY_ID_BYTES], payload[KEY_ID_BYTES:])

    def holders(self, before: datetime | None = None) -> set[UUID]:
        """Whose keys there are; only those made before a moment, where one is given."""
        query = select(col(PersonKeyRow.user_id))
        if before is not None:
            query = query.where(col(PersonKeyRow.created_at) < before)
        with Session(self.engine) as session:
            return set(session.scalars(query))

    def with_successor(self) -> list[UUID]:
        """Whose key was being replaced when it was last heard of."""
        with Session(self.engine) as session:
            query = select(col(PersonKeyRow.user_id)).where(col(PersonKeyRow.next_wrapped).is_not(None))
            return list(session.scalars(query))

    def destroy(self, user_ids: Iterable[UUID], *, erased_at: datetime | None = None) -> dict[UUID, int]:
        """Deletes keys; their traces go with `clear`. How many of whom: two where a successor was about to follow.

        `erased_at`: with a tombstone, so that no backup undoes it.
        """
        ids, destroyed = list(user_ids), dict[UUID, int]()
        if not ids:
            return destroyed
        secret = self.secret(ERASURES)
        with Session(self.engine) as session:
            for some in chunks(ids):
                query = delete(PersonKeyRow).where(col(PersonKeyRow.user_id).in_(some))
                whose = query.returning(col(PersonKeyRow.user_id), col(PersonKeyRow.next_wrapped))
                gone = {user_id: 1 if following is None else 2 for user_id, following in session.execute(whose)}
                destroyed |= gone
                if erased_at is not None:
                    for user_id in gone:
                        session.merge(TombstoneRow(digest=tombstone(secret, user_id), erased_at=erased_at))
            session.execute(traces.mark(KeystoreRow))
            session.commit()
        return destroyed


def _among(user_ids: Sequence[UUID]) -> ColumnElement[bool]:
    return col(PersonKeyRow.user_id).in_(user_ids)


def wrap(wrapping: Aead, user_id: UUID, key: SealingKey) -> bytes:
    """A person's key, sealed with a wrapping key."""
    return seal(wrapping, _place(user_id), key.key_id + key.secret)


def replace_wrapped(
    session: Session, row: PersonKeyRow, wrapping: Aead, wrapped: bytes, next_wrapped: bytes | None
) -> bool:
    """Puts other records into a row that has been read. False where somebody changed or erased it since."""
    query = update(PersonKeyRow).where(
        col(PersonKeyRow.user_id) == row.user_id,
        col(PersonKeyRow.wrapped) == row.wrapped,
        col(PersonKeyRow.next_wrapped).is_not_distinct_from(row.next_wrapped),
    )
    values = query.values(wrapped=wrapped, next_wrapped=next_wrapped, wrapped_by=wrapping.key_id.hex())
    done = session.execute(values, execution_options={"synchronize_session": False})
    return cast("CursorResult[Any]", done).rowcount == 1


def _place(user_id: UUID) -> Place:
    return Place(PERSON_KEY, user_id)
