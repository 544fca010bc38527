"""Who was enrolled, changed or erased, one line each, so that every process that searches in memory keeps step.

A line is written in the transaction of what it tells of, under the gallery's revision of that moment. Of somebody
erased it keeps 16 bits of their ID alone: enough to look among few for who is there no more, too few to tell who it
was. Lines are kept for minutes; whoever was away for longer reads everything anew.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlmodel import Session, col

from db.engine import announce
from db.tables import ChangeRow, GalleryRow

KEPT: Final = timedelta(minutes=5)
_CHANGE: Final = ChangeRow.metadata.tables["change"]
_SINCE: Final = select(_CHANGE.c.user_id, _CHANGE.c.gone).where(
    _CHANGE.c.revision > bindparam("after"), _CHANGE.c.tenant == bindparam("here")
)
People = Iterable[tuple[UUID, str]]
"""With their tenants."""


@dataclass(frozen=True, slots=True)
class Changes:
    """`people` were enrolled or changed, and may be gone by now; IDs that begin with one of `gone` were erased."""

    people: frozenset[UUID]
    gone: frozenset[int]


def beginning(user_id: UUID) -> int:
    """The first 16 bits."""
    return user_id.int >> 112


def note(session: Session, revision: int, at: datetime, people: People) -> None:
    """They were enrolled or changed with this revision. Whoever watches is told once it is committed."""
    _add(session, [_line(revision, at, tenant, user_id, None) for user_id, tenant in people])


def note_gone(session: Session, revision: int, at: datetime, people: People) -> None:
    """The same, of people erased; what names them goes."""
    erased = list(people)
    session.execute(delete(ChangeRow).where(col(ChangeRow.user_id).in_([user_id for user_id, _ in erased])))
    _add(session, [_line(revision, at, tenant, None, beginning(user_id)) for user_id, tenant in erased])


def _line(revision: int, at: datetime, tenant: str, user_id: UUID | None, gone: int | None) -> dict[str, object]:
    return {"revision": revision, "tenant": tenant, "user_id": user_id, "gone": gone, "at": at}


def _add(session: Session, lines: list[dict[str, object]]) -> None:
    if lines:
        session.connection().execute(insert(_CHANGE), lines)
        announce(session.connection())


def since(session: Session, tenant: str, revision: int) -> Changes | None:
    """What changed among a tenant's people after a revision; None where that is not known any more."""
    lines = session.connection().execute(_SINCE, {"after": revision, "here": tenant}).all()
    forgotten = session.scalar(select(col(GalleryRow.forgotten)))  # asked last: what is forgotten meanwhile shows
    if forgotten is None or forgotten > revision:
        return None
    people = frozenset(user_id for user_id, _ in lines if user_id is not None)
    return Changes(people, frozenset(gone for _, gone in lines if gone is not None))


def forget(session: Session, now: datetime) -> bool:
    """Drops lines that are old enough, or of a future that was none. False, and nothing written, without any."""
    outdated = ~col(ChangeRow.at).between(now - KEPT, now + KEPT)
    highest = session.scalar(select(func.max(ChangeRow.revision)).where(outdated))
    if highest is None:
        return False
    session.execute(update(GalleryRow).values(forgotten=highest))
    session.execute(delete(ChangeRow).where(col(ChangeRow.revision) <= highest))
    return True
