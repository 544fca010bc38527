"""The chain of the audit log: each entry carries a code over itself and over the code of the one before.

Whoever changes, removes or moves an entry without the key breaks the chain there; whoever cuts off its end is given
away by the number of entries and the last code, which are kept elsewhere too. docs/format.md has the bytes.
"""

import json
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from db.keys import digest_under

CODE_BYTES: Final = 32
START: Final = bytes(CODE_BYTES)
"""What stands before the first entry."""
PSEUDONYM_BYTES: Final = 16
_ENTRY: Final = b"facewarden audit entry 1"
_PERSON: Final = b"facewarden audit person 1"

Detail = str | int | float | bool | None
KeyOf = Callable[[int], bytes]
"""The secret of a generation; raises KeyError for one that never was."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log. `generation`: of the key that its code was made with. `person`: a pseudonym, hexadecimal.

    `number` counts from 1 without a gap; `details` holds plain values only, never a label or a vector.
    """

    number: int
    at: datetime
    kind: str
    person: str | None
    details: Mapping[str, Detail]
    generation: int
    code: bytes = field(repr=False)


class Break(StrEnum):
    """What is wrong with a log."""

    CHANGED = "changed"
    """The entry, or the one before it, is not what was written; or somebody moved it here."""
    MISSING = "missing"
    """A number is left out."""
    CUT = "cut"
    """The log ends before the last entry that is known to have been written."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`number`: the first entry that does not fit, or the last that is there where the end was cut off."""

    fault: Break
    number: int


@dataclass(frozen=True, slots=True)
class Head:
    """How far the log is known to reach: the number of its last entry (0: none) and that entry's code."""

    number: int = 0
    code: bytes = field(default=START, repr=False)


def pseudonym(secret: bytes, user_id: UUID) -> str:
    """What stands in the log for somebody: the same in every entry, and nothing to whoever has not got the secret."""
    return digest_under(secret, _PERSON + user_id.bytes)[:PSEUDONYM_BYTES].hex()


def code_of(secret: bytes, before: bytes, entry: Entry) -> bytes:
    """HMAC-SHA256 over the domain, the code before, number and generation (64 and 32 bit, big endian), and time, kind,
    person (empty for none) and details (JSON, keys in order, no spaces), each behind its length (32 bit)."""
    parts = (
        entry.at.astimezone(UTC).isoformat(timespec="microseconds").encode(),
        entry.kind.encode(),
        (entry.person or "").encode(),
        canonical(entry.details).encode(),
    )
    framed = b"".join(struct.pack(">I", len(part)) + part for part in parts)
    return digest_under(secret, _ENTRY + before + struct.pack(">QI", entry.number, entry.generation) + framed)


def canonical(details: Mapping[str, Detail]) -> str:
    """Raises ValueError for a number that is not finite."""
    return json.dumps(dict(details), ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def breaks(entries: Iterable[Entry], head: Head, key_of: KeyOf) -> Iterator[Finding]:
    """What is wrong with the log as it is read from its beginning; nothing where it is whole.

    `head`: how far it is known to reach; entries may follow that were written while the head was not. After an entry
    that was tampered with the chain is taken up again, so that every fault shows and not only the first.
    """
    before, expected, seen_head = START, 1, head.number == 0
    last = 0
    for entry in entries:
        if entry.number != expected:
            yield Finding(Break.MISSING if entry.number > expected else Break.CHANGED, entry.number)
        elif not _holds(entry, before, key_of):
            yield Finding(Break.CHANGED, entry.number)
        if entry.number == head.number:
            seen_head = True
            if entry.code != head.code:
                yield Finding(Break.CHANGED, entry.number)
        before, expected, last = entry.code, entry.number + 1, entry.number
    if not seen_head and last < head.number:
        yield Finding(Break.CUT, last)


def _holds(entry: Entry, before: bytes, key_of: KeyOf) -> bool:
    try:
        return code_of(key_of(entry.generation), before, entry) == entry.code
    except KeyError:
        return False
