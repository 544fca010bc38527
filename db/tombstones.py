"""Tombstones: keyed digests of who was erased, so that a backup put back does not bring them back."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlmodel import Session, col

from db.chunks import chunks
from db.keys import digest_under
from db.own_secrets import OwnSecrets
from db.tables import TombstoneRow

ERASURES: Final = "erasures"
"""Purpose of the secret that the tombstones are made with."""


class Tombstones(OwnSecrets):
    """Every call is a transaction of its own."""

    def check(self) -> None:
        """As before, and makes their secret."""
        super().check()
        self.secret(ERASURES)

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


def tombstone(secret: bytes, user_id: UUID) -> bytes:
    """HMAC-SHA256 of an ID."""
    return digest_under(secret, user_id.bytes)
