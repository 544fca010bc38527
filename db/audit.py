"""The audit log: entries in the data file, written in the transaction of what they tell of, and its head in the key
store, so that a log whose end was cut off shows."""

import hmac
import json
import struct
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Engine, String, bindparam, cast, func, insert, select, update
from sqlmodel import Session, col

from db.audit_chain import Break, Detail, Entry, Finding, Head, breaks, canonical, code_of, pseudonym
from db.errors import StorageError, told_apart
from db.keys import digest_under
from db.tables import DEFAULT_TENANT, AuditHeadRow, AuditRow, AuditTailRow

Secrets = Callable[[str], bytes]
PEOPLE: Final = "audit people"
TENANT: Final = "tenant"
PAGE: Final = 1000
HOUR: Final = len("2026-03-01 12")
LINGER_SECONDS: Final = 0.02
"""Before the head is noted, so that the request whose entry it is gets answered first, and several share one note."""
_HEAD: Final = b"facewarden audit head 1"
_TAIL: Final = AuditTailRow.metadata.tables["audit_tail"]
# Made once: building a statement takes longer than running it, and every login writes an entry.
_HOLD: Final = update(_TAIL).values(number=_TAIL.c.number).returning(_TAIL.c.number, _TAIL.c.code)
_ADD: Final = insert(AuditRow.metadata.tables["audit"])
_END: Final = update(_TAIL).values(number=bindparam("reached"), code=bindparam("end"))


@dataclass(frozen=True, slots=True)
class Tally:
    """How many entries alike there are within the hour that begins `at`."""

    at: datetime
    kind: str
    details: Mapping[str, Detail]
    count: int


class AuditLog:
    """Append-only. `secret` gives 32 bytes for a purpose, the same ones always. Safe to share between threads."""

    def __init__(self, data: Engine, keys: Engine, secret: Secrets) -> None:
        self._data = data
        self._keys = keys
        self._secret = secret
        self._known: dict[int, bytes] = {}
        self._people: bytes | None = None
        self._generation: int | None = None
        self._reached = 0
        self._turn = threading.Condition()
        self._due: Head | None = None
        self._writing = False
        self._awaited = 0
        self._closed = False
        self._writer: threading.Thread | None = None

    def pseudonym(self, user_id: UUID) -> str:
        """What stands for somebody in the log, also once they are erased."""
        if self._people is None:
            self._people = self._secret(PEOPLE)
        return pseudonym(self._people, user_id)

    @staticmethod
    def hold(session: Session) -> Head:
        """The end of the log, which nobody else writes to until this transaction ends."""
        number, code = session.connection().execute(_HOLD).one()
        return Head(number, code)

    def append(
        self,
        session: Session,
        at: datetime,
        kind: str,
        user_id: UUID | None,
        held: Head | None = None,
        /,
        **details: Detail,
    ) -> Head:
        """Writes an entry in the caller's transaction, behind `held` where it holds the end already; writers take turns
        until theirs ends.

        Once it is committed, `advance` with what this returns.
        """
        end = held or self.hold(session)
        connection, generation = session.connection(), self._current_generation()
        number = max(end.number, self._reached) + 1  # where the end was cut off the gap stays for good
        person = None if user_id is None else self.pseudonym(user_id)
        entry = Entry(number, at, kind, person, details, generation, b"")
        code = code_of(self._key(generation), end.code, entry)
        row = {"number": number, "at": at, "kind": kind, "person": person, "details": canonical(details)}
        connection.execute(_ADD, {**row, "generation": generation, "code": code})
        connection.execute(_END, {"reached": number, "end": code})
        return Head(number, code)

    def note(self, kind: str, at: datetime, **details: Detail) -> None:
        """Writes an entry about nobody in a transaction of its own. Raises StorageUnavailable."""
        with told_apart(), Session(self._data) as session:
            head = self.append(session, at, kind, None, **details)
            session.commit()
        self.advance(head)

    def advance(self, head: Head) -> None:
        """Has it noted in the key store, beside the caller, how far the log reaches. Where that fails the next entry's
        turn makes up for it."""
        with self._turn:
            if self._due is None or self._due.number < head.number:
                self._due = head
            if (self._writer is None or not self._writer.is_alive()) and not self._closed:
                self._writer = threading.Thread(target=self._write, name="audit head", daemon=True)
                self._writer.start()
            self._turn.notify_all()

    def settle(self) -> None:
        """Waits until what `advance` was given is noted."""
        with self._turn:
            self._awaited += 1
            self._turn.notify_all()
            self._turn.wait_for(lambda: self._due is None and not self._writing)
            self._awaited -= 1

    def close(self) -> None:
        """Notes what is due and ends the thread that does it."""
        self.settle()
        with self._turn:
            self._closed = True
            self._turn.notify_all()
        if self._writer is not None:
            self._writer.join()

    def _write(self) -> None:
        while True:
            with self._turn:
                self._turn.wait_for(lambda: self._due is not None or self._closed)
                self._turn.wait_for(lambda: self._awaited or self._closed, LINGER_SECONDS)
                head, self._due = self._due, None
                if head is None:
                    return
                self._writing = True
            try:
                with suppress(StorageError), told_apart(), Session(self._keys) as session:
                    self._set_head(session, head)
                    session.commit()
            finally:
                with self._turn:
                    self._writing = False
                    self._turn.notify_all()

    def entries(self, after: int = 0, *, person: str | None = None, tenant: str | None = None) -> Iterator[Entry]:
        """Entries behind a number, in their order; only those of one pseudonym, or of one tenant, where it is given."""
        with told_apart(), Session(self._data) as session:
            while True:
                query = select(AuditRow).where(col(AuditRow.number) > after).order_by(col(AuditRow.number)).limit(PAGE)
                if person is not None:
                    query = query.where(col(AuditRow.person) == person)
                if tenant is not None:
                    query = query.where(_is_of(tenant))
                rows = session.scalars(query).all()
                for row in rows:
                    yield _entry(row)
                if len(rows) < PAGE:
                    return
                after = rows[-1].number
                session.expunge_all()

    def length(self, tenant: str | None = None) -> int:
        """How many entries were written, or are of one tenant."""
        with told_apart(), Session(self._data) as session:
            if tenant is not None:
                return session.scalar(select(func.count()).select_from(AuditRow).where(_is_of(tenant))) or 0
            return session.scalar(select(col(AuditTailRow.number))) or 0

    def is_behind(self) -> bool:
        """Whether the key store knows of entries that the data have not: they are older, or cut."""
        with told_apart(), Session(self._keys) as session:
            written = session.scalar(select(col(AuditHeadRow.number))) or 0
        return self.length() < written

    def last(
        self,
        count: int,
        *,
        before: int | None = None,
        kind: str | None = None,
        person: str | None = None,
        tenant: str | None = None,
    ) -> list[Entry]:
        """At most the last `count` entries, in their order; of those before a number, of one kind, one pseudonym or one
        tenant, where it is given."""
        query = select(AuditRow).order_by(col(AuditRow.number).desc()).limit(count)
        query = query if before is None else query.where(col(AuditRow.number) < before)
        query = query if kind is None else query.where(col(AuditRow.kind) == kind)
        query = query if person is None else query.where(col(AuditRow.person) == person)
        query = query if tenant is None else query.where(_is_of(tenant))
        with told_apart(), Session(self._data) as session:
            return [_entry(row) for row in reversed(session.scalars(query).all())]

    def tally(self, since: datetime, kinds: Sequence[str], tenant: str) -> list[Tally]:
        """How many entries of these kinds a tenant has of each hour (UTC) since a moment, alike ones together."""
        hour = func.substr(cast(col(AuditRow.at), String), 1, HOUR)  # an ISO date and hour on every database
        alike = hour, col(AuditRow.kind), col(AuditRow.details)
        query = select(*alike, func.count()).group_by(*alike).order_by(hour)
        query = query.where(col(AuditRow.at) >= since, col(AuditRow.kind).in_(kinds), _is_of(tenant))
        with told_apart(), Session(self._data) as session:
            rows = session.execute(query).all()
        return [Tally(_moment(at), kind, _details(details), count) for at, kind, details, count in rows]

    def latest(self, *kinds: str) -> Entry | None:
        """The last entry of one of these kinds."""
        query = select(AuditRow).where(col(AuditRow.kind).in_(kinds)).order_by(col(AuditRow.number).desc()).limit(1)
        with told_apart(), Session(self._data) as session:
            row = session.scalar(query)
            return None if row is None else _entry(row)

    def verify(self) -> tuple[int, list[Finding]]:
        """How many entries there are, and what is wrong with them; nothing where the log is whole."""
        self.settle()
        head, genuine = self.head()  # before the entries: what is written meanwhile lies behind it
        with told_apart(), Session(self._keys) as session:
            newest = session.scalar(select(col(AuditHeadRow.generation))) or 1
        count = 0

        def counted() -> Iterator[Entry]:
            nonlocal count
            for entry in self.entries():
                count += 1
                yield entry

        def key_of(generation: int) -> bytes:
            if not 1 <= generation <= newest:
                raise KeyError(generation)  # none is made by looking
            return self._key(generation)

        found = list(breaks(counted(), head, key_of))
        return count, found if genuine else [*found, Finding(Break.CUT, count)]

    def head(self) -> tuple[Head, bool]:
        """How far the log is known to reach, and whether the note of it is genuine."""
        with told_apart(), Session(self._keys) as session:
            row = session.get(AuditHeadRow, 1)
        if row is None:
            return Head(), self.length() == 0
        head = Head(row.number, row.code)
        return head, hmac.compare_digest(row.proof, self._proof(head))

    def renew(self, at: datetime) -> int:
        """From here on entries are written with a new key; earlier ones stay verifiable with theirs. Its number."""
        with told_apart():
            with Session(self._keys) as session:
                self._set_head(session, Head())
                query = update(AuditHeadRow).values(generation=col(AuditHeadRow.generation) + 1)
                generation = session.scalars(query.returning(col(AuditHeadRow.generation))).one()
                session.commit()
            self._generation = generation
            with Session(self._data) as session:
                head = self.append(session, at, "audit_key_renewed", None, generation=generation)
                session.commit()
        self.advance(head)
        return generation

    def restored(self, at: datetime) -> None:
        """After an older log was put back beside this key store: the head follows it, and an entry tells how many
        entries are lost."""
        self.settle()
        with told_apart():
            with Session(self._data) as session:
                number, code = session.execute(select(col(AuditTailRow.number), col(AuditTailRow.code))).one()
            tail = Head(number, code)
            with Session(self._keys) as session:
                lost = max(0, (session.scalar(select(col(AuditHeadRow.number))) or 0) - number)
                values = {"number": number, "code": code, "proof": self._proof(tail)}
                session.execute(update(AuditHeadRow).values(**values))
                session.commit()
            self._reached = number
            with Session(self._data) as session:
                head = self.append(session, at, "restored", None, lost=lost)
                session.commit()
        self.advance(head)

    def _set_head(self, session: Session, head: Head) -> None:
        """Never backwards: of two writers the one behind leaves the row alone."""
        values: dict[str, Any] = {"number": head.number, "code": head.code, "proof": self._proof(head)}
        query = update(AuditHeadRow).where(col(AuditHeadRow.number) < head.number).values(**values)
        generation = session.scalar(query.returning(col(AuditHeadRow.generation)))
        if generation is not None:
            self._generation, self._reached = generation, max(self._reached, head.number)
        elif session.get(AuditHeadRow, 1) is None:
            session.add(AuditHeadRow(head_id=1, generation=1, **values))
            self._generation, self._reached = 1, head.number

    def _current_generation(self) -> int:
        """That of this process's last look: another may have renewed the key since, which harms nothing."""
        if self._generation is None:
            with Session(self._keys) as session:
                row = session.get(AuditHeadRow, 1)
            self._generation, self._reached = (1, 0) if row is None else (row.generation, row.number)
        return self._generation

    def _key(self, generation: int) -> bytes:
        if generation not in self._known:
            self._known[generation] = self._secret(f"audit {generation}")
        return self._known[generation]

    def _proof(self, head: Head) -> bytes:
        return digest_under(self._key(1), _HEAD + struct.pack(">Q", head.number) + head.code)


def of_tenant(tenant: str) -> dict[str, Detail]:
    """The details that say whose an entry is; without them it is the default tenant's, as all were before."""
    return {} if tenant == DEFAULT_TENANT else {TENANT: tenant}


def _is_of(tenant: str) -> ColumnElement[bool]:
    """Within a value of the JSON a quotation mark has a backslash before it, so nothing else looks like this."""
    details = col(AuditRow.details)
    if tenant == DEFAULT_TENANT:
        return details.not_like(f'%"{TENANT}":%')
    return details.like(f'%"{TENANT}":"{tenant}"%')


def _entry(row: AuditRow) -> Entry:
    return Entry(row.number, row.at, row.kind, row.person, _details(row.details), row.generation, row.code)


def _details(text: str) -> dict[str, Detail]:
    try:
        details = json.loads(text)
    except ValueError:
        return {"": text}  # whoever changed it broke the chain here anyway
    return details if isinstance(details, dict) else {"": text}


def _moment(hour: str) -> datetime:
    return datetime.strptime(hour, "%Y-%m-%d %H").replace(tzinfo=UTC)
