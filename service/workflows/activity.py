"""What happened lately, counted from the audit log."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from db.audit_chain import Detail
from db.storage import Storage

KINDS: Final = ("login", "recovery", "enrolled", "erased")


class Span(StrEnum):
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


STEPS: Final = {
    Span.DAY: (timedelta(hours=1), 24),
    Span.WEEK: (timedelta(hours=6), 28),
    Span.MONTH: (timedelta(days=1), 30),
}
"""How long each step is, whole hours, and how many there are; steps begin at multiples of their length (UTC)."""


@dataclass(frozen=True, slots=True)
class Count:
    """Entries alike within the step that begins `at`. `mode` (1:1, 1:N) of logins; `outcome` of logins and recoveries
    (the true one), and for people erased, by whom."""

    at: datetime
    kind: str
    mode: str | None
    outcome: str | None
    count: int


@dataclass(frozen=True, slots=True)
class Activity:
    """`since`: when the first of the steps begins."""

    since: datetime
    step: timedelta
    steps: int
    counts: Sequence[Count]


def activity(storage: Storage, span: Span) -> Activity:
    """Of the tenant of `storage`; the last step is the one that has just begun."""
    step, steps = STEPS[span]
    since = _begins(storage.now(), step) - step * (steps - 1)
    found: Counter[tuple[datetime, str, str | None, str | None]] = Counter()
    for each in storage.audit.tally(since, KINDS, storage.tenant):
        outcome = each.details.get("by" if each.kind == "erased" else "outcome")
        found[_begins(each.at, step), each.kind, _text(each.details.get("mode")), _text(outcome)] += each.count
    counts = [Count(*which, count) for which, count in sorted(found.items(), key=lambda item: str(item[0]))]
    return Activity(since, step, steps, counts)


def _begins(moment: datetime, step: timedelta) -> datetime:
    """The step that a moment lies in."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return epoch + (moment - epoch) // step * step


def _text(value: Detail) -> str | None:
    return value if isinstance(value, str) else None
