"""Bringing both databases to the tables of today, and what migrations cannot do, since they have no keys."""

from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Engine, String, column, inspect, select, table, update
from sqlmodel import Session, col

from db.keystore import Keystore
from db.proofs import PURPOSE, Proofs
from db.revisions import migrate
from db.tables import (
    ApiKeyRow,
    ChallengeRow,
    ClientRow,
    GalleryRow,
    GrantRow,
    ProvenTable,
    RevocationRow,
    UtcDateTime,
)

PROVEN: Final = "rows proven:"
"""What the purpose of a secret begins with that says since when every row has a proof: the moment follows."""
_MOMENT: Final = "%Y%m%dT%H%M%S.%fZ"
TABLES: Final[tuple[type[ProvenTable], ...]] = (ApiKeyRow, ChallengeRow, ClientRow, GrantRow)
_FORMER: Final = table("revoked_token", column("token_id", String), column("expires_at", UtcDateTime))
"""Where tokens given back stood in the data until d0012."""


def bring_up(data: Engine, keys: Engine) -> None:
    """Migrates both. Raises StorageNewer, and has changed nothing then."""
    migrate(keys, "keys")
    if inspect(data).has_table(_FORMER.name):
        with Session(data) as session:
            former = session.execute(select(_FORMER.c.token_id, _FORMER.c.expires_at)).all()
        with Session(keys) as session:
            for token_id, expires_at in former:
                session.merge(RevocationRow(what=token_id, until=expires_at))
            session.commit()
    migrate(data, "data")


def prove_once(data: Engine, keystore: Keystore, proofs: Proofs, now: datetime) -> None:
    """Gives a proof to every row from before there were any. Once: the key store remembers it, else whoever blanks a
    proof in the data file would have it made anew."""
    keystore.secret(PURPOSE)
    if proven_since(keystore) is None:
        prove(data, proofs)
        keystore.secret(f"{PROVEN}{now.astimezone(UTC):{_MOMENT}}")


def proven_since(keystore: Keystore) -> datetime | None:
    """From when on a row without a proof is none; None before."""
    found = min(keystore.purposes(PROVEN), default=None)
    return None if found is None else datetime.strptime(found.removeprefix(PROVEN), _MOMENT).replace(tzinfo=UTC)


def prove(data: Engine, proofs: Proofs) -> None:
    """Gives a proof to every row that has none."""
    with Session(data) as session:
        session.execute(update(GalleryRow).values(traces=col(GalleryRow.traces)))  # who writes meanwhile waits
        for each in TABLES:
            for row in session.scalars(select(each).where(col(each.proof).is_(None)).with_for_update()):
                row.proof = proofs.of(row)
        session.commit()
