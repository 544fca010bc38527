"""Reading everybody's templates beside the process that opens the storage: the same people, and nothing is touched."""

from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from sqlalchemy import text

from db.engine import open_engine
from db.key_file import KeyFile
from db.reading import Databases, reading
from db.revisions import revisions
from db.storage import Storage
from tests.databases import urls
from tests.db.damage import REGIONS, flip
from tests.db.people import enrol
from tests.db.test_bulk import at_once

Opened = dict[UUID, list[tuple[int, bytes]]]
Answer = tuple[Opened, set[UUID], tuple[str, int, int]]
"""Who was opened, who could not be, and the model, generation and revision that it is of."""


def databases(home: Path) -> Databases:
    return Databases(*urls(home), KeyFile(home / "master.key"))


def opened(
    home: Path, part: int = 0, parts: int = 1, least: int = 1
) -> tuple[Opened, set[UUID], tuple[str, int, int]] | None:
    with reading(databases(home), part, parts, least) as found:
        if found is None:
            return None
        some: Opened = {}
        for batch in found.batches:
            people = [UUID(bytes=each) for each in batch.people]
            assert not some.keys() & set(people)
            assert batch.vectors.dtype == np.float32
            for owner, values, capture in zip(batch.owners, batch.vectors, batch.captures, strict=True):
                some.setdefault(people[owner], []).append((int(capture), values.tobytes()))
        named = found.model_id, found.transform, found.revision
        return {person: sorted(its) for person, its in some.items()}, found.unreadable, named


@pytest.mark.parametrize("parts", [1, 2, 3])
def test_the_parts_together_are_everybody(storage: Storage, tmp_path: Path, parts: int) -> None:
    for seed in range(24):
        enrol(storage, templates=1 + seed % 3, seed=seed)
    together: Opened = {}
    for part in range(parts):
        found = opened(tmp_path, part, parts, 24)
        assert found is not None
        assert not together.keys() & found[0].keys()
        together |= found[0]
        with storage.begin() as work:
            assert found[1:] == (set(), ("test-model", 0, work.revision()))
    assert together == at_once(storage)


@pytest.mark.files
def test_who_cannot_be_opened_is_named(storage: Storage, tmp_path: Path) -> None:
    bad, good = enrol(storage, seed=1), enrol(storage, seed=2)
    flip(tmp_path / "data.db", "template", "sealed", bad, REGIONS["payload"])
    found = opened(tmp_path)
    assert found is not None
    assert (set(found[0]), found[1]) == ({good}, {bad})


def test_with_fewer_people_there_is_nothing(storage: Storage, tmp_path: Path) -> None:
    assert opened(tmp_path, least=0) is None
    enrol(storage)
    assert opened(tmp_path, least=2) is None
    assert opened(tmp_path) is not None


@pytest.mark.files
def test_what_is_not_there_is_not_made(tmp_path: Path) -> None:
    assert opened(tmp_path, least=0) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("tree", ["data", "keys"])
def test_tables_that_wait_to_be_brought_up_are_left_alone(storage: Storage, tmp_path: Path, tree: str) -> None:
    enrol(storage)
    engine = open_engine(urls(tmp_path)[tree == "keys"])
    with engine.begin() as connection:
        connection.execute(text(f"update alembic_version_{tree} set version_num = '{revisions(tree)[-2]}'"))
    assert opened(tmp_path) is None
    with engine.begin() as connection:
        connection.execute(text(f"update alembic_version_{tree} set version_num = '{revisions(tree)[-1]}'"))
    engine.dispose()
    assert opened(tmp_path) is not None
