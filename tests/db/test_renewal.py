"""Templates of another model beside the old ones, and the old ones gone for good."""

import sqlite3
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
import pytest

from db.records import NewTemplate
from db.storage import Storage
from tests.db.people import MODEL, changed_since, enrol, vector

NEW = "new-model"


def renew(storage: Storage, user_id: UUID, *, beside: int = 0, without: str | None = None, capture: int = 0) -> bool:
    with storage.begin() as work:
        done = work.renew_templates(user_id, NewTemplate(vector(50), NEW, capture), beside=beside, without=without)
        if done:
            work.commit()
    return done


def held(storage: Storage, user_id: UUID) -> list[tuple[str, int]]:
    with storage.begin() as work:
        return sorted((row.model_id, row.capture) for row in work.templates(user_id))


def test_a_template_comes_beside_the_old_ones_and_others_see_the_change(storage: Storage) -> None:
    user_id, other = enrol(storage, templates=2), enrol(storage)
    with storage.begin() as work:
        revision = work.revision()
    assert renew(storage, user_id)
    assert held(storage, user_id) == [(NEW, 0), (MODEL, 0), (MODEL, 1)]
    assert held(storage, other) == [(MODEL, 0)]
    with storage.begin() as work:
        assert {row.user_id for row in work.all_templates(changed_since(work, revision))} == {user_id}
        (added,) = [row for row in work.templates(user_id) if row.model_id == NEW]
        assert np.array_equal(added.vector, vector(50))
        assert work.count(without_model=NEW) == 1
        assert [person.user_id for person in work.people(0, 9, without_model=NEW)] == [other]
        assert work.count(without_model=MODEL) == 0


@pytest.mark.files
def test_the_old_ones_leave_no_trace(storage: Storage, tmp_path: Path) -> None:
    user_id = enrol(storage, templates=2)
    with sqlite3.connect(tmp_path / "data.db") as raw:
        traces = [row[0][-48:] for row in raw.execute("SELECT sealed FROM template")]
    raw.close()
    assert renew(storage, user_id, without=MODEL)
    assert held(storage, user_id) == [(NEW, 0)]
    assert storage.sweep()
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert not any(trace in stored for trace in traces)


def test_nothing_changes_for_nobody_or_where_another_was_faster(storage: Storage) -> None:
    user_id = enrol(storage)
    assert renew(storage, user_id)
    assert not renew(storage, user_id, without=MODEL)
    assert renew(storage, user_id, beside=1, capture=1)
    gone = enrol(storage)
    storage.erase([gone])
    for nobody in (gone, uuid4()):
        assert not renew(storage, nobody)
    assert held(storage, user_id) == [(NEW, 0), (NEW, 1), (MODEL, 0)]
