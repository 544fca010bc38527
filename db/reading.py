"""Everybody's templates, opened by a process that only reads: beside the one that opens the storage at the same time.

Nothing is made, brought up, checked or cleared here, and what is found counts as of a revision that was read before it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine, func, select
from sqlmodel import Session, col

from db.bulk import Ids, OpenedTemplates, Whose, open_all
from db.engine import database_file, open_engine
from db.errors import told_apart
from db.keyring import Keyring
from db.keys import KeyProvider
from db.keystore import Keystore
from db.records import Vector
from db.revisions import is_newest
from db.tables import DEFAULT_TENANT, PersonRow, TemplateRow, TenantRow

_IDS: Final = 2**128


@dataclass(frozen=True, slots=True)
class Databases:
    """Where data and keys are, and the master key."""

    data_url: str
    keys_url: str
    provider: KeyProvider


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """The default tenant's templates of one model and one generation of the transform, as of `revision`, of some of its
    `owners` int64 [n] into them; `vectors` float32 [n, dimension];
       `captures` int64 [n]; `unreadable` uint8 [u, 16], whose records do not open."""

    model_id: str
    transform: int
    revision: int
    people: list[bytes]
    owners: NDArray[np.int64]
    vectors: Vector = field(repr=False)
    captures: NDArray[np.int64]
    unreadable: frozenset[UUID]


def read_part(databases: Databases, part: int, parts: int, least: int) -> Found | None:
    """The part of this number, of so many. None where there are databases to make or to bring up first, nothing of
    the generation in use, or fewer people than `least`.

    Raises MasterKeyError, StorageNewer, StorageUnavailable, RecordUnreadable.
    """
    files = [database_file(url) for url in (databases.data_url, databases.keys_url)]
    if any(file is not None and not file.exists() for file in files):
        return None
    with told_apart(), _engine(databases.data_url) as data, _engine(databases.keys_url) as keys:
        if not (is_newest(data, "data") and is_newest(keys, "keys")):
            return None
        keystore = Keystore(keys, Keyring(databases.provider, may_create=False))
        with Session(data) as session:
            if (session.scalar(select(func.count()).select_from(PersonRow)) or 0) < least:
                return None
            tenant = session.get(TenantRow, DEFAULT_TENANT)
            if tenant is None:
                return None
            written = select(col(TemplateRow.model_id)).where(col(TemplateRow.transform) == tenant.transform)
            model_id = session.scalar(written.limit(1))
            if model_id is None:
                return None
            whose = Whose(tenant.name, model_id, tenant.transform, _ids(part, parts))
            unreadable: set[UUID] = set()
            batches = list(open_all(session, keystore, whose, unreadable))
            return _joined(whose, tenant.revision, batches, unreadable)


@contextmanager
def _engine(url: str) -> Iterator[Engine]:
    engine = open_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


def _ids(part: int, parts: int) -> Ids:
    return UUID(int=_IDS * part // parts), UUID(int=_IDS * (part + 1) // parts - 1)


def _joined(whose: Whose, revision: int, batches: list[OpenedTemplates], unreadable: set[UUID]) -> Found | None:
    if not batches:
        return None
    before = np.cumsum([0, *(len(batch.people) for batch in batches)])
    return Found(
        whose.model_id,
        whose.transform,
        revision,
        [each for batch in batches for each in batch.people],
        np.concatenate([batch.owners + first for batch, first in zip(batches, before, strict=False)]),
        np.concatenate([batch.vectors for batch in batches]),
        np.concatenate([batch.captures for batch in batches]),
        frozenset(unreadable),
    )
