"""The current wrapping key: that of the master key with which every key in the key store is wrapped."""

from collections.abc import Callable
from typing import Final
from uuid import UUID

from sqlalchemy import Engine, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col

from db import traces
from db.errors import Fault, MasterKeyError, RecordUnreadable, StorageUnavailable
from db.keyring import Keyring
from db.sealing import Aead, Place, key_id_of, open_record, seal
from db.tables import KeystoreRow, KeyTable

_Write = Callable[[Session, Aead], None]
TRIES: Final = 5
_CHECK_PLACE: Final = Place("key_check", UUID(int=0))
_CHECK_PAYLOAD: Final = b"facewarden"


class Wrapping:
    """Which wrapping key is the current one, and writing under it; every call is a transaction of its own."""

    def __init__(self, engine: Engine, keyring: Keyring) -> None:
        self.engine = engine
        self.keyring = keyring

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

    def clear(self) -> bool:
        """Overwrites what destroyed keys left in the file. False while a reader holds it up."""
        return traces.clear(self.engine, KeystoreRow, KeyTable.metadata.tables)


def _check_record(key: Aead) -> bytes:
    return seal(key, _CHECK_PLACE, _CHECK_PAYLOAD)
