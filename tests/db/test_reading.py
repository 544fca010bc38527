"""Reading everybody's templates beside the process that opens the storage: the same people, and nothing is touched."""

from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from sqlalchemy import text

from db.engine import open_engine
from db.key_file import KeyFile
from db.reading import Databases, Found, read_part
from db.revisions import revisions
from db.storage import Storage
from tests.databases import urls
from tests.db.damage import REGIONS, flip
from tests.db.people import enrol
from tests.db.test_bulk import at_once

Opened = dict[UUID, list[tuple[int, bytes]]]


def databases(home: Path) -> Databases:
    return Databases(*urls(home), KeyFile(home / "master.key"))


def by_person(found: list[Found]) -> Opened:
    opened: Opened = {}
    for part in found:
        people = [UUID(bytes=each) for each in part.people]
        assert not opened.keys() & set(people)
        for owner, values, capture in zip(part.owners, part.vectors, part.captures, strict=True):
            opened.setdefault(people[owner], []).append((int(capture), values.tobytes()))
    return {person: sorted(some) for person, some in opened.items()}


@pytest.mark.parametrize("parts", [1, 2, 3])
def test_the_parts_together_are_everybody(storage: Storage, tmp_path: Path, parts: int) -> None:
    for seed in range(24):
        enrol(storage, templates=1 + seed % 3, seed=seed)
    found = [read_part(databases(tmp_path), part, parts, 24) for part in range(parts)]
    some = [each for each in found if each is not None]
    assert by_person(some) == at_once(storage)
    with storage.begin() as work:
        assert {(each.model_id, each.transform, each.revision) for each in some} == {("test-model", 0, work.revision())}
    assert {each.vectors.dtype for each in some} == {np.dtype(np.float32)}


@pytest.mark.files
def test_who_cannot_be_opened_is_named(storage: Storage, tmp_path: Path) -> None:
    bad, good = enrol(storage, seed=1), enrol(storage, seed=2)
    flip(tmp_path / "data.db", "template", "sealed", bad, REGIONS["payload"])
    found = read_part(databases(tmp_path), 0, 1, 1)
    assert found is not None
    assert (found.people, set(found.unreadable)) == ([good.bytes], {bad})


def test_with_fewer_people_there_is_nothing(storage: Storage, tmp_path: Path) -> None:
    assert read_part(databases(tmp_path), 0, 1, 0) is None
    enrol(storage)
    assert read_part(databases(tmp_path), 0, 1, 2) is None
    assert read_part(databases(tmp_path), 0, 1, 1) is not None


@pytest.mark.files
def test_what_is_not_there_is_not_made(tmp_path: Path) -> None:
    assert read_part(databases(tmp_path), 0, 1, 0) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("tree", ["data", "keys"])
def test_tables_that_wait_to_be_brought_up_are_left_alone(storage: Storage, tmp_path: Path, tree: str) -> None:
    enrol(storage)
    engine = open_engine(urls(tmp_path)[tree == "keys"])
    with engine.begin() as connection:
        connection.execute(text(f"update alembic_version_{tree} set version_num = '{revisions(tree)[-2]}'"))
    assert read_part(databases(tmp_path), 0, 1, 1) is None
    with engine.begin() as connection:
        connection.execute(text(f"update alembic_version_{tree} set version_num = '{revisions(tree)[-1]}'"))
    engine.dispose()
    assert read_part(databases(tmp_path), 0, 1, 1) is not None
