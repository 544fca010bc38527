"""Recovery without a face: a code told at enrolment opens the record once, and is replaced by the next."""

from dataclasses import dataclass, field
from uuid import UUID

from db.details import RECOVERY
from db.errors import RecordUnreadable
from db.storage import Storage
from service import factor
from service.errors import NotRecognised
from service.lockout import Evidence, Lockout
from service.tokens import ACR_RECOVERY, Issued, Tokens
from service.workflows.me import new_recovery_code


@dataclass(frozen=True, slots=True)
class Recovered:
    """A token, and the code for the next time."""

    issued: Issued
    recovery_code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Recover:
    """Its failures count like those of a login."""

    storage: Storage
    tokens: Tokens
    lockout: Lockout

    def __call__(self, user_id: UUID, code: str, client: str | None) -> Recovered:
        """Raises Locked or, whatever the reason, NotRecognised. A stop does not bind it: this is another factor."""
        attempt = self.lockout.attempt(user_id, client)
        with self.storage.begin() as work:
            work.take_turn()
            self.lockout.check(work, attempt, Evidence.RECOVERY)
            kept, outcome = None, "unknown"
            try:
                kept = work.details.get(user_id, RECOVERY)
            except RecordUnreadable:
                outcome = RecordUnreadable.code
            known = factor.same_code(kept["sha256"] if kept is not None else "", code)
            if known:
                self.lockout.succeeded(work, attempt, user_id)
                fresh = new_recovery_code(work, user_id)
                work.logged_in(user_id)
            else:
                self.lockout.failed(work, attempt)
            work.note("recovery", user_id, outcome="accepted" if known else outcome)
            work.commit()
        if not known:
            raise NotRecognised
        return Recovered(self.tokens.issue(user_id, ACR_RECOVERY), fresh)
