"""Opening everybody's templates at a start: the same records and the same checks, without an object for each.

Where a record does not open this way (its key was just replaced, or it is damaged), it goes the ordinary way.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Select, String, exists, func, or_, select, type_coerce
from sqlmodel import Session

from db.errors import Fault, RecordUnreadable
from db.keystore import Ids, Keystore
from db.records import Vector
from db.sealing import KEY_ID_BYTES, Place, Places, cipher, open_with
from db.tables import PersonRow, TemplateRow, id_bytes

TEMPLATE: Final = "template"
BATCH: Final = 512
"""People or rows at a time: few enough that their memory is used again for the next, not asked for anew."""
_ROW_BYTES: Final = 16
_NUMBER_BYTES: Final = 4


@dataclass(frozen=True, slots=True, eq=False)
class OpenedTemplates:
    """Templates of some people, with all that each has: `people` [p], the 16 bytes of their IDs, `owners` int [n] into
    them, `vectors` float32 [n, dimension], `captures` int [n]."""

    people: list[bytes]
    owners: NDArray[np.int64]
    vectors: Vector = field(repr=False)
    captures: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Whose:
    """Templates of one model and of one generation of the transform, of a tenant's people; of those `among` these IDs,
    where some are given."""

    tenant: str
    model_id: str
    transform: int
    among: Ids | None = None


def open_all(session: Session, keystore: Keystore, whose: Whose, unreadable: set[UUID]) -> Iterator[OpenedTemplates]:
    """Everybody's templates of that kind, some people at a time.

    People whose key has been destroyed are on their way out and left out. Whoever has a key or template that does not
    open is left out, too, and added to `unreadable`. Raises RecordUnreadable for vectors of different lengths.
    """
    batch = _Batch()
    waiting = _with_several(session, whose)
    unfinished: dict[bytes, list[tuple[bytes, int]]] = {person: [] for person in waiting}
    for person, payload, capture in _opened(session, keystore, whose, unreadable):
        if person not in waiting:
            batch.add(person, payload, capture)
        else:
            unfinished[person].append((payload, capture))
            if len(unfinished[person]) == waiting[person]:
                batch.add_several(person, unfinished.pop(person))
        if len(batch.payloads) >= BATCH:
            yield batch.opened()
            batch = _Batch()
    for person, some in unfinished.items():  # a template came or went in between
        if some and UUID(bytes=person) not in unreadable:
            batch.add_several(person, some)
    if batch.payloads:
        yield batch.opened()


def _with_several(session: Session, whose: Whose) -> dict[bytes, int]:
    table = TemplateRow.metadata.tables["template"].c
    count = func.count()
    among = _among(table.user_id, whose)
    # An index alone answers who has several of any kind; mostly that is nobody.
    several = select(table.user_id).where(*among).group_by(table.user_id).having(count > 1)
    query = select(type_coerce(table.user_id, String), count).where(
        table.user_id.in_(several), table.model_id == whose.model_id, table.transform == whose.transform
    )
    rows = session.connection().execute(query.group_by(table.user_id).having(count > 1)).all()
    return dict(zip(id_bytes([owner for owner, _ in rows]), (number for _, number in rows), strict=True))


def _opened(
    session: Session, keystore: Keystore, whose: Whose, unreadable: set[UUID]
) -> Iterator[tuple[bytes, bytes, int]]:
    """Person, payload and capture of each template, in the order in which the database has them."""
    model_id = whose.model_id
    keys, keyless = keystore.payloads(unreadable=unreadable, among=whose.among), set[UUID]()
    places = Places(TEMPLATE, _ROW_BYTES, model_id)
    found = session.connection().execute(_query(session, whose))
    while some := found.fetchmany(BATCH):
        rows, owners, captures, records, transforms = zip(*some, strict=True)
        each = zip(id_bytes(owners), id_bytes(rows), captures, records, transforms, strict=True)
        for person, row, capture, sealed, transform in each:
            if transform != whose.transform:
                continue
            key = keys.get(person)
            if key is None:
                keyless.add(UUID(bytes=person))
                continue
            try:
                secret = cipher(key[KEY_ID_BYTES:])
                payload = open_with(secret, key[:KEY_ID_BYTES], places.associated_data(person, row), sealed)
            except RecordUnreadable:
                opened = _again(keystore, Place(TEMPLATE, UUID(bytes=person), row, model_id), sealed, unreadable)
                if opened is None:
                    continue
                payload = opened
            if not payload or len(payload) % _NUMBER_BYTES:
                unreadable.add(UUID(bytes=person))
                continue
            yield person, payload, capture
    keyless -= unreadable
    unreadable |= keyless - keystore.erased_among(keyless)


def _again(keystore: Keystore, place: Place, sealed: bytes, unreadable: set[UUID]) -> bytes | None:
    """The payload with the keys of this moment; None where there are none any more, or the record does not open."""
    try:
        current = keystore.get(place.person)
        return None if current is None else current.open(place, sealed)
    except RecordUnreadable:
        unreadable.add(place.person)
        return None


def _query(session: Session, whose: Whose) -> Select[Any]:
    table, people = TemplateRow.metadata.tables["template"].c, PersonRow.metadata.tables["person"].c
    row_id, owner = type_coerce(table.template_id, String), type_coerce(table.user_id, String)
    query = select(row_id, owner, table.capture, table.sealed, table.transform).where(
        table.model_id == whose.model_id, *_among(table.user_id, whose)
    )
    others = or_(people.tenant < whose.tenant, people.tenant > whose.tenant)
    if session.scalar(select(exists().where(others))):  # else it would only cost time
        query = query.where(table.user_id.in_(select(people.user_id).where(people.tenant == whose.tenant)))
    return query


def _among(user_id: ColumnElement[UUID], whose: Whose) -> list[ColumnElement[bool]]:
    return [] if whose.among is None else [user_id.between(*whose.among)]


class _Batch:
    def __init__(self) -> None:
        self.people: list[bytes] = []
        self.owners: list[int] = []
        self.payloads: list[bytes] = []
        self.captures: list[int] = []

    def add(self, person: bytes, payload: bytes, capture: int) -> None:
        self.owners.append(len(self.people))
        self.people.append(person)
        self.payloads.append(payload)
        self.captures.append(capture)

    def add_several(self, person: bytes, templates: list[tuple[bytes, int]]) -> None:
        payloads, captures = zip(*templates, strict=True)
        self.owners += [len(self.people)] * len(templates)
        self.people.append(person)
        self.payloads += payloads
        self.captures += captures

    def opened(self) -> OpenedTemplates:
        length = len(self.payloads[0])
        if any(len(payload) != length for payload in self.payloads):
            raise RecordUnreadable(Fault.PAYLOAD)
        vectors = np.frombuffer(b"".join(self.payloads), "<f4").reshape(-1, length // _NUMBER_BYTES)
        return OpenedTemplates(
            self.people,
            np.array(self.owners),
            vectors.astype(np.float32, copy=False),
            np.array(self.captures),
        )
