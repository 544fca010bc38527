"""The golden vectors, read by the code and by a second reader written from docs/format.md alone."""

import json
from pathlib import Path
from uuid import UUID

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from db.errors import Fault, RecordUnreadable
from db.payloads import unpack_mapping, unpack_vector
from db.sealing import Place, SealingKey, open_record, seal
from tests.db.make_vectors import FOLDER, KEY, PLACE, cases

OUTCOMES = {"success", "header", "key", "payload"}
FILES = sorted(FOLDER.glob("*.json"))


def read(path: Path) -> dict[str, str]:
    loaded: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def second_reader(case: dict[str, str]) -> str:
    """The outcome, by the specification."""
    record = bytes.fromhex(case["record"])
    if len(record) < 45 or record[0] != 1:
        return "header"
    if record[1:17] != bytes.fromhex(case["key_id"]):
        return "key"
    place = b"facewarden record 1"
    for part in (
        case["kind"].encode(),
        bytes.fromhex(case["person"].replace("-", "")),
        bytes.fromhex(case["row"]),
        case["model"].encode(),
    ):
        place += len(part).to_bytes(2, "big") + part
    try:
        payload = AESGCM(bytes.fromhex(case["key"])).decrypt(record[17:29], record[29:], record[:29] + place)
    except InvalidTag:
        return "payload"
    assert payload.hex() == case["payload"]
    return "success"


def test_every_fault_is_told_alike() -> None:
    assert len({str(RecordUnreadable(fault)) for fault in Fault}) == 1


def test_every_outcome_has_a_vector() -> None:
    assert len(FILES) == len(cases())
    assert {read(path)["outcome"] for path in FILES} == OUTCOMES


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_golden_vector(path: Path) -> None:
    case = read(path)
    key = SealingKey(bytes.fromhex(case["key_id"]), bytes.fromhex(case["key"]))
    place = Place(case["kind"], UUID(case["person"]), bytes.fromhex(case["row"]), case["model"])
    try:
        outcome = "success"
        assert open_record(key, place, bytes.fromhex(case["record"])).hex() == case["payload"]
    except RecordUnreadable as refusal:
        outcome = refusal.fault.value
    assert outcome == case["outcome"] == second_reader(case)


def test_the_files_are_what_the_generator_writes() -> None:
    assert {path.stem: read(path) for path in FILES} == cases()


@given(payload=st.binary(max_size=64), kind=st.text(max_size=9), row=st.binary(max_size=20), model=st.text(max_size=9))
def test_what_is_sealed_opens_again(payload: bytes, kind: str, row: bytes, model: str) -> None:
    place = Place(kind, UUID(int=3), row, model)
    assert open_record(KEY, place, seal(KEY, place, payload)) == payload


@given(bit=st.integers(0, 45 * 8 + 63))
def test_any_flipped_bit_is_refused(bit: int) -> None:
    record = bytearray(seal(KEY, PLACE, b"8 bytes."))
    record[bit // 8 % len(record)] ^= 1 << bit % 8
    with pytest.raises(RecordUnreadable):
        open_record(KEY, PLACE, bytes(record))


@given(
    one=st.tuples(st.text(max_size=4), st.binary(max_size=4), st.text(max_size=4)),
    other=st.tuples(st.text(max_size=4), st.binary(max_size=4), st.text(max_size=4)),
)
def test_two_places_never_have_the_same_associated_data(
    one: tuple[str, bytes, str], other: tuple[str, bytes, str]
) -> None:
    first, second = (Place(kind, UUID(int=3), row, model) for kind, row, model in (one, other))
    assert (first.associated_data() == second.associated_data()) == (first == second)


def test_no_nonce_comes_twice() -> None:
    assert len({seal(KEY, PLACE, b"")[17:29] for _ in range(200)}) == 200


@pytest.mark.parametrize("payload", [b"", b"123", b"12345"])
def test_a_payload_that_is_no_vector_is_refused(payload: bytes) -> None:
    with pytest.raises(RecordUnreadable):
        unpack_vector(payload)


@pytest.mark.parametrize("payload", [b"", b"[1]", b'"x"', b"\xff"])
def test_a_payload_that_is_no_object_is_refused(payload: bytes) -> None:
    with pytest.raises(RecordUnreadable) as refusal:
        unpack_mapping(payload)
    assert refusal.value.fault is Fault.PAYLOAD
