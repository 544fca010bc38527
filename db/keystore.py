"""The key store: one data key a person, wrapped by the master key, in a database of its own.

Deleting a row here makes everything sealed for that person unreadable, in every copy of the data.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final, TypeVar
from uuid import UUID

from sqlalchemy import Engine, String, delete, select, type_coerce, update
from sqlmodel import Session, col

from db.engine import clear_free_space
from db.errors import MasterKeyError, RecordUnreadable
from db.keys import MasterKey
from db.sealing import KEY_ID_BYTES, Place, Places, SealingKey, cipher, open_record, open_with, seal
from db.tables import KeystoreRow, KeyTable, PersonKeyRow, id_bytes

T = TypeVar("T")
PERSON_KEY: Final = "person_key"
CHUNK: Final = 500
"""IDs in one statement, well below every database's limit of parameters."""
_CHECK_PLACE: Final = Place("key_check", UUID(int=0))
_CHECK_PAYLOAD: Final = b"facewarden"


def chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    return (items[start : start + CHUNK] for start in range(0, len(items), CHUNK))


class Keystore:
    """Person keys under one master key; every call is a transaction of its own."""

    def __init__(self, engine: Engine, master: MasterKey) -> None:
        self._engine = engine
        self._wrapping = master.wrapping_key()

    def check(self) -> None:
        """Raises MasterKeyError unless this is the master key that the store was begun with; begins an empty one."""
        with Session(self._engine) as session:
            row = session.get(KeystoreRow, 1)
            if row is None:
                check = seal(self._wrapping, _CHECK_PLACE, _CHECK_PAYLOAD)
                session.add(KeystoreRow(keystore_id=1, key_check=check))
                session.commit()
                return
            try:
                open_record(self._wrapping, _CHECK_PLACE, row.key_check)
            except RecordUnreadable:
                raise MasterKeyError("this is not the master key that the stored data was sealed with") from None

    def create(self, user_id: UUID, now: datetime) -> SealingKey:
        """A fresh key for somebody, written before anything is sealed with it."""
        key = SealingKey.fresh()
        wrapped = seal(self._wrapping, _place(user_id), key.key_id + key.secret)
        with Session(self._engine) as session:
            session.add(PersonKeyRow(user_id=user_id, created_at=now, wrapped=wrapped))
            session.commit()
        return key

    def get(self, user_id: UUID) -> SealingKey | None:
        """Somebody's key; None where it was never made or has been destroyed."""
        with Session(self._engine) as session:
            row = session.get(PersonKeyRow, user_id)
            return None if row is None else self._unwrap(user_id, row.wrapped)

    def all(self, user_ids: Sequence[UUID] | None = None) -> dict[UUID, SealingKey]:
        """The keys of these people, or of everybody."""
        query = select(col(PersonKeyRow.user_id), col(PersonKeyRow.wrapped))
        with Session(self._engine) as session:
            if user_ids is None:
                return {user_id: self._unwrap(user_id, wrapped) for user_id, wrapped in session.execute(query)}
            found = {}
            for some in chunks(user_ids):
                rows = session.execute(query.where(col(PersonKeyRow.user_id).in_(some)))
                found.update({user_id: self._unwrap(user_id, wrapped) for user_id, wrapped in rows})
            return found

    def is_for(self, people: set[bytes]) -> bool:
        """Whether exactly these people have a key, by the 16 bytes of their IDs."""
        with Session(self._engine) as session:
            rows = session.execute(select(type_coerce(col(PersonKeyRow.user_id), String)))
            return {id_bytes(owner) for (owner,) in rows} == people

    def payloads(self) -> dict[bytes, bytes]:
        """Everybody's key, the ID and then the secret, by the 16 bytes of the person's ID: `all` without objects."""
        query = select(type_coerce(col(PersonKeyRow.user_id), String), col(PersonKeyRow.wrapped))
        wrapping, key_id, places = cipher(self._wrapping.secret), self._wrapping.key_id, Places(PERSON_KEY)
        found = {}
        with Session(self._engine) as session:
            for rows in session.execute(query).partitions(CHUNK):
                for owner, wrapped in rows:
                    person = id_bytes(owner)
                    found[person] = open_with(wrapping, key_id, places.associated_data(person), wrapped)
        return found

    def _unwrap(self, user_id: UUID, wrapped: bytes) -> SealingKey:
        payload = open_record(self._wrapping, _place(user_id), wrapped)
        return SealingKey(payload[:KEY_ID_BYTES], payload[KEY_ID_BYTES:])

    def holders(self, before: datetime | None = None) -> set[UUID]:
        """Whose keys there are; only those made before a moment, where one is given."""
        query = select(col(PersonKeyRow.user_id))
        if before is not None:
            query = query.where(col(PersonKeyRow.created_at) < before)
        with Session(self._engine) as session:
            return set(session.scalars(query))

    def destroy(self, user_ids: Iterable[UUID]) -> None:
        """Deletes keys; their traces go with `clear`."""
        ids = list(user_ids)
        if not ids:
            return
        with Session(self._engine) as session:
            for some in chunks(ids):
                session.execute(delete(PersonKeyRow).where(col(PersonKeyRow.user_id).in_(some)))
            session.execute(update(KeystoreRow).values(dirty=True))
            session.commit()

    def clear(self) -> bool:
        """Overwrites what destroyed keys left in the file. False while a reader holds it up."""
        with Session(self._engine) as session:
            if not session.scalar(select(col(KeystoreRow.dirty))):
                return True
        if not clear_free_space(self._engine, KeyTable.metadata.tables):
            return False
        with Session(self._engine) as session:
            session.execute(update(KeystoreRow).values(dirty=False))
            session.commit()
        return True


def _place(user_id: UUID) -> Place:
    return Place(PERSON_KEY, user_id)
