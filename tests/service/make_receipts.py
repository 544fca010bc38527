"""Writes the golden vectors of receipts (docs/format.md): one file a case, each failure with one fault.

Run by hand; the files are the reference, a test compares them with the code.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from service.receipts import ErasedPerson, ReceiptKey

FOLDER = Path(__file__).parent / "receipts"
KEY = ReceiptKey(bytes(range(32)))
OTHER = ReceiptKey(bytes(32))
AT = datetime(2026, 11, 21, 8, tzinfo=UTC)
ERASED = [
    ErasedPerson(
        user_id="dddddddd-dddd-4ddd-8ddd-dddddddddddd",
        person="aa" * 16,
        erased_at="2026-11-21T07:59:59.000001+00:00",
        by="self",
        reason='zurückgezogen "\\\n',
        templates=2,
        keys=1,
        entry=7,
        code="cc" * 32,
    ),
    ErasedPerson(
        user_id="eeeeeeee-eeee-4eee-8eee-eeeeeeeeeeee",
        person="bb" * 16,
        erased_at="2026-11-21T07:59:59.000002+00:00",
        by=None,
        reason=None,
        templates=None,
        keys=None,
        entry=8,
        code="dd" * 32,
    ),
]


def text(**changed: Any) -> str:
    told = KEY.sign(ERASED, AT).model_dump() | changed
    return json.dumps({name: value for name, value in told.items() if value is not ...}, ensure_ascii=False)


def vector(outcome: str, comment: str, receipt: str) -> dict[str, str]:
    return {"comment": comment, "outcome": outcome, "key": KEY.public, "receipt": receipt}


def cases() -> dict[str, dict[str, str]]:
    good = text()
    other = OTHER.sign(ERASED, AT)
    first, second = (each.model_dump() for each in ERASED)
    signature = KEY.sign(ERASED, AT).signature
    respelt = signature[:-1] + _next(signature[-1])
    return {
        "success": vector("success", "nothing wrong", good),
        "indented": vector("success", "other spaces and order of members", json.dumps(json.loads(good), indent=2)),
        "empty": vector("unreadable", "no bytes at all", ""),
        "cut": vector("unreadable", "the last character is missing", good[:-1]),
        "twice": vector("unreadable", "a member twice", good[:-1] + ', "format": "facewarden erasure receipt 1"}'),
        "version_2": vector("format", "another version", text(format="facewarden erasure receipt 2")),
        "unsigned": vector("format", "no signature", text(signature=...)),
        "nobody": vector("format", "nobody in it", text(erased=[])),
        "more": vector("format", "a member that is not known", text(more=1)),
        "number_as_text": vector("format", "a number as text", text(erased=[first | {"entry": "7"}, second])),
        "foreign": vector("key", "another installation's", other.model_dump_json()),
        "relabelled": vector("signature", "another's, with this key written in", text(signature=other.signature)),
        "one_left_out": vector("signature", "one person is missing", text(erased=[first])),
        "other_moment": vector("signature", "another moment", text(issued_at="2026-11-21T08:00:00.000001+00:00")),
        "other_person": vector("signature", "another person", text(erased=[first | {"user_id": "dd"}, second])),
        "signature_cut": vector("signature", "the signature is cut", text(signature=signature[:-1])),
        "signature_respelt": vector("signature", "unused bits of it are not zero", text(signature=respelt)),
    }


def _next(letter: str) -> str:
    """The same bits used, another letter: of the last one of 64 bytes four bits are not."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return alphabet[alphabet.index(letter) + 1]


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, case in cases().items():
        (FOLDER / f"{name}.json").write_text(json.dumps(case, indent=2) + "\n", encoding="utf-8")
