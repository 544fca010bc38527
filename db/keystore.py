"""The key store: one data key a person, wrapped by the master key, in a database of its own.

Deleting a row here makes everything sealed for that person unreadable, in every copy of the data.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any, Final, TypeVar, cast
from uuid import UUID

from sqlalchemy import ColumnElement, CursorResult, Engine, String, bindparam, delete, select, type_coerce, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col

from db import traces
from db.errors import Fault, MasterKeyError, RecordUnreadable, StorageUnavailable
from db.keyring import Keyring
from db.keys import digest_under
from db.person_keys import PersonKeys
from db.sealing import (
    KEY_BYTES,
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
from db.tables import KeystoreRow, KeyTable, PersonKeyRow, SecretRow, TombstoneRow, id_bytes

T = TypeVar("T")
_Write = Callable[[Session, Aead], None]
PERSON_KEY: Final = "person_key"
CHUNK: Final = 500
"""IDs in one statement, well below every database's limit of parameters."""
ERASURES: Final = "erasures"
"""Purpose of the secret that the tombstones are made with."""
TRIES: Final = 5
_KEYS: Final = PersonKeyRow.metadata.tables["person_key"].c
_KEY: Final = select(_KEYS.wrapped, _KEYS.next_wrapped).where(_KEYS.user_id == bindparam("who"))
"""Made once: building a statement takes longer than running it, and every login asks."""
_CHECK_PLACE: Final = Place("key_check", UUID(int=0))
_CHECK_PAYLOAD: Final = b"facewarden"


def chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    return (items[start : start + CHUNK] for start in range(0, len(items), CHUNK))


class Keystore:
    """Person keys under the current master key; every call is a transaction of its own."""

    def __init__(self, engine: Engine, keyring: Keyring) -> None:
        self.engine = engine
        self.keyring = keyring

    # The current wrapping key

    def check(self) -> None:
        """Raises MasterKeyError unless the master key is that of the store; begins an empty one."""
        with Session(self.engine) as session:
            if session.get(KeystoreRow, 1) is None:
                session.add(KeystoreRow(keystore_id=1, key_check=_check_record(self.keyring.first)))
                try:
                    session.commit()
                except IntegrityError:  # another process was first
                    session.rollback()
            row = session.get_one(KeystoreRow, 1)
            try:
                open_record(self.keyring.get(key_id_of(row.key_check)), _CHECK_PLACE, row.key_check)
            except RecordUnreadable:
                raise MasterKeyError("this is not the master key that the stored data was sealed with") from None
        self.secret(ERASURES)

    def current_id(self, session: Session, *, hold: bool = False) -> bytes:
        """The ID of the wrapping key that new keys must be sealed with.

        `hold`: nobody changes it before this transaction ends. Where the database has no row locks (SQLite), that
        needs a transaction which has written already.
        """
        query = select(col(KeystoreRow.key_check))
        record = session.scalar(query.with_for_update(read=True) if hold else query)
        if record is None:
            raise RecordUnreadable(Fault.HEADER)
        return key_id_of(record)

    def hold(self, session: Session) -> None:
        """Until this transaction ends nobody else writes a key or makes another wrapping key the current one."""
        session.execute(traces.mark(KeystoreRow))

    def make_current(self, before: bytes, following: Aead) -> bool:
        """From here on, whatever is wrapped is wrapped with `following`. False where `before` was not current."""
        with Session(self.engine) as session:
            self.hold(session)
            if self.current_id(session) != before:
                return False
            if following.key_id != before:
                session.execute(update(KeystoreRow).values(key_check=_check_record(following)))
            session.commit()
            return True

    def _written_under_current(self, write: _Write) -> None:
        """Commits what `write` does with the current wrapping key, anew where that key was replaced meanwhile."""
        for _ in range(TRIES):
            with Session(self.engine) as session:
                current = self.current_id(session)
                write(session, self.keyring.get(current))
                session.flush()
                if self.current_id(session, hold=True) == current:
                    session.commit()
                    return
        raise StorageUnavailable("the master key is replaced again and again")

    # The keys of people

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

    def is_for(self, people: set[bytes]) -> bool:
        """Whether exactly these people have a key, by the 16 bytes of their IDs."""
        with Session(self.engine) as session:
            rows = session.execute(select(type_coerce(col(PersonKeyRow.user_id), String)))
            return {id_bytes(owner) for (owner,) in rows} == people

    def payloads(self, *, unreadable: set[UUID] | None = None) -> dict[bytes, bytes]:
        """Everybody's key, the ID and then the secret, by the 16 bytes of the person's ID: `all` without objects, and
        without successors."""
        query = select(type_coerce(col(PersonKeyRow.user_id), String), col(PersonKeyRow.wrapped))
        places, found = Places(PERSON_KEY), {}
        wrapping: dict[bytes, Cipher] = {}
        with Session(self.engine) as session:
            for rows in session.execute(query).partitions(CHUNK):
                for owner, wrapped in rows:
                    person = id_bytes(owner)
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

    # Secrets of the service's own

    def secret(self, purpose: str) -> bytes:
        """32 random bytes for one purpose, made when first asked for; they outlive the master key."""
        for _ in range(2):
            with Session(self.engine) as session:
                row = session.get(SecretRow, purpose)
                if row is not None:
                    return self.open_secret(row)
            with suppress(IntegrityError):  # another process was first
                self._written_under_current(partial(_add_secret, purpose, os.urandom(KEY_BYTES)))
        raise RecordUnreadable(Fault.HEADER)

    def open_secret(self, row: SecretRow) -> bytes:
        """Raises RecordUnreadable."""
        return open_record(self.keyring.get(key_id_of(row.wrapped)), secret_place(row.purpose), row.wrapped)

    def known_secret(self, purpose: str) -> bytes | None:
        """The same, but none is made: None where there is none."""
        with Session(self.engine) as session:
            row = session.get(SecretRow, purpose)
            return None if row is None else self.open_secret(row)

    def purposes(self, prefix: str) -> list[str]:
        """What there are secrets for, of what begins so."""
        with Session(self.engine) as session:
            return list(
                session.scalars(
                    select(col(SecretRow.purpose)).where(col(SecretRow.purpose).startswith(prefix, autoescape=True))
                )
            )

    # Destruction

    def destroy_secrets(self, purposes: Sequence[str]) -> None:
        """Deletes secrets; their traces go with `clear`."""
        with Session(self.engine) as session:
            session.execute(delete(SecretRow).where(col(SecretRow.purpose).in_(purposes)))
            session.execute(traces.mark(KeystoreRow))
            session.commit()

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

    def erased(self) -> set[bytes]:
        """The tombstones."""
        with Session(self.engine) as session:
            return set(session.scalars(select(col(TombstoneRow.digest))))

    def erased_among(self, user_ids: Iterable[UUID]) -> set[UUID]:
        """Who of these people has a tombstone."""
        ids = sorted(user_ids)
        if not ids:
            return set()
        secret, found = self.secret(ERASURES), set()
        with Session(self.engine) as session:
            for some in chunks(ids):
                digests = {tombstone(secret, user_id): user_id for user_id in some}
                query = select(col(TombstoneRow.digest)).where(col(TombstoneRow.digest).in_(digests))
                found |= {digests[digest] for digest in session.scalars(query)}
        return found

    def remember(self, digests: Iterable[bytes], erased_at: datetime) -> None:
        """Takes over tombstones from elsewhere; those that are there keep their moment."""
        new = set(digests) - self.erased()
        with Session(self.engine) as session:
            session.add_all(TombstoneRow(digest=digest, erased_at=erased_at) for digest in sorted(new))
            session.commit()

    def clear(self) -> bool:
        """Overwrites what destroyed keys left in the file. False while a reader holds it up."""
        return traces.clear(self.engine, KeystoreRow, KeyTable.metadata.tables)


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


def tombstone(secret: bytes, user_id: UUID) -> bytes:
    """HMAC-SHA256 of an ID."""
    return digest_under(secret, user_id.bytes)


def secret_place(purpose: str) -> Place:
    return Place("secret", UUID(int=0), purpose.encode())


def _add_secret(purpose: str, value: bytes, session: Session, wrapping: Aead) -> None:
    wrapped = seal(wrapping, secret_place(purpose), value)
    session.add(SecretRow(purpose=purpose, wrapped=wrapped, wrapped_by=wrapping.key_id.hex()))


def _check_record(key: Aead) -> bytes:
    return seal(key, _CHECK_PLACE, _CHECK_PAYLOAD)


def _place(user_id: UUID) -> Place:
    return Place(PERSON_KEY, user_id)
