"""Templates are carried over to another secret whatever happens meanwhile, and the secret before is gone."""

import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
import pytest

from db.errors import TransformChanged
from db.records import NewTemplate, Vector
from db.storage import Storage
from tests.db.crashing import die_before, in_child
from tests.db.people import AGREED, MODEL, enrol, open_in, vector

PEOPLE = 5


def turn_to(generation: int) -> Callable[[str, int, Vector], Vector | None]:
    """What is turned by generation n is n times as long here."""
    return lambda _, before, values: (values / max(before, 1) * generation).astype(np.float32)


def fill(home: Path, people: int = PEOPLE) -> list[UUID]:
    storage = open_in(home)
    ids = [enrol(storage, templates=2, seed=number) for number in range(people)]
    storage.close()
    return ids


def bring_over(storage: Storage) -> int:
    transforms = storage.transforms()
    generation = transforms.settle()
    done = transforms.carry_over(generation, turn_to(generation))
    transforms.destroy_before(generation)
    storage.sweep()
    return done.templates


def check(storage: Storage, ids: list[UUID], generation: int) -> None:
    with storage.begin() as work:
        assert work.transform() == generation
        for number, user_id in enumerate(ids):
            rows = work.templates(user_id)
            assert [row.transform for row in rows] == [generation] * 2
            for place, row in enumerate(rows):
                assert row.vector == pytest.approx(vector(number + place) * generation, rel=1e-5)
    assert storage.transforms().generations() == [generation]
    assert not storage.transforms().unfinished(generation)


def test_raw_templates_are_turned_and_turned_ones_renewed(tmp_path: Path) -> None:
    ids = fill(tmp_path)
    storage = open_in(tmp_path)
    transforms = storage.transforms()
    generation = transforms.settle()
    assert generation == transforms.settle() == 1
    assert transforms.unfinished(1)
    assert bring_over(storage) == 2 * PEOPLE
    check(storage, ids, 1)
    assert bring_over(storage) == transforms.worthless() == 0
    assert transforms.renew() == 2
    secrets = [transforms.secret(number) for number in (1, 2)]
    assert None not in secrets
    assert secrets[0] != secrets[1]
    with storage.begin() as work:
        assert {row.user_id for row in work.turned_otherwise(2)} == set(ids)
        assert list(work.everybody(MODEL, 2)) == []
        assert len([person for batch in work.everybody(MODEL, 1) for person in batch.people]) == PEOPLE
    assert bring_over(storage) == 2 * PEOPLE
    check(storage, ids, 2)
    assert transforms.secret(1) is None
    with storage.begin() as work:
        assert list(work.turned_otherwise(2)) == []
    storage.close()


@pytest.mark.files
def test_records_and_secrets_before_leave_no_trace_in_the_files(tmp_path: Path) -> None:
    fill(tmp_path)
    storage = open_in(tmp_path)
    bring_over(storage)
    with sqlite3.connect(tmp_path / "data.db") as data, sqlite3.connect(tmp_path / "keys.db") as keys:
        sealed = [row[0] for row in data.execute("SELECT sealed FROM template")]
        sealed += [row[0] for row in keys.execute("SELECT wrapped FROM secret WHERE purpose LIKE 'template%'")]
    data.close()
    keys.close()
    assert len(sealed) == 2 * PEOPLE + 1
    storage.transforms().renew()
    bring_over(storage)
    assert storage.sweep()
    files = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert not any(record[29:] in files for record in sealed)
    storage.close()


@pytest.mark.files
def test_killed_before_any_step_the_next_start_ends_it(tmp_path: Path) -> None:
    stride = 1 if "FACEWARDEN_TEST_LONG" in os.environ else 7
    home = tmp_path / "home"
    home.mkdir()
    ids = fill(home)
    storage = open_in(home)
    bring_over(storage)
    storage.close()

    def renew(folder: Path) -> None:
        opened = open_in(folder)
        opened.transforms().renew()
        bring_over(opened)
        opened.close()

    def check_left(folder: Path) -> None:
        opened = open_in(folder)
        bring_over(opened)
        check(opened, ids, opened.transforms().settle())
        opened.close()

    step, killed, renewed = 1, True, set()
    while killed:
        copy = tmp_path / f"at-{step}"
        shutil.copytree(home, copy)
        killed = in_child(partial(renew, copy), partial(die_before, step))
        assert not in_child(partial(check_left, copy), lambda: None)
        with sqlite3.connect(copy / "data.db") as data:
            renewed.add(data.execute("SELECT transform FROM tenant").fetchone()[0])
        data.close()
        shutil.rmtree(copy)
        step += stride
    assert step > 40
    assert renewed == {1, 2}  # before its first step is done, nothing has begun


@pytest.mark.files
def test_a_damaged_record_costs_its_own_person_alone(tmp_path: Path) -> None:
    ids = fill(tmp_path)
    with sqlite3.connect(tmp_path / "data.db") as data:
        data.execute("UPDATE template SET sealed = zeroblob(600) WHERE user_id = ? AND capture = 0", (ids[0].hex,))
    data.close()
    storage = open_in(tmp_path)
    assert bring_over(storage) == 2 * PEOPLE - 1
    assert storage.transforms().renew() == 2
    assert bring_over(storage) == 2 * PEOPLE - 1
    with storage.begin() as work:
        assert {row.user_id for row in work.all_templates()} == set(ids[1:])
        assert work.unreadable == {ids[0]}
    storage.close()


def test_who_was_overtaken_carries_nothing_back(tmp_path: Path) -> None:
    fill(tmp_path)
    storage = open_in(tmp_path)
    transforms = storage.transforms()
    first = transforms.settle()
    transforms.renew()
    with pytest.raises(TransformChanged):
        transforms.carry_over(first, turn_to(first))
    with storage.begin() as work:
        assert {row.transform for row in work.all_templates()} == {0}
    storage.close()


@pytest.mark.files
def test_an_old_copy_of_the_data_beside_the_keys_of_today_is_worth_nothing(tmp_path: Path) -> None:
    ids = fill(tmp_path)
    storage = open_in(tmp_path)
    bring_over(storage)
    storage.close()
    shutil.copy(tmp_path / "data.db", tmp_path / "old")
    storage = open_in(tmp_path)
    storage.transforms().renew()
    bring_over(storage)
    storage.close()
    (tmp_path / "old").replace(tmp_path / "data.db")
    storage = open_in(tmp_path)
    transforms = storage.transforms()
    assert transforms.settle() == 2  # as the keys say, not the data
    assert transforms.secret(1) is None
    assert not transforms.unfinished(2)
    assert transforms.carry_over(2, turn_to(2)).worthless == transforms.worthless() == 2 * PEOPLE
    with storage.begin() as work:
        assert {row.transform for row in work.templates(ids[0])} == {1}
    assert transforms.renew() == 3
    assert transforms.worthless() == 2 * PEOPLE
    storage.close()


def test_a_number_that_templates_have_is_never_given_again(tmp_path: Path) -> None:
    fill(tmp_path)
    storage = open_in(tmp_path)
    bring_over(storage)
    storage.transforms().renew()
    bring_over(storage)
    storage._keystore.destroy_secrets(["template transform default 2"])
    assert storage.transforms().settle() == 3
    assert storage.transforms().worthless() == 2 * PEOPLE
    storage.close()


def test_one_tenants_renewal_leaves_the_other_alone(tmp_path: Path) -> None:
    storage = open_in(tmp_path)
    for name in ("acme", "acm"):
        storage.tenants().create(name, storage.now())
    acme, acm = storage.of("acme"), storage.of("acm")
    user_id = enrol(acm)
    bring_over(acm)
    acme.transforms().renew()
    enrol(acme, transform=2)
    bring_over(acme)
    assert acme.transforms().generations() == [2]
    assert acm.transforms().generations() == [1]
    assert acme.transforms().secret(1) is None
    assert acme.transforms().secret(2) != acm.transforms().secret(1)
    with acm.begin() as work:
        assert [row.transform for row in work.templates(user_id)] == [1]
    storage.close()


def test_who_enrols_meanwhile_is_carried_over_too_whoever_gets_a_new_key(tmp_path: Path) -> None:
    service, operator = open_in(tmp_path), open_in(tmp_path)
    bring_over(service)
    enrolled: list[UUID] = []
    failures: list[Exception] = []
    overtaken = 0
    stop = threading.Event()

    def serve() -> None:
        nonlocal overtaken
        generation = 1
        try:
            while not stop.is_set():
                try:
                    enrolled.append(enrol_turned(service, len(enrolled), generation))
                except TransformChanged:
                    overtaken += 1
                    generation = service.transforms().settle()
                if enrolled:
                    service.rotate_person(enrolled[-1])
        except Exception as error:  # noqa: BLE001 - told by the main thread
            failures.append(error)

    thread = threading.Thread(target=serve)
    thread.start()
    for round_ in range(1, 7):
        while len(enrolled) < 3 * round_ and thread.is_alive():
            time.sleep(0.001)
        operator.transforms().renew()
        bring_over(operator)
    stop.set()
    thread.join()
    assert failures == []
    assert overtaken > 0
    assert operator.transforms().generations() == [7]
    with operator.begin() as work:
        for seed, user_id in enumerate(enrolled):
            (row,) = work.templates(user_id)
            assert row.transform == 7
            assert row.vector == pytest.approx(vector(seed) * 7, rel=1e-4)
    service.close()
    operator.close()


def enrol_turned(storage: Storage, seed: int, generation: int) -> UUID:
    user_id = uuid4()
    with storage.begin() as work:
        template = NewTemplate(vector(seed) * np.float32(generation), MODEL, 0, generation)
        work.add_person(user_id, templates=[template], attributes=None, metadata=None, consent=AGREED, flagged=False)
        work.commit()
    return user_id
