"""The search index follows the database, whoever changes it."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
import pytest

from db.bulk import OpenedTemplates
from db.records import NewTemplate
from db.storage import Storage
from db.unit_of_work import UnitOfWork
from embeddings.dlib_points import DLIB_POINTS
from embeddings.embed import ModelSpec
from service.databases import open_storage
from service.gallery import Gallery
from service.settings import Settings
from service.workflows.people import By, People
from tests.db.people import AGREED, Clock, open_in

SPEC = ModelSpec("test-model", 128, DLIB_POINTS)


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    opened = open_storage(Settings(home=tmp_path / "home"))
    yield opened
    opened.close()


def unit(seed: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    values = np.random.default_rng(seed).standard_normal(128)
    return (values / np.linalg.norm(values)).astype(np.float32)


def enrol(storage: Storage, *captures: int, model_id: str = "test-model") -> UUID:
    user_id = uuid4()
    templates = [NewTemplate(unit(number), model_id, capture) for number, capture in enumerate(captures)]
    with storage.begin() as work:
        work.add_person(user_id, templates=templates, attributes=None, metadata=None, consent=AGREED, flagged=False)
        work.commit()
    return user_id


def refresh(gallery: Gallery, storage: Storage) -> None:
    with storage.begin() as work:
        gallery.refresh(work)


def test_it_takes_over_what_others_enrol_and_erase(storage: Storage) -> None:
    gallery = Gallery(SPEC)
    refresh(gallery, storage)
    assert len(gallery.index) == 0
    first, second = enrol(storage, 0), enrol(storage, 0, 1)
    refresh(gallery, storage)
    assert gallery.index.keys() == {first, second}
    storage.erase([first])
    refresh(gallery, storage)
    assert gallery.index.keys() == {second}


def test_the_number_of_captures_survives_a_restart(storage: Storage) -> None:
    user_id = enrol(storage, 0, 0, 1)
    gallery = Gallery(SPEC)
    refresh(gallery, storage)
    found = gallery.index.get(user_id)
    assert found is not None
    assert found.captures == 2


def test_templates_of_another_model_are_left_out(storage: Storage) -> None:
    enrol(storage, 0, model_id="another-model")
    gallery = Gallery(SPEC)
    refresh(gallery, storage)
    assert len(gallery.index) == 0


def test_erasing_forgets_in_memory_at_once(storage: Storage) -> None:
    user_id = enrol(storage, 0)
    gallery = Gallery(SPEC)
    refresh(gallery, storage)
    People(storage, gallery).erase([user_id], by=By.OPERATOR)
    assert user_id not in gallery.index


def test_an_erasure_that_fails_forgets_nobody_for_good(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    user_id = enrol(storage, 0)
    gallery = Gallery(SPEC)
    refresh(gallery, storage)

    def fail(_: object, **__: object) -> None:
        raise OSError

    monkeypatch.setattr(storage, "erase", fail)
    with pytest.raises(OSError):  # noqa: PT011 - any failure of the storage
        People(storage, gallery).erase([user_id], by=By.OPERATOR)
    refresh(gallery, storage)
    assert user_id in gallery.index


def test_a_fill_and_small_steps_come_to_the_same(storage: Storage) -> None:
    following, people = Gallery(SPEC), []
    for number in range(12):
        people.append(enrol(storage, *range(number % 3 + 1)))
        refresh(following, storage)
    storage.erase(people[3:5])
    refresh(following, storage)
    filled = Gallery(SPEC)
    refresh(filled, storage)
    assert filled.index.keys() == following.index.keys() == set(people) - set(people[3:5])
    for user_id in set(people) - set(people[3:5]):
        one, other = filled.index.get(user_id), following.index.get(user_id)
        assert one is not None
        assert other is not None
        assert one.captures == other.captures
        assert one.vector.distance(other.vector) < 1e-6


def test_filling_anew_forgets_who_was_erased_meanwhile(storage: Storage) -> None:
    gallery, gone, stays = Gallery(SPEC), enrol(storage, 0), enrol(storage, 0)
    refresh(gallery, storage)
    gallery.invalidate()
    storage.erase([gone])
    refresh(gallery, storage)
    assert gallery.index.keys() == {stays}


def test_it_reads_everything_anew_only_once_and_where_changes_were_forgotten(tmp_path: Path) -> None:
    clock = Clock()
    storage = open_in(tmp_path, clock)
    gallery, reads = Gallery(SPEC), 0

    class Counted(UnitOfWork):
        def everybody(self, model_id: str, transform: int = 0) -> Iterator[OpenedTemplates]:
            nonlocal reads
            reads += 1
            return super().everybody(model_id, transform)

    def step() -> set[UUID]:
        with storage.begin() as work:
            work.__class__ = Counted
            gallery.refresh(work)
        return gallery.index.keys()

    people = {enrol(storage, 0) for _ in range(5)}
    assert step() == people
    for _ in range(5):
        gone = people.pop()
        storage.erase([gone])
        people.add(enrol(storage, 0))
        assert step() == people
    assert reads == 1
    people.add(enrol(storage, 0))
    clock.advance(minutes=11)
    assert storage.sweep()
    assert step() == people
    assert reads == 2
    people.add(enrol(storage, 0))
    assert step() == people
    assert reads == 2
    storage.close()


def test_who_shares_their_first_bits_with_somebody_erased_stays(storage: Storage) -> None:
    gallery, kept = Gallery(SPEC), enrol(storage, 0)
    alike = UUID(int=kept.int ^ 1)
    templates = [NewTemplate(unit(1), "test-model", 0)]
    with storage.begin() as work:
        work.add_person(alike, templates=templates, attributes=None, metadata=None, consent=AGREED, flagged=False)
        work.commit()
    refresh(gallery, storage)
    assert gallery.index.keys() == {kept, alike}
    storage.erase([alike])
    refresh(gallery, storage)
    assert gallery.index.keys() == {kept}
