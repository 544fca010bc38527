"""Writes the golden vectors of the audit log and of the digests beside it: one file a log, each fault alone.

Run by hand; the files are the reference, a test compares them with the code.
"""

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from db.audit import _HEAD
from db.audit_chain import START, Detail, Entry, canonical, code_of, pseudonym
from db.keys import digest_under
from service.consent import ConsentText
from service.factor import digest_of
from service.lockout import Limits, Lockout
from tests.db.make_vectors import FOLDER as RECORDS

FOLDER: Final = RECORDS / "audit"
KEYS: Final = {1: bytes(range(32)), 2: bytes(range(32, 64))}
PEOPLE: Final = b"\xaa" * 32
LOCKOUT: Final = b"\xbb" * 32
PERSON: Final = UUID(bytes=b"\xdd" * 16)
NOON: Final = datetime(2026, 3, 1, 12, 0, 0, 250, tzinfo=UTC)
WRITTEN: Final[Sequence[tuple[str, bool, Mapping[str, Detail], int]]] = (
    ("enrolled", True, {"photos": 2, "model": "m", "flagged": None, "second_factor": True}, 1),
    ("login", True, {"outcome": "accepted", "mode": "1:1", "fmr": 0.0001, "frames": 3, "acr": "photo"}, 1),
    ("audit_key_renewed", False, {"generation": 2}, 2),
    ("login", False, {"outcome": "unknown", "mode": "1:N", "fmr": 1e-05, "frames": 1, "acr": None}, 2),
    ("erased", True, {"by": "self", "reason": "zurückgezogen"}, 2),
)
"""Kind, whether a person, details, generation."""


def log() -> list[Entry]:
    """A whole log of five entries; from the third on with the second key."""
    entries: list[Entry] = []
    before = START
    for number, (kind, about, details, generation) in enumerate(WRITTEN, start=1):
        person = pseudonym(PEOPLE, PERSON) if about else None
        entry = Entry(number, NOON + timedelta(minutes=number), kind, person, details, generation, b"")
        before = code_of(KEYS[generation], before, entry)
        entries.append(replace(entry, code=before))
    return entries


def proof(number: int, code: bytes) -> bytes:
    return digest_under(KEYS[1], _HEAD + struct.pack(">Q", number) + code)


def vector(
    outcome: str, comment: str, entries: Sequence[Entry], *, number: int | None = None, genuine: bool = True
) -> dict[str, Any]:
    """`outcome`: the first fault, `whole` for none; `number`: where. `genuine`: whether the head's proof is."""
    last = log()[-1]
    return {
        "comment": comment,
        "outcome": outcome,
        "number": number,
        "keys": {str(generation): key.hex() for generation, key in KEYS.items()},
        "head": {
            "number": last.number,
            "code": last.code.hex(),
            "proof": proof(last.number if genuine else 0, last.code).hex(),
        },
        "entries": [
            {
                "number": entry.number,
                "at": entry.at.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds"),
                "kind": entry.kind,
                "person": entry.person,
                "details": canonical(entry.details),
                "generation": entry.generation,
                "code": entry.code.hex(),
            }
            for entry in entries
        ],
    }


def cases() -> dict[str, dict[str, Any]]:
    whole = log()
    second = whole[1]

    def with_second(**changed: Any) -> list[Entry]:
        return [whole[0], replace(second, **changed), *whole[2:]]

    moved = [whole[0], replace(whole[2], number=2), replace(second, number=3), *whole[3:]]
    refused = {**second.details, "outcome": "unknown"}
    return {
        "whole": vector("whole", "nothing wrong; the key changes at entry 3", whole),
        "details_changed": vector("changed", "another outcome", with_second(details=refused), number=2),
        "time_changed": vector(
            "changed", "a microsecond later", with_second(at=second.at + timedelta(0, 0, 1)), number=2
        ),
        "kind_changed": vector("changed", "another kind", with_second(kind="recovery"), number=2),
        "person_removed": vector("changed", "nobody's any more", with_second(person=None), number=2),
        "other_generation": vector("changed", "said to be of the other key", with_second(generation=2), number=2),
        "unknown_generation": vector(
            "changed", "said to be of a key that never was", with_second(generation=7), number=2
        ),
        "moved": vector("changed", "entries 2 and 3 in each other's place", moved, number=2),
        "missing": vector("missing", "entry 2 is left out", [whole[0], *whole[2:]], number=3),
        "cut": vector("cut", "the last entry is gone", whole[:-1], number=4),
        "emptied": vector("cut", "every entry is gone", [], number=0),
        "head_forged": vector("cut", "the head's proof is not genuine", whole, number=5, genuine=False),
    }


def digests() -> dict[str, list[dict[str, Any]]]:
    """What other code is made like, with what goes in."""
    lockout = Lockout(LOCKOUT, Limits())
    claim = lockout.attempt(PERSON, None).claim
    clients = ("192.0.2.1", "::ffff:192.0.2.1", "2001:db8:0:1:2:3:4:5", "unix")
    text = ConsentText("7", {"login": "Yes, recognise me.", "overlays": "Draw on me."})
    code = "ABCDE-FGHJK-LMNPQ-RSTUV-WXYZ2-34567"
    return {
        "pseudonym": [{"secret": PEOPLE.hex(), "user_id": str(PERSON), "digest": pseudonym(PEOPLE, PERSON)}],
        "claim": [{"secret": LOCKOUT.hex(), "user_id": str(PERSON), "digest": claim}],
        "client": [
            {"secret": LOCKOUT.hex(), "address": each, "digest": lockout.attempt(None, each).client} for each in clients
        ],
        "consent": [{"texts": dict(text.texts), "digest": text.digest}],
        "recovery": [
            {"code": each, "digest": digest_of(each)} for each in (code, code.replace("-", " ").lower(), code + "!0")
        ],
    }


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, case in {**cases(), "digests": digests()}.items():
        (FOLDER / f"{name}.json").write_text(json.dumps(case, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
