"""What one tenant's unit of work sees: the tenant itself, and the revision of what is enrolled."""

from datetime import datetime
from functools import cached_property
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Engine, Select, bindparam, select, update
from sqlmodel import Session, col

from db import changes
from db.errors import StorageError, UnknownTenant, told_apart
from db.keystore import Keystore
from db.tables import GalleryRow, PersonRow, TenantRow

_TENANT: Final = TenantRow.metadata.tables["tenant"]
# Made once: building a statement takes longer than running it, and every login asks.
_REVISION: Final = select(_TENANT.c.revision).where(_TENANT.c.name == bindparam("here"))
_TRANSFORM: Final = select(_TENANT.c.transform).where(_TENANT.c.name == bindparam("here"))


def transform_of(tenant: str, connection: Connection) -> int:
    """The generation of the transform that templates are written with; 0 for none yet. Raises UnknownTenant."""
    found: int | None = connection.scalar(_TRANSFORM, {"here": tenant})
    if found is None:
        raise UnknownTenant(tenant)
    return found


class Scope:
    """One session, one tenant, one moment. `now`: when it began. People of another tenant are nobody to it."""

    def __init__(self, engine: Engine, keystore: Keystore, now: datetime, tenant: str) -> None:
        self._session = Session(engine)
        self._keystore = keystore
        self.now = now
        self.tenant = tenant

    # Made when first asked for, since a login needs neither
    @cached_property
    def _mine(self) -> ColumnElement[bool]:
        return col(PersonRow.tenant) == self.tenant

    @cached_property
    def _ids(self) -> Select[UUID]:
        return select(col(PersonRow.user_id)).where(self._mine)

    def revision(self) -> int:
        """Rises with every enrolment and erasure of the tenant's people."""
        with told_apart():
            return self._session.connection().scalar(_REVISION, {"here": self.tenant}) or 0

    def transform(self) -> int:
        """See `transform_of`."""
        with told_apart():
            return transform_of(self.tenant, self._session.connection())

    def changes(self, since_revision: int) -> changes.Changes | None:
        """Who was enrolled, changed or erased after a revision; None where that is not known any more."""
        with told_apart():
            return changes.since(self._session, self.tenant, since_revision)

    def user_ids(self) -> set[UUID]:
        with told_apart():
            return set(self._session.scalars(self._ids))

    def _next_revision(self, people: int) -> GalleryRow:
        self._session.execute(
            update(GalleryRow).values(revision=col(GalleryRow.revision) + 1, people=col(GalleryRow.people) + people)
        )
        gallery = self._session.get(GalleryRow, 1, populate_existing=True)
        if gallery is None:
            raise StorageError("the gallery row is missing")
        tenant = update(TenantRow).where(col(TenantRow.name) == self.tenant).values(revision=gallery.revision)
        if self._session.scalar(tenant.returning(col(TenantRow.name))) is None:
            raise UnknownTenant(self.tenant)
        return gallery
