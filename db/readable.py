"""Opening the records of many people, where those of one may be damaged."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlmodel import Session, col

from db.bulk import TEMPLATE
from db.chunks import chunks
from db.errors import Fault, RecordUnreadable
from db.keystore import Keystore
from db.person_keys import PersonKeys
from db.sealing import Place
from db.tables import DetailRow, TemplateRow


def open_with(keystore: Keystore, keys: Mapping[UUID, PersonKeys], place: Place, record: bytes) -> bytes:
    """The payload, also where the person was given a new key after `keys` were read. Raises RecordUnreadable."""
    try:
        return keys[place.person].open(place, record)
    except RecordUnreadable as refusal:
        newer = keystore.get(place.person) if refusal.fault is Fault.KEY else None
        if newer is None:
            raise
        return newer.open(place, record)


def template_query(whose: Select[Any] | None = None) -> Select[Any]:
    """Sealed templates, person by person, in the order of their captures; of the people of that query, or everybody."""
    table = TemplateRow.metadata.tables["template"].c
    wanted = table.template_id, table.user_id, table.model_id, table.capture, table.created_at, table.sealed
    query = select(*wanted, table.transform, table.grown).order_by(table.user_id, table.capture)
    return query if whose is None else query.where(table.user_id.in_(whose))


def unreadable_among(session: Session, keystore: Keystore, user_ids: Sequence[UUID]) -> set[UUID]:
    """Who of these people has a key, template or detail that does not open, or has lost the key.

    Whose key went with an erasure is on the way out and not counted.
    """
    unreadable: set[UUID] = set()
    keys = keystore.all(user_ids, unreadable=unreadable)
    for place, record in _records(session, user_ids):
        if place.person in keys:
            try:
                open_with(keystore, keys, place, record)
            except RecordUnreadable:
                unreadable.add(place.person)
    missing = set(user_ids) - keys.keys()
    return unreadable | (missing - keystore.erased_among(missing))


def _records(session: Session, user_ids: Sequence[UUID]) -> Iterator[tuple[Place, bytes]]:
    for some in chunks(user_ids):
        query = template_query().where(col(TemplateRow.user_id).in_(some))
        for row_id, owner, model_id, _, _, sealed, *_ in session.execute(query):
            yield Place(TEMPLATE, owner, row_id.bytes, model_id), sealed
        for each in session.scalars(select(DetailRow).where(col(DetailRow.user_id).in_(some))):
            yield Place(each.kind, each.user_id, each.detail_id.bytes), each.sealed
