"""The ledger of consents held against the audit log, which tells what each line must say.

Lines are not sealed; whoever changes, removes or exchanges them has the log against them.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Final
from uuid import UUID

from sqlalchemy import Engine, select
from sqlmodel import Session, col

from db.audit import AuditLog
from db.audit_chain import Entry
from db.errors import told_apart
from db.tables import ConsentRow, PersonRow

GIVEN: Final = "enrolled"
GIVEN_ANEW: Final = "consent_given"
WITHDRAWN: Final = "consent_withdrawn"
Line = tuple[str, str, frozenset[str]]
"""Version and digest of the text, and the uses."""


def contradicted(data: Engine, audit: AuditLog) -> set[UUID]:
    """Whose lines are not those that the log tells of: changed, missing, or somebody else's.

    Who enrolled before there was a log is passed over. The log counts as far as `audit.verify` finds it whole.
    """
    told = _told(audit.entries())
    with told_apart(), Session(data) as session:
        enrolled = list(session.scalars(select(col(PersonRow.user_id))))
        held = _held(session.scalars(select(ConsentRow).order_by(col(ConsentRow.consent_id))))
    suspects = [each for each in enrolled if told.get(audit.pseudonym(each), held[each]) != held[each]]
    return {each for each in suspects if not _agrees(data, audit, each)}


def _agrees(data: Engine, audit: AuditLog, user_id: UUID) -> bool:
    """Once more, for who changed their consent in between."""
    with told_apart(), Session(data) as session:
        query = select(ConsentRow).where(col(ConsentRow.user_id) == user_id).order_by(col(ConsentRow.consent_id))
        held = _held(session.scalars(query))[user_id]
        if session.get(PersonRow, user_id) is None:
            return True
    person = audit.pseudonym(user_id)
    return _told(audit.entries(person=person)).get(person, held) == held


def _held(rows: Iterable[ConsentRow]) -> dict[UUID, list[Line]]:
    held: dict[UUID, list[Line]] = defaultdict(list)
    for row in rows:
        held[row.user_id].append((row.version, row.digest, frozenset(row.uses.split(","))))
    return held


def _told(entries: Iterable[Entry]) -> dict[str, list[Line]]:
    """By pseudonym."""
    told: dict[str, list[Line]] = {}
    for entry in entries:
        if entry.person is None:
            continue
        if entry.kind == GIVEN and "consent_digest" in entry.details:
            told[entry.person] = [_line(entry)]
        elif entry.kind == GIVEN_ANEW and entry.person in told:
            told[entry.person].append(_line(entry))
        elif entry.kind == WITHDRAWN and entry.person in told:
            version, digest, uses = told[entry.person][-1]
            told[entry.person].append((version, digest, uses - {str(entry.details.get("use"))}))
    return told


def _line(entry: Entry) -> Line:
    uses = frozenset(str(entry.details.get("uses")).split(","))
    return str(entry.details.get("consent")), str(entry.details.get("consent_digest")), uses
