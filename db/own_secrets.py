"""Secrets of the service's own: 32 random bytes a purpose, wrapped in the key store."""

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, delete, select
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col

from db import traces
from db.errors import Fault, RecordUnreadable
from db.sealing import KEY_BYTES, Aead, Place, key_id_of, open_record, seal
from db.tables import KeystoreRow, SecretRow
from db.wrapping import Wrapping

_PURPOSE: Final = SecretRow.metadata.tables["secret"].c.purpose
_BEGINNING: Final = select(_PURPOSE).where(_PURPOSE.like(bindparam("beginning"), escape="/"))
"""Made once: building a statement takes longer than running it, and every token asks."""
_ESCAPED: Final = re.compile("[/%_]")


class OwnSecrets(Wrapping):
    """Every call is a transaction of its own."""

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
        with self.engine.connect() as connection:
            return list(connection.scalars(_BEGINNING, {"beginning": _ESCAPED.sub(r"/\g<0>", prefix) + "%"}))

    def destroy_secrets(self, purposes: Sequence[str]) -> None:
        """Deletes secrets; their traces go with `clear`."""
        with Session(self.engine) as session:
            session.execute(delete(SecretRow).where(col(SecretRow.purpose).in_(purposes)))
            session.execute(traces.mark(KeystoreRow))
            session.commit()


def secret_place(purpose: str) -> Place:
    return Place("secret", UUID(int=0), purpose.encode())


def _add_secret(purpose: str, value: bytes, session: Session, wrapping: Aead) -> None:
    wrapped = seal(wrapping, secret_place(purpose), value)
    session.add(SecretRow(purpose=purpose, wrapped=wrapped, wrapped_by=wrapping.key_id.hex()))
