"""The golden vectors of the audit log and of the digests, read by the code and by a second reader written from
docs/format.md alone."""

import hashlib
import hmac
import ipaddress
import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from db.audit_chain import Entry, Head, breaks
from tests.db.make_audit_vectors import FOLDER, cases, digests

FILES = sorted(path for path in FOLDER.glob("*.json") if path.stem != "digests")
OUTCOMES = {"whole", "changed", "missing", "cut"}


def read(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def mac(key: str, message: bytes) -> bytes:
    return hmac.new(bytes.fromhex(key), message, hashlib.sha256).digest()


def second_reader(case: dict[str, Any]) -> tuple[str, int | None]:
    """The first fault and where it is, by the specification."""
    head, entries = case["head"], case["entries"]
    before, expected, last = bytes(32), 1, 0
    for entry in entries:
        number, generation = entry["number"], entry["generation"]
        if number != expected:
            return ("missing" if number > expected else "changed"), number
        message = b"facewarden audit entry 1" + before + number.to_bytes(8, "big") + generation.to_bytes(4, "big")
        at = entry["at"].replace(" ", "T") + "+00:00"
        for part in (at, entry["kind"], entry["person"] or "", entry["details"]):
            message += len(part.encode()).to_bytes(4, "big") + part.encode()
        key = case["keys"].get(str(generation))
        if key is None or mac(key, message).hex() != entry["code"]:
            return "changed", number
        if number == head["number"] and entry["code"] != head["code"]:
            return "changed", number
        before, expected, last = bytes.fromhex(entry["code"]), number + 1, number
    signed = b"facewarden audit head 1" + head["number"].to_bytes(8, "big") + bytes.fromhex(head["code"])
    if last < head["number"] or mac(case["keys"]["1"], signed).hex() != head["proof"]:
        return "cut", last
    return "whole", None


def first_reader(case: dict[str, Any]) -> tuple[str, int | None]:
    """The same by the code; the proof of the head is `AuditLog`'s."""
    keys = {int(generation): bytes.fromhex(key) for generation, key in case["keys"].items()}
    entries = [
        Entry(
            each["number"],
            datetime.fromisoformat(each["at"]).replace(tzinfo=UTC),
            each["kind"],
            each["person"],
            json.loads(each["details"]),
            each["generation"],
            bytes.fromhex(each["code"]),
        )
        for each in case["entries"]
    ]
    head = Head(case["head"]["number"], bytes.fromhex(case["head"]["code"]))
    for finding in breaks(entries, head, keys.__getitem__):
        return finding.fault.value, finding.number
    return "whole", None


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_golden_log(path: Any) -> None:
    case = read(path.stem)
    told = (case["outcome"], case["number"])
    assert second_reader(case) == told
    if path.stem != "head_forged":
        assert first_reader(case) == told


def test_every_outcome_has_a_log_and_the_files_are_what_the_generator_writes() -> None:
    assert {path.stem: read(path.stem) for path in FILES} == cases()
    assert {read(path.stem)["outcome"] for path in FILES} == OUTCOMES
    assert read("digests") == digests()


def test_pseudonyms_and_claims_are_keyed_digests_of_an_id() -> None:
    for case in read("digests")["pseudonym"]:
        message = b"facewarden audit person 1" + UUID(case["user_id"]).bytes
        assert mac(case["secret"], message)[:16].hex() == case["digest"]
    for case in read("digests")["claim"]:
        message = b"facewarden attempt 1 claim " + UUID(case["user_id"]).bytes
        assert mac(case["secret"], message)[:16].hex() == case["digest"]


def test_a_client_is_its_ipv4_address_or_the_first_half_of_its_ipv6_address() -> None:
    for case in read("digests")["client"]:
        try:
            address = ipaddress.ip_address(case["address"])
            packed = address.packed
            if packed[:12] == bytes(10) + b"\xff\xff":
                packed = packed[12:]
            elif len(packed) == 16:
                packed = packed[:8] + bytes(8)
        except ValueError:
            packed = case["address"].encode()
        assert mac(case["secret"], b"facewarden attempt 1 client " + packed)[:16].hex() == case["digest"]


def test_the_other_digests_are_plain() -> None:
    for case in read("digests")["consent"]:
        lines = [f"{use}: {case['texts'][use]}" for use in ("login", "attributes", "overlays") if use in case["texts"]]
        assert hashlib.sha256("\n".join(lines).encode()).hexdigest() == case["digest"]
    for case in read("digests")["recovery"]:
        letters = "".join(each for each in case["code"].upper() if each in "ABCDEFGHJKLMNPQRSTUVWXYZ23456789")
        assert hashlib.sha256(b"facewarden recovery 1 " + letters.encode()).hexdigest() == case["digest"]
