"""Reading one person, which every login does: `UnitOfWork.people` for one, by statements made once, without mapped
objects."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlmodel import Session

from db.details import ATTRIBUTES, METADATA
from db.keystore import Keystore
from db.payloads import unpack_mapping
from db.readable import open_with
from db.records import Person
from db.sealing import Place
from db.tables import DataTable

_TABLES: Final = DataTable.metadata.tables
_PERSON: Final = _TABLES["person"].c
_DETAIL: Final = _TABLES["detail"].c
_MODEL: Final = _TABLES["template"].c
_WHO: Final = select(
    _PERSON.created_at, _PERSON.consent_at, _PERSON.last_login_at, _PERSON.flagged, _PERSON.flag_reason
).where(_PERSON.user_id == bindparam("user_id"), _PERSON.tenant == bindparam("tenant"))
_MODELS: Final = select(_MODEL.model_id, _MODEL.grown).where(_MODEL.user_id == bindparam("user_id"))
_SHOWN: Final = select(_DETAIL.detail_id, _DETAIL.kind, _DETAIL.sealed).where(
    _DETAIL.user_id == bindparam("user_id"), _DETAIL.kind.in_((ATTRIBUTES, METADATA))
)


def one_person(session: Session, keystore: Keystore, tenant: str, user_id: UUID) -> Person | None:
    """None for nobody, and for whose key has been destroyed: they are on their way out. Raises RecordUnreadable."""
    connection, who = session.connection(), {"user_id": user_id}
    row = connection.execute(_WHO, {**who, "tenant": tenant}).first()
    keys = None if row is None else keystore.get(user_id)
    if row is None or keys is None:
        return None
    models = connection.execute(_MODELS, who).all()
    details: dict[str, Mapping[str, Any]] = {}
    for detail_id, kind, sealed in connection.execute(_SHOWN, who):
        details[kind] = unpack_mapping(
            open_with(keystore, {user_id: keys}, Place(kind, user_id, detail_id.bytes), sealed)
        )
    return Person(
        user_id=user_id,
        created_at=row.created_at,
        consent_at=row.consent_at,
        last_login_at=row.last_login_at,
        templates=len(models),
        model_ids=tuple(sorted({model_id for model_id, _ in models})),
        grown=sum(grown for _, grown in models),
        flagged=row.flagged,
        flag_reason=row.flag_reason,
        attributes=details.get(ATTRIBUTES),
        metadata=details.get(METADATA),
        readable=True,
    )
