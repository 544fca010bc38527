"""What deleted rows leave in the free space of a database, counted: `traces` rises with every deletion, `cleared` is
how far they have been overwritten. What is deleted while others are being overwritten so stays to be done."""

from collections.abc import Iterable
from typing import TypeAlias

from sqlalchemy import Engine, Update, select, update
from sqlmodel import Session, col

from db.engine import clear_free_space
from db.tables import GalleryRow, KeystoreRow

Counted: TypeAlias = type[GalleryRow] | type[KeystoreRow]


def mark(row: Counted) -> Update:
    """Deleted rows leave traces, to be committed with the deletion; from this write on other writers wait."""
    return update(row).values(traces=col(row.traces) + 1)


def clear(engine: Engine, row: Counted, tables: Iterable[str]) -> bool:
    """Overwrites what was left before this call. False where a reader or writer holds it up: try again later."""
    with Session(engine) as session:
        traces, cleared = session.execute(select(col(row.traces), col(row.cleared))).one()
    if traces == cleared:
        return True
    if not clear_free_space(engine, tables):
        return False
    with Session(engine) as session:
        session.execute(update(row).where(col(row.cleared) < traces).values(cleared=traces))
        session.commit()
    return True
