"""The search index follows the database, whoever changes it."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
import pytest

from db.records import NewTemplate
from db.storage import Storage
from embeddings.dlib_points import DLIB_POINTS
from embeddings.embed import ModelSpec
from service.bootstrap import open_storage
from service.gallery import Gallery
from service.settings import Settings
from service.workflows.people import People

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
        work.add_person(
            user_id, templates=templates, attributes=None, metadata=None, consent_at=storage.now(), flagged=False
        )
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
    People(storage, gallery).erase([user_id])
    assert user_id not in gallery.index


def test_an_erasure_that_fails_forgets_nobody_for_good(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    user_id = enrol(storage, 0)
    gallery = Gallery(SPEC)
    refresh(gallery, storage)

    def fail(_: object) -> None:
        raise OSError

    monkeypatch.setattr(storage, "erase", fail)
    with pytest.raises(OSError):  # noqa: PT011 - any failure of the storage
        People(storage, gallery).erase([user_id])
    refresh(gallery, storage)
    assert user_id in gallery.index
