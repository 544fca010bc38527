"""Opening everybody at once gives what opening one by one gives, refusals included."""

import sqlite3
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from db import bulk
from db.errors import Fault, RecordUnreadable
from db.keystore import Keystore
from db.records import NewTemplate
from db.sealing import KEY_ID_BYTES, Place, Places, SealingKey, seal
from db.storage import Storage
from tests.db.damage import REGIONS, flip
from tests.db.people import AGREED, MODEL, enrol, vector

Found = dict[UUID, list[tuple[int, bytes]]]


def one_by_one(storage: Storage, model_id: str = MODEL) -> Found:
    found: Found = {}
    with storage.begin() as work:
        for each in work.all_templates():
            if each.model_id == model_id:
                found.setdefault(each.user_id, []).append((each.capture, each.vector.tobytes()))
    return found


def at_once(storage: Storage, model_id: str = MODEL) -> Found:
    found: Found = {}
    with storage.begin() as work:
        for batch in work.everybody(model_id):
            assert batch.vectors.dtype == np.float32
            people = [UUID(bytes=each) for each in batch.people]
            assert not found.keys() & set(people)
            for owner, values, capture in zip(batch.owners, batch.vectors, batch.captures, strict=True):
                found.setdefault(people[owner], []).append((int(capture), values.tobytes()))
    return {person: sorted(some) for person, some in found.items()}


def test_it_opens_what_opening_one_by_one_opens(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    assert at_once(storage) == {}
    for seed in range(9):
        enrol(storage, templates=1 + seed % 3, seed=seed)
    other = uuid4()
    with storage.begin() as work:
        mixed = [NewTemplate(vector(90), "old-model", 0), NewTemplate(vector(91), MODEL, 1)]
        work.add_person(other, templates=mixed, attributes=None, metadata=None, consent=AGREED, flagged=False)
        work.commit()
    expected = {person: sorted(some) for person, some in one_by_one(storage).items()}
    assert len(expected) == 10
    assert at_once(storage) == expected
    monkeypatch.setattr(bulk, "BATCH", 4)
    assert at_once(storage) == expected
    assert at_once(storage, "old-model") == {other: [(0, vector(90).tobytes())]}


def test_people_whose_key_is_destroyed_are_left_out(storage: Storage) -> None:
    gone, stays = enrol(storage, seed=1), enrol(storage, seed=2, templates=2)
    storage._keystore.destroy([gone])
    assert at_once(storage).keys() == {stays}


def test_a_key_replaced_while_reading_is_read_anew(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    enrol(storage, seed=1)
    expected = one_by_one(storage)
    stale = SealingKey.fresh()

    def before(self: Keystore, **_: object) -> dict[bytes, bytes]:  # noqa: ARG001
        return {person.bytes: stale.key_id + stale.secret for person in expected}

    monkeypatch.setattr(Keystore, "payloads", before)
    assert at_once(storage) == expected


@pytest.mark.files
@pytest.mark.parametrize("damage", ["payload", "header", "swapped", "length"])
def test_a_damaged_record_costs_its_owner_alone(storage: Storage, tmp_path: Path, damage: str) -> None:
    first, second = enrol(storage, seed=1), enrol(storage, seed=2)
    with sqlite3.connect(tmp_path / "data.db") as raw:
        rows = dict(raw.execute("SELECT user_id, sealed FROM template"))
        sealed = rows[first.hex]
        key = storage._keystore.payloads()[first.bytes]
        row_id = bytes.fromhex(
            raw.execute("SELECT template_id FROM template WHERE user_id = ?", [first.hex]).fetchone()[0]
        )
        changed = {
            "payload": sealed[:-20] + bytes([sealed[-20] ^ 1]) + sealed[-19:],
            "header": b"\x02" + sealed[1:],
            "swapped": next(record for owner, record in rows.items() if owner != first.hex),
            "length": seal(
                SealingKey(key[:KEY_ID_BYTES], key[KEY_ID_BYTES:]), Place("template", first, row_id, MODEL), b"abc"
            ),
        }
        raw.execute("UPDATE template SET sealed = ? WHERE user_id = ?", (changed[damage], first.hex))
    raw.close()
    assert at_once(storage).keys() == one_by_one(storage).keys() == {second}
    with storage.begin() as work:
        list(work.everybody(MODEL))
        assert work.unreadable == {first}
        with pytest.raises(RecordUnreadable) as refusal:
            work.templates(first)
    faults = {"payload": Fault.PAYLOAD, "header": Fault.HEADER, "swapped": Fault.KEY, "length": Fault.PAYLOAD}
    assert refusal.value.fault is faults[damage]


@pytest.mark.files
def test_a_person_with_one_damaged_template_of_several_is_left_out(storage: Storage, tmp_path: Path) -> None:
    first, second = enrol(storage, seed=1, templates=3), enrol(storage, seed=2, templates=2)
    flip(tmp_path / "data.db", "template", "sealed", first, REGIONS["payload"])
    assert at_once(storage).keys() == one_by_one(storage).keys() == {second}


@pytest.mark.files
def test_whose_key_is_damaged_or_lost_is_left_out_and_told(storage: Storage, tmp_path: Path) -> None:
    damaged, lost, erased, stays = (enrol(storage, seed=seed) for seed in range(4))
    flip(tmp_path / "keys.db", "person_key", "wrapped", damaged, REGIONS["key ID"])
    storage._keystore.destroy([lost])
    storage._keystore.destroy([erased], erased_at=storage.now())
    with storage.begin() as work:
        (batch,) = work.everybody(MODEL)
        assert (batch.people, work.unreadable) == ([stays.bytes], {damaged, lost})


@given(st.sampled_from(["template", "person_key", "é"]), st.uuids(), st.binary(max_size=40), st.text(max_size=40))
def test_places_are_as_a_place(kind: str, person: UUID, row: bytes, model_id: str) -> None:
    many = Places(kind, len(row), model_id)
    assert many.associated_data(person.bytes, row) == Place(kind, person, row, model_id).associated_data()


def test_the_keys_are_those_of_the_key_store(storage: Storage) -> None:
    people = [enrol(storage, seed=seed) for seed in range(3)]
    keys = storage._keystore.all()
    assert storage._keystore.payloads() == {
        person.bytes: keys[person].current.key_id + keys[person].current.secret for person in people
    }
