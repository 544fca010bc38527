"""Replacing keys while the service runs: the master key, or the data key of one person.

The master key, in steps of which each may be the last before a crash and is passed over when done:

1. the new key is made and lies on the disk beside the current one;
2. the key store calls it the current one: whatever is wrapped from here on is wrapped with it;
3. every row that another key has wrapped is wrapped anew, some rows a transaction;
4. with the key store held, the provider keeps the current key and destroys the others;
5. what the old rows left in free space is overwritten.

A person's key lies in one file and what it seals in another:

1. the key store notes a successor beside the key; both open records;
2. every record of the person is sealed anew, in one transaction;
3. the successor takes the key's place, and the key is deleted.

Step 3 relies on this: whoever adds a record to somebody enrolled locks the gallery row before reading the key, as step
2 does. So a record is sealed with the key before and seen by step 2, or with the successor.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import Engine, func, select, update
from sqlmodel import Session, col

from db.errors import RecordUnreadable, told_apart
from db.keys import KeyProvider
from db.keystore import Keystore, replace_wrapped, wrap
from db.own_secrets import secret_place
from db.person_keys import PersonKeys
from db.sealing import Aead, Place, open_record, seal
from db.tables import DetailRow, GalleryRow, PersonKeyRow, PersonRow, SecretRow, TemplateRow
from db.traces import mark

BATCH: Final = 200
"""Rows in one transaction; others wait for the lock that long."""
Progress = Callable[[int, int], None]


def _silent(done: int, total: int) -> None:
    """Reports nothing."""


@dataclass(frozen=True, slots=True)
class KeyStatus:
    """`current`: ID of the wrapping key, hexadecimal. `wrapped`: how many keys which wrapping key holds.
    `provided`: the wrapping keys that the provider has. `people`: whose own key is being replaced."""

    current: str
    provided: tuple[str, ...]
    wrapped: dict[str, int]
    people: int

    @property
    def unfinished(self) -> bool:
        """Whether a replacement was begun and not ended."""
        return self.people > 0 or set(self.wrapped) - {self.current} != set() or set(self.provided) != {self.current}


@dataclass(frozen=True, slots=True)
class Rotated:
    """`replaced`: whether the master key is another now. `rewrapped`: keys wrapped anew. `destroyed`: no other master
    key is left with the provider. `pending`: freed space still waits for a reader; a sweep clears it."""

    current: str
    replaced: bool
    rewrapped: int
    destroyed: bool
    pending: bool


class MasterRotation:
    """Replaces the master key of a key store. Safe to call again after a crash, and beside another one."""

    def __init__(self, keystore: Keystore, provider: KeyProvider) -> None:
        self._keystore = keystore
        self._provider = provider

    def status(self) -> KeyStatus:
        wrapped: dict[str, int] = {}
        with Session(self._keystore.engine) as session:
            current = self._keystore.current_id(session)
            for table in (PersonKeyRow, SecretRow):
                query = select(col(table.wrapped_by), func.count()).group_by(col(table.wrapped_by))
                for name, count in session.execute(query):
                    wrapped[name] = wrapped.get(name, 0) + count
        provided = tuple(key.key_id.hex() for key in self._provider.load(may_create=False))
        return KeyStatus(current.hex(), provided, wrapped, len(self._keystore.with_successor()))

    def rotate(self, progress: Progress = _silent) -> Rotated:
        """Ends a replacement that was begun, or makes one from the first step to the last. Raises MasterKeyError."""
        with told_apart():
            return self._replace(self._provider.prepare, progress)

    def rewrap(self, progress: Progress = _silent) -> Rotated:
        """Ends a replacement that was begun; without one, wraps anew what another key than the current one holds."""
        with told_apart():
            return self._replace(self._keystore.keyring.get, progress)

    def _replace(self, otherwise: Callable[[bytes], Aead], progress: Progress) -> Rotated:
        """Leads to the pending key, or to what `otherwise` gives for the current one."""
        while True:
            with Session(self._keystore.engine) as session:
                before = self._keystore.current_id(session)
            following = self._provider.pending(before) or otherwise(before)
            self._keystore.keyring.refresh()
            if self._keystore.make_current(before, following):
                break
        rewrapped, destroyed = 0, None
        while destroyed is None:
            rewrapped += self._rewrap(progress)
            destroyed = self._retire(following.key_id)
        self._keystore.keyring.refresh()
        return Rotated(
            following.key_id.hex(), following.key_id != before, rewrapped, destroyed, pending=not self._keystore.clear()
        )

    def _rewrap(self, progress: Progress) -> int:
        done = 0
        while True:
            with Session(self._keystore.engine) as session:
                current = self._keystore.current_id(session)
                left = self._left(session, current)
                progress(done, done + left)
                if not left:
                    return done
                done += self._rewrap_some(session, self._keystore.keyring.get(current))
                if self._keystore.current_id(session, hold=True) == current:
                    session.commit()

    def _left(self, session: Session, current: bytes) -> int:
        """How many rows another wrapping key holds."""
        counts = (
            session.scalar(select(func.count()).select_from(table).where(col(table.wrapped_by) != current.hex()))
            for table in (PersonKeyRow, SecretRow)
        )
        return sum(count or 0 for count in counts)

    def _rewrap_some(self, session: Session, wrapping: Aead) -> int:
        name = wrapping.key_id.hex()
        people = session.scalars(select(PersonKeyRow).where(col(PersonKeyRow.wrapped_by) != name).limit(BATCH)).all()
        for row in people:
            records = [
                None if record is None else wrap(wrapping, row.user_id, self._keystore.unwrap(row.user_id, record))
                for record in (row.wrapped, row.next_wrapped)
            ]
            replace_wrapped(session, row, wrapping, records[0] or b"", records[1])
        secrets = session.scalars(select(SecretRow).where(col(SecretRow.wrapped_by) != name)).all()
        for secret in secrets:
            place, value = secret_place(secret.purpose), self._keystore.open_secret(secret)
            query = update(SecretRow).where(
                col(SecretRow.purpose) == secret.purpose, col(SecretRow.wrapped) == secret.wrapped
            )
            session.execute(query.values(wrapped=seal(wrapping, place, value), wrapped_by=name))
        return len(people) + len(secrets)

    def _retire(self, keep: bytes) -> bool | None:
        """Whether the provider destroyed every other key. None, and nothing done, where rows of another are left."""
        with Session(self._keystore.engine) as session:
            self._keystore.hold(session)
            if self._keystore.current_id(session) != keep:
                return False
            if self._left(session, keep):
                return None
            destroyed = self._provider.retire(keep)
            session.commit()
            return destroyed


class PersonRotation:
    """Gives one person a new data key, across the two databases."""

    def __init__(self, data: Engine, keystore: Keystore) -> None:
        self._data = data
        self._keystore = keystore

    def rotate(self, user_id: UUID) -> int | None:
        """How many records were sealed anew; None for nobody. Ends a replacement that was begun before."""
        sealed = 0
        while self._enrolled(user_id) and (keys := self._keystore.begin_successor(user_id)) is not None:
            sealed += self._reseal(user_id, keys)
            if self._keystore.finish_successor(user_id, keys):
                return sealed
            after = self._keystore.get(user_id)
            if after is not None and after.current == keys.successor:
                return sealed  # another process ended it
        return None

    def resume(self) -> None:
        """Ends what a crash left unfinished; begins nothing. People whose records do not open are passed over."""
        for user_id in self._keystore.with_successor():
            with suppress(RecordUnreadable):
                keys = self._keystore.get(user_id)
                if keys is not None and keys.successor is not None and self._enrolled(user_id):
                    self._reseal(user_id, keys)
                    self._keystore.finish_successor(user_id, keys)

    def _enrolled(self, user_id: UUID) -> bool:
        with Session(self._data) as session:
            return session.get(PersonRow, user_id) is not None

    def _reseal(self, user_id: UUID, keys: PersonKeys) -> int:
        """Seals every record of somebody with the successor, in one transaction."""
        successor = keys.successor
        if successor is None:
            return 0
        with Session(self._data) as session:
            session.execute(mark(GalleryRow))  # takes the lock before anything is read
            count = 0
            for row, place in _records(session, user_id):
                key = keys.holding(row.sealed)
                if key != successor:
                    row.sealed = seal(successor, place, open_record(key, place, row.sealed))
                    count += 1
            session.commit()
        return count


def _records(session: Session, user_id: UUID) -> Iterator[tuple[TemplateRow | DetailRow, Place]]:
    for template in session.scalars(select(TemplateRow).where(col(TemplateRow.user_id) == user_id)):
        yield template, Place("template", user_id, template.template_id.bytes, template.model_id)
    for detail in session.scalars(select(DetailRow).where(col(DetailRow.user_id) == user_id)):
        yield detail, Place(detail.kind, user_id, detail.detail_id.bytes)
