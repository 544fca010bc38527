"""Writes the golden vectors of docs/format.md: one file a case, each failure with one fault.

Run by hand; the files are the reference, a test compares them with the code.
"""

import json
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from db.sealing import Place, SealingKey, _seal_with

FOLDER = Path(__file__).parent / "vectors"
KEY = SealingKey(b"\xaa" * 16, bytes(range(32)))
NONCE = b"\xbb" * 12
ROW = b"\xcc" * 16
PERSON = UUID(bytes=b"\xdd" * 16)
PLACE = Place("template", PERSON, ROW, "m")
PAYLOAD = bytes.fromhex("0000803f000000c0")


def flip(offset: int) -> Callable[[bytes], bytes]:
    return lambda record: bytes([*record[:offset], record[offset] ^ 1, *record[offset:][1:]])


def vector(
    outcome: str, comment: str, *, record: bytes, place: Place = PLACE, key: SealingKey = KEY
) -> dict[str, object]:
    return {
        "comment": comment,
        "outcome": outcome,
        "key_id": key.key_id.hex(),
        "key": key.secret.hex(),
        "kind": place.kind,
        "person": str(place.person),
        "row": place.row.hex(),
        "model": place.model_id,
        "record": record.hex(),
        "payload": PAYLOAD.hex() if outcome == "success" else None,
    }


def cases() -> dict[str, dict[str, object]]:
    good = _seal_with(KEY, PLACE, PAYLOAD, NONCE)
    other_person = Place("template", UUID(int=1), ROW, "m")
    return {
        "success": vector("success", "nothing wrong", record=good),
        "empty": vector("header", "no bytes at all", record=b""),
        "too_short": vector("header", "one byte less than an empty payload needs", record=good[:44]),
        "version_0": vector("header", "version 0", record=b"\0" + good[1:]),
        "version_2": vector("header", "version 2", record=b"\2" + good[1:]),
        "other_key_id": vector("key", "sealed with a key of another name", record=flip(1)(good)),
        "nonce_changed": vector("payload", "one bit of the nonce", record=flip(17)(good)),
        "payload_changed": vector("payload", "one bit of the payload", record=flip(29)(good)),
        "tag_changed": vector("payload", "one bit of the tag", record=flip(len(good) - 1)(good)),
        "cut": vector("payload", "the last byte is missing", record=good[:-1]),
        "longer": vector("payload", "one byte too many", record=good + b"\0"),
        "other_secret": vector("payload", "right name, wrong key", record=good, key=SealingKey(KEY.key_id, bytes(32))),
        "other_person": vector("payload", "somebody else's row", record=good, place=other_person),
        "other_row": vector("payload", "another row", record=good, place=Place("template", PERSON, b"\1" * 16, "m")),
        "other_kind": vector("payload", "another kind", record=good, place=Place("metadata", PERSON, ROW, "m")),
        "other_model": vector("payload", "another model", record=good, place=Place("template", PERSON, ROW, "n")),
        "shorter_row": vector(
            "payload", "the row one byte shorter", record=good, place=Place("template", PERSON, ROW[:15], "m")
        ),
    }


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, case in cases().items():
        (FOLDER / f"{name}.json").write_text(json.dumps(case, indent=2) + "\n", encoding="utf-8")
