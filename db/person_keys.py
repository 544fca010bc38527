"""The keys of one person: one, or two while the first is being replaced."""

from dataclasses import dataclass

from db.errors import Fault, RecordUnreadable
from db.sealing import Place, SealingKey, key_id_of, open_record


@dataclass(frozen=True, slots=True)
class PersonKeys:
    """`current` opens what is there; `successor`, where there is one, is what takes its place."""

    current: SealingKey
    successor: SealingKey | None = None

    def holding(self, record: bytes) -> SealingKey:
        """The key that a record names. Raises RecordUnreadable where it is none of these, or this is no record."""
        named = key_id_of(record)
        for key in (self.current, self.successor):
            if key is not None and key.key_id == named:
                return key
        raise RecordUnreadable(Fault.KEY)

    def open(self, place: Place, record: bytes) -> bytes:
        """The payload. Raises RecordUnreadable."""
        return open_record(self.holding(record), place, record)
