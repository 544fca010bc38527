"""What operators see and do besides erasing: the audit log, figures, unlocking."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice, takewhile
from uuid import UUID

from db.audit_chain import Entry
from db.storage import Storage
from service.errors import UnknownUser
from service.lockout import FORGET_AFTER, Lockout
from service.workflows.people import By


@dataclass(frozen=True, slots=True)
class Administer:
    """Needs no model."""

    storage: Storage
    lockout: Lockout

    def log(
        self, after: int, limit: int, user_id: UUID | None = None, kind: str | None = None, before: int | None = None
    ) -> list[Entry]:
        """At most `limit` entries of the tenant behind a number, in their order; only one person's, one kind's or those
        before another number, where it is given."""
        log, tenant = self.storage.audit, self.storage.tenant
        entries = log.entries(after, person=self._pseudonym(user_id), tenant=tenant)
        within = takewhile(lambda each: before is None or each.number < before, entries)
        return list(islice((each for each in within if kind in {None, each.kind}), limit))

    def newest(
        self, before: int | None, limit: int, kind: str | None = None, user_id: UUID | None = None
    ) -> list[Entry]:
        """The same from the end, the newest first."""
        log, tenant = self.storage.audit, self.storage.tenant
        found = log.last(limit, before=before, kind=kind, person=self._pseudonym(user_id), tenant=tenant)
        return found[::-1]

    def _pseudonym(self, user_id: UUID | None) -> str | None:
        return None if user_id is None else self.storage.audit.pseudonym(user_id)

    def stats(self) -> Mapping[str, int]:
        """How many people, how many of them flagged, how many claims and clients wait or are stopped."""
        with self.storage.begin() as work:
            return {
                "people": work.count(),
                "flagged": work.count(flagged=True),
                "failing": work.failures.count(self.lockout.limits.free),
                "stopped": work.failures.count(self.lockout.limits.stop),
                "audit_entries": self.storage.audit.length(self.storage.tenant),
            }

    def unlock(self, user_id: UUID) -> bool:
        """Forgives the failures of a claim; False where there were none."""
        with self.storage.begin() as work:
            work.take_turn()
            found = work.failures.forgive([self.lockout.claim(user_id)]) > 0
            work.note("unlocked", user_id, by=By.OPERATOR.value, had_failures=found)
            work.commit()
        return found

    def clear_flag(self, user_id: UUID, key: str | None) -> bool:
        """Somebody was looked at; False where they were not flagged. `key`: the beginning of the API key it was done
        with. Raises UnknownUser."""
        with self.storage.begin() as work:
            work.take_turn()
            found = work.people(0, 1, among=[user_id])
            if not found:
                raise UnknownUser
            if not found[0].flagged:
                return False
            work.clear_flag(user_id)
            work.note("flag_cleared", user_id, by=By.OPERATOR.value, reason=found[0].flag_reason, key=key)
            work.commit()
        return True

    def tidy(self) -> int:
        """Drops failures that are long past, and mends those that seem to come; how many claims and clients."""
        with self.storage.begin() as work:
            work.failures.restart_future(work.now)
            dropped = work.failures.forget(work.now - FORGET_AFTER)
            work.commit()
        return dropped
