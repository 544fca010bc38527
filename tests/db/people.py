"""A storage in a folder, and people made of random numbers to put into it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np

from db.key_file import KeyFile
from db.records import Consent, NewTemplate
from db.storage import Storage
from db.unit_of_work import UnitOfWork
from tests.databases import urls

MODEL = "test-model"
AGREED = Consent(datetime(2026, 3, 1, 11, tzinfo=UTC), "1", "0" * 64, frozenset({"login", "attributes"}))


class Clock:
    """Noon, until it is told otherwise."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        self.now += timedelta(**by)


def open_in(home: Path, clock: Clock | None = None) -> Storage:
    return Storage.open(*urls(home), KeyFile(home / "master.key"), clock=clock or Clock())


def vector(seed: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.random.default_rng(seed).standard_normal(128).astype(np.float32)


def enrol(storage: Storage, *, templates: int = 1, label: str | None = None, seed: int = 0, transform: int = 0) -> UUID:
    user_id = uuid4()
    with storage.begin() as work:
        work.add_person(
            user_id,
            templates=[NewTemplate(vector(seed + number), MODEL, number, transform) for number in range(templates)],
            attributes={"age": 40},
            metadata={"label": label} if label else None,
            consent=AGREED,
            flagged=False,
        )
        work.commit()
    return user_id


def changed_since(work: UnitOfWork, revision: int) -> frozenset[UUID]:
    changes = work.changes(revision)
    assert changes is not None
    return changes.people
