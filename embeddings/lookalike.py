"""People who look alike: a claim counts only where the claimed person is clearly the nearest of all enrolled.

A threshold speaks of strangers; twins and relatives pass it far more often. Where somebody else enrolled would pass
as well, and the claimed person does not lead by a margin, the claim is refused: the probe may be of either. That holds
for several captures as for one: they do not tell twins apart, they only let the right person lead more often.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from embeddings.captures import Template
from embeddings.index import Candidate, VectorIndex
from embeddings.matching import Decision, Outcome, loosest, verify
from embeddings.operating import VERIFICATION_FMR, Measure, Mode, OperatingPoint, of_measure, verification_point

LEADS: Final = {Measure.DISTANCE: 0.02, Measure.SCORE: 0.01}
"""How much more room than anybody else's the claimed person needs.

By score, 1:1, with 1,000 people of LFW enrolled it refuses 8 in 1,000 genuine claims (with 100 people 1) and stops 96
in 100 false ones by other people enrolled; twice the margin refuses twice as many and stops half a per cent more.
"""
NEIGHBOURS: Final = 8
"""How many of the nearest people are looked at: who is not among them is not the nearest."""


def verify_apart(
    index: VectorIndex, key: UUID, probe: Template, points: Sequence[OperatingPoint], fmr: float = VERIFICATION_FMR
) -> Decision:
    """One against one, guarded: AMBIGUOUS where `verify` accepts and somebody else is as near within the margin.

    The search and the comparison run whatever the key and whatever `verify` says, so that a refusal of any kind
    takes the same time.
    """
    decision = verify(index, key, probe, points, fmr)
    lead = _lead(index, key, probe, points, fmr)
    if decision.accepted and lead < LEADS[index.comparison.measure]:
        return Decision(Outcome.AMBIGUOUS, band=decision.band)
    return decision


def resembles_somebody(
    index: VectorIndex,
    enrolled: Template,
    points: Sequence[OperatingPoint],
    fmr: float = VERIFICATION_FMR,
    *,
    besides: UUID | None = None,
) -> bool:
    """Whether a person about to be enrolled would pass as somebody in the index at the verification point; as
    somebody `besides` themselves, where they are in it."""
    return any(room >= 0 and candidate.key != besides for room, candidate in _rooms(index, enrolled, points, fmr))


def _lead(index: VectorIndex, key: UUID, probe: Template, points: Sequence[OperatingPoint], fmr: float) -> float:
    """How much more room the claimed person has than the best of the others who pass; infinite without any."""
    own, best = -float("inf"), -float("inf")
    for room, candidate in _rooms(index, probe, points, fmr):
        if candidate.key == key:
            own = room
        elif room >= 0:
            best = max(best, room)
    return float("inf") if best < 0 else own - best


def _rooms(
    index: VectorIndex, probe: Template, points: Sequence[OperatingPoint], fmr: float
) -> list[tuple[float, Candidate]]:
    """The nearest of those who pass at some number of captures, each with the room beyond the threshold of their own
    number."""
    measured = of_measure(points, index.comparison.measure)
    modes = [Mode(captures, probe.captures) for captures in sorted(index.captures() or {1})]
    worst = loosest(verification_point(measured, mode, fmr) for mode in modes).threshold
    return [
        (verification_point(measured, Mode(candidate.captures, probe.captures), fmr).room(candidate.value), candidate)
        for candidate in index.search(probe.vector, NEIGHBOURS, worst)
    ]
