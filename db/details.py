"""Sealed details of people beside their templates: at most one of each kind a person."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Select, bindparam, delete, exists, select, update
from sqlmodel import Session, col

from db.errors import told_apart
from db.keystore import Keystore
from db.payloads import pack_mapping, unpack_mapping
from db.sealing import Aead, Place, seal
from db.tables import DetailRow, GalleryRow, PersonRow
from db.traces import mark

ATTRIBUTES: Final = "attributes"
METADATA: Final = "metadata"
FACTOR: Final = "factor"
RECOVERY: Final = "recovery"
_DETAIL: Final = DetailRow.metadata.tables["detail"].c
_PERSON: Final = PersonRow.metadata.tables["person"].c
# Made once: building a statement takes longer than running it, and every login asks.
_ONE: Final = select(_DETAIL.detail_id, _DETAIL.sealed).where(
    _DETAIL.user_id == bindparam("who"),
    _DETAIL.kind == bindparam("kind"),
    exists().where(_PERSON.user_id == bindparam("who"), _PERSON.tenant == bindparam("here")),
)


class Details:
    """Within the transaction of a unit of work."""

    def __init__(self, session: Session, keystore: Keystore, tenant: str) -> None:
        self._session = session
        self._keystore = keystore
        self._tenant = tenant

    @cached_property
    def _people(self) -> Select[UUID]:
        return select(col(PersonRow.user_id)).where(col(PersonRow.tenant) == self._tenant)

    def get(self, user_id: UUID, kind: str) -> Mapping[str, Any] | None:
        """None where there is none, or nobody. Raises RecordUnreadable."""
        with told_apart():
            which = {"who": user_id, "kind": kind, "here": self._tenant}
            row = self._session.connection().execute(_ONE, which).first()
            keys = None if row is None else self._keystore.get(user_id)
        if row is None or keys is None:
            return None
        return unpack_mapping(keys.open(Place(kind, user_id, row.detail_id.bytes), row.sealed))

    def put(self, user_id: UUID, kind: str, values: Mapping[str, Any]) -> bool:
        """In the place of the one before, whose bytes are overwritten. False where nobody has this ID."""
        with told_apart():
            # Before the key is read: a replacement of it waits for this lock, and then sees the record.
            self._session.execute(update(GalleryRow).values(traces=col(GalleryRow.traces)))
        self.drop(user_id, kind)
        with told_apart():
            here = self._session.scalar(self._people.where(col(PersonRow.user_id) == user_id))
            keys = None if here is None else self._keystore.get(user_id)
            if keys is None:
                return False
            self._session.add(sealed_detail(keys.successor or keys.current, user_id, kind, values))
            self._session.flush()
        return True

    def drop(self, user_id: UUID, kind: str) -> bool:
        """False where there was none. What it leaves in free space goes with the next sweep."""
        query = delete(DetailRow).where(col(DetailRow.user_id) == user_id, col(DetailRow.kind) == kind)
        query = query.where(self._own(user_id))
        with told_apart():
            gone = self._session.scalars(query.returning(col(DetailRow.detail_id))).all()
            if gone:
                self._session.execute(mark(GalleryRow))
        return bool(gone)

    def _own(self, user_id: UUID) -> ColumnElement[bool]:
        """That the details are of one of the tenant's people: looked up by their ID, not among everybody's."""
        return col(DetailRow.user_id).in_(self._people.where(col(PersonRow.user_id) == user_id))


def sealed_detail(key: Aead, user_id: UUID, kind: str, values: Mapping[str, Any]) -> DetailRow:
    """A row to be added."""
    detail_id = uuid4()
    sealed = seal(key, Place(kind, user_id, detail_id.bytes), pack_mapping(values))
    return DetailRow(detail_id=detail_id, user_id=user_id, kind=kind, sealed=sealed)
