"""Receipts for people who were erased, made from the audit log: so they can be had at any time, from then on."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from db.audit_chain import Detail, Entry
from db.storage import Storage
from service.errors import NotErased
from service.receipts import ErasedPerson, Receipt, ReceiptKey

LEFT_OUT = "restore"
"""A restore left these rows out since they could not be opened; no key was destroyed."""


@dataclass(frozen=True, slots=True)
class Receipts:
    """Needs no model."""

    storage: Storage
    key: ReceiptKey

    def issue(self, user_ids: Collection[UUID]) -> Receipt:
        """One receipt for all of them, signed now. Raises NotErased where the log does not say so of each."""
        with self.storage.begin() as work:
            if work.user_ids() & set(user_ids):
                raise NotErased
        return self.key.sign([self._erased(user_id) for user_id in user_ids], self.storage.now())

    def _erased(self, user_id: UUID) -> ErasedPerson:
        entries = self.storage.audit.entries(person=self.storage.audit.pseudonym(user_id))
        found = [each for each in entries if each.kind == "erased" and each.details.get("by") != LEFT_OUT]
        if not found:
            raise NotErased
        entry = found[-1]
        return ErasedPerson(
            user_id=str(user_id),
            person=entry.person or "",
            erased_at=entry.at.isoformat(timespec="microseconds"),
            by=_text(entry, "by"),
            reason=_text(entry, "reason"),
            templates=_number(entry, "templates"),
            keys=_number(entry, "keys"),
            entry=entry.number,
            code=entry.code.hex(),
        )


def _text(entry: Entry, name: str) -> str | None:
    value: Detail = entry.details.get(name)
    return value if isinstance(value, str) else None


def _number(entry: Entry, name: str) -> int | None:
    value: Detail = entry.details.get(name)
    return value if isinstance(value, int) else None
