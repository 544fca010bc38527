"""Which tenants there are: bodies of people who never meet those of another."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Engine, func, select
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col

from db.errors import told_apart
from db.tables import PersonRow, TenantRow

NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
"""As in a host name; a transform's and a key's tenant are told from what stands beside them by that."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """`transform`: the generation that its templates are written with, 0 for none yet."""

    name: str
    created_at: datetime
    people: int
    transform: int


class Tenants:
    """Every call is a transaction of its own."""

    def __init__(self, data: Engine) -> None:
        self._data = data

    def all(self) -> list[Tenant]:
        """By name."""
        counts = select(col(PersonRow.tenant), func.count()).group_by(col(PersonRow.tenant))
        with told_apart(), Session(self._data) as session:
            people = {row[0]: row[1] for row in session.execute(counts)}
            rows = session.scalars(select(TenantRow).order_by(col(TenantRow.name))).all()
            return [Tenant(row.name, row.created_at, people.get(row.name, 0), row.transform) for row in rows]

    def create(self, name: str, now: datetime) -> bool:
        """False where it is there already. Raises ValueError for a name that is none."""
        if NAME.fullmatch(name) is None:
            raise ValueError("a tenant's name is 1 to 63 of a to z, 0 to 9 and -, and does not begin with -")
        with told_apart(), Session(self._data) as session:
            session.add(TenantRow(name=name, created_at=now))
            try:
                session.commit()
            except IntegrityError:
                return False
        return True
