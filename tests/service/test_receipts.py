"""Receipts: the golden vectors, read by the code and by a second reader written from docs/format.md alone; issuing."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from db.storage import Storage
from service.bootstrap import receipts
from service.errors import NotErased
from service.receipts import Fault, ReceiptRefused, public_bytes, verify
from tests.db.people import Clock, enrol, open_in
from tests.service.make_receipts import AT, ERASED, FOLDER, KEY, cases

FILES = sorted(FOLDER.glob("*.json"))
GOOD = KEY.sign(ERASED, AT).model_dump_json().encode()
TYPES = {
    "user_id": str, "person": str, "erased_at": str, "by": str | None, "reason": str | None,
    "templates": int | None, "keys": int | None, "entry": int, "code": str,
}  # fmt: skip


def read(path: Path) -> dict[str, str]:
    loaded: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def second_reader(case: dict[str, str]) -> str:
    """The outcome, by the specification."""
    told = _read_strictly(case["receipt"])
    if told is None:
        return "unreadable"
    if not _is_a_receipt(told):
        return "format"
    if told["key"] != case["key"]:
        return "key"
    return "success" if _is_signed(told, case["key"]) else "signature"


def _read_strictly(text: str) -> Any:
    twice: list[str] = []

    def members(pairs: list[tuple[str, object]]) -> dict[str, object]:
        twice.extend(name for name, _ in pairs if [one for one, _ in pairs].count(name) > 1)
        return dict(pairs)

    try:
        told = json.loads(text, object_pairs_hook=members)
    except ValueError:
        return None
    return None if twice else told


def _is_a_receipt(told: Any) -> bool:
    if set(told) != {"format", "issued_at", "key", "erased", "signature"} or not told["erased"]:
        return False
    people = (set(one) == set(TYPES) and all(isinstance(one[n], t) for n, t in TYPES.items()) for one in told["erased"])
    return bool(told["format"] == "facewarden erasure receipt 1") and all(people)


def _is_signed(told: Any, key: str) -> bool:
    unsigned = {name: value for name, value in told.items() if name != "signature"}
    signed = json.dumps(unsigned, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    try:
        signature = base64.urlsafe_b64decode(told["signature"] + "==")
        Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(key + "=")).verify(signature, signed)
    except (InvalidSignature, ValueError):
        return False
    return bool(base64.urlsafe_b64encode(signature).decode().rstrip("=") == told["signature"])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_golden_vector(path: Path) -> None:
    case = read(path)
    try:
        outcome = "success"
        assert verify(case["receipt"].encode(), case["key"]).erased == ERASED
    except ReceiptRefused as refusal:
        outcome = refusal.fault.value
    assert outcome == case["outcome"] == second_reader(case)


def test_the_files_are_what_the_generator_writes_and_every_fault_has_one() -> None:
    assert {path.stem: read(path) for path in FILES} == cases()
    assert {case["outcome"] for case in cases().values()} == {"success", *Fault}


@given(place=st.integers(0, len(GOOD) * 8 - 1))
def test_any_changed_bit_is_refused(place: int) -> None:
    changed = bytearray(GOOD)
    changed[place // 8] ^= 1 << place % 8
    with pytest.raises(ReceiptRefused):
        verify(bytes(changed), KEY.public)


@given(length=st.integers(0, len(GOOD) - 1))
def test_any_cut_is_refused_and_said(length: int) -> None:
    with pytest.raises(ReceiptRefused, match="cut off") as refusal:
        verify(GOOD[:length], KEY.public)
    assert refusal.value.fault is Fault.UNREADABLE


@pytest.mark.parametrize("key", ["", "x", KEY.public[:-1], KEY.public + "A", KEY.public[:-1] + "*", "é" * 43])
def test_what_is_no_public_key_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match=r"base64|key|ascii|padding|ASCII"):
        public_bytes(key)


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    opened = open_in(tmp_path, Clock())
    yield opened
    opened.close()


def test_a_receipt_says_what_the_audit_log_says(storage: Storage) -> None:
    one, other = enrol(storage, templates=3), enrol(storage)
    storage.erase([one, other], by="operator", reason="asked for")
    receipt = receipts(storage).issue([one, other])
    assert verify(receipt.model_dump_json().encode(), receipts(storage).key.public) == receipt
    entries = list(storage.audit.entries())
    assert [(each.entry, each.code, each.person) for each in receipt.erased] == [
        (entry.number, entry.code.hex(), storage.audit.pseudonym(user_id))
        for entry, user_id in zip(entries, (one, other), strict=True)
    ]
    assert [(each.user_id, each.templates, each.keys) for each in receipt.erased] == [
        (str(one), 3, 1),
        (str(other), 1, 1),
    ]
    assert {(each.by, each.reason) for each in receipt.erased} == {("operator", "asked for")}


def test_an_erasure_that_was_cut_in_two_has_one_too(storage: Storage) -> None:
    gone = enrol(storage)
    storage._keystore.destroy([gone], erased_at=storage.now())
    with pytest.raises(NotErased):
        receipts(storage).issue([gone])
    storage.sweep()
    (erased,) = receipts(storage).issue([gone]).erased
    assert (erased.by, erased.templates, erased.keys) == ("sweep", 1, 0)


def test_a_key_that_was_about_to_follow_counts(storage: Storage) -> None:
    gone = enrol(storage)
    storage._keystore.begin_successor(gone)
    storage.erase([gone])
    (erased,) = receipts(storage).issue([gone]).erased
    assert (erased.by, erased.keys) == (None, 2)


def test_nobody_gets_one_who_is_there_or_never_was_or_was_left_out(storage: Storage) -> None:
    stays, left_out, gone = enrol(storage), enrol(storage), enrol(storage)
    storage.erase([gone])
    storage.leave_out([left_out])
    for someone in (stays, left_out, uuid4()):
        with pytest.raises(NotErased):
            receipts(storage).issue([gone, someone])
