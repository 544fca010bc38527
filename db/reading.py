"""Everybody's templates, opened by a process that only reads: beside the one that opens the storage at the same time.

Nothing is made, brought up, checked or cleared here, and what is found counts as of a revision that was read before it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import Engine, func, select
from sqlmodel import Session, col

from db.bulk import OpenedTemplates, Whose, open_all
from db.engine import database_file, open_engine
from db.errors import told_apart
from db.keyring import Keyring
from db.keys import KeyProvider
from db.keystore import Ids, Keystore
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
class Reading:
    """The default tenant's templates of one model and one generation of the transform, as of `revision`, of some of its
    people. `batches` are opened as they are asked for; `unreadable`: whose records did not open, by then."""

    model_id: str
    transform: int
    revision: int
    batches: Iterator[OpenedTemplates]
    unreadable: set[UUID]


@contextmanager
def reading(databases: Databases, part: int, parts: int, least: int) -> Iterator[Reading | None]:
    """The part of this number, of so many. None where there are databases to make or to bring up first, nothing of
    the generation in use, or fewer people than `least`.

    Raises MasterKeyError, StorageNewer, StorageUnavailable, RecordUnreadable.
    """
    files = [database_file(url) for url in (databases.data_url, databases.keys_url)]
    if any(file is not None and not file.exists() for file in files):
        yield None
        return
    with told_apart(), _engine(databases.data_url) as data, _engine(databases.keys_url) as keys:
        if not (is_newest(data, "data") and is_newest(keys, "keys")):
            yield None
            return
        keystore = Keystore(keys, Keyring(databases.provider, may_create=False))
        with Session(data) as session:
            people = session.scalar(select(func.count()).select_from(PersonRow)) or 0
            yield _begun(session, keystore, _ids(part, parts)) if people >= least else None


def _begun(session: Session, keystore: Keystore, among: Ids) -> Reading | None:
    tenant = session.get(TenantRow, DEFAULT_TENANT)
    if tenant is None:
        return None
    written = select(col(TemplateRow.model_id)).where(col(TemplateRow.transform) == tenant.transform)
    model_id = session.scalar(written.limit(1))
    if model_id is None:
        return None
    whose, unreadable = Whose(tenant.name, model_id, tenant.transform, among), set[UUID]()
    batches = open_all(session, keystore, whose, unreadable)
    return Reading(model_id, tenant.transform, tenant.revision, batches, unreadable)


@contextmanager
def _engine(url: str) -> Iterator[Engine]:
    engine = open_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


def _ids(part: int, parts: int) -> Ids:
    return UUID(int=_IDS * part // parts), UUID(int=_IDS * (part + 1) // parts - 1)
