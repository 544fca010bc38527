"""Error rates of tries, and how far so few people carry them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from embeddings.liveness.verdict import Outcome, Verdict
from evaluation.liveness.people import counted

NORMAL_95: Final = 1.959964


@dataclass(frozen=True, slots=True)
class Try:
    """`source`: the film or the picture."""

    source: str
    outcome: Outcome
    reasons: tuple[str, ...]

    @classmethod
    def of(cls, source: str, verdict: Verdict) -> "Try":
        return cls(source, verdict.outcome, verdict.reasons)


def rates(tries: Sequence[Try], who: Mapping[str, str], *, live: bool) -> dict[str, Any]:
    """Of live people the share that did not pass (BPCER, where asking again counts as not passed), of attacks the share
    that passed (APCER). `who`: the person of each source. `ci95`: of as many independent tries as there are people, for
    one person's are not."""
    wrong = [(each.outcome is Outcome.PASSED) is not live for each in tries]
    sources = sorted({each.source for each in tries})
    people = counted(sources, who)
    rate = float(np.mean(wrong)) if wrong else None
    reasons = Counter(reason for each in tries for reason in each.reasons)
    return {
        "rate": rate,
        "n": len(tries),
        "people": people,
        "sources": len(sources),
        "ci95": wilson(rate, people) if rate is not None else None,
        "undecided": sum(each.outcome is Outcome.UNDECIDED for each in tries),
        "reasons": dict(reasons.most_common()),
    }


def wilson(rate: float, count: int) -> list[float]:
    """95 % interval of a share seen in `count` independent trials: Wilson, "Probable Inference", 1927."""
    square = NORMAL_95**2
    middle = (rate + square / (2 * count)) / (1 + square / count)
    half = NORMAL_95 * np.sqrt(rate * (1 - rate) / count + square / (4 * count**2)) / (1 + square / count)
    return [round(max(0.0, float(middle - half)), 4), round(min(1.0, float(middle + half)), 4)]
