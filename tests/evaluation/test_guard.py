"""What is measured is what the service decides."""

from uuid import UUID

import numpy as np
import pytest

from embeddings.captures import Template, average
from embeddings.comparison import ByDistance
from embeddings.embed import ModelSpec
from embeddings.index import VectorIndex
from embeddings.lookalike import LEADS, verify_apart
from embeddings.matching import Outcome
from embeddings.operating import Measure, Mode, OperatingPoint
from embeddings.types import FaceVector
from evaluation.faces import Faces
from evaluation.guard import claims, guard_rates, stopped
from tests.evaluation.people import crowd

POINTS = tuple(
    OperatingPoint(Mode(enrolled, 1), 1e-4, 0.1, threshold, 50, "nobody")
    for enrolled, threshold in ((1, 0.95), (2, 0.9), (3, 0.85))
)
SPEC = ModelSpec("nobody", 4, POINTS, ByDistance())


def uneven() -> Faces:
    """Half of the people have as many pictures as are enrolled, and enrol fewer."""
    faces = crowd(people=16, each=4, dimension=4, spread=0.5)
    kept = [row for row in range(64) if (row // 4) % 2 or row % 4 < 2]
    people, files = (tuple(each[row] for row in kept) for each in (faces.people, faces.files))
    return Faces(faces.vectors[kept], people, files, 0, {})


def test_every_claim_is_decided_as_by_the_service() -> None:
    faces = uneven()
    found = claims(faces, SPEC, Mode(3, 1))
    held = stopped(found.room, LEADS[Measure.DISTANCE])
    index, names = VectorIndex("nobody", 4), sorted(set(faces.people))
    probes = []
    for number, name in enumerate(names):
        rows = [FaceVector(faces.vectors[row], "nobody") for row, its in enumerate(faces.people) if its == name]
        kept = min(3, len(rows) - 1)
        index.put(UUID(int=number), average(rows[:kept], range(kept)))
        probes += rows[kept:]
    outcomes = set()
    for row, probe in enumerate(probes):
        for number in range(len(names)):
            decision = verify_apart(index, UUID(int=number), Template(probe, 1), POINTS)
            expected = Outcome.AMBIGUOUS if held[row, number] else Outcome.ACCEPTED
            assert decision.outcome is (expected if found.room[row, number] >= 0 else Outcome.UNKNOWN)
            outcomes.add(decision.outcome)
    assert outcomes == set(Outcome)


def test_rates_over_a_gallery_of_everybody_are_counted_by_hand() -> None:
    found = claims(uneven(), SPEC, Mode(3, 1))
    everybody = guard_rates(found, 16, 0.02, draws=1)
    own = found.room[np.arange(len(found.own)), found.own]
    assert everybody.genuine == len(found.own) == 16
    assert everybody.fnmr == pytest.approx((own < 0).mean())
    assert everybody.enrolled == (found.room >= 0).sum() - (own >= 0).sum()
    assert everybody.strangers == 0
    half = guard_rates(found, 8, 0.02)
    assert half.strangers > half.enrolled * 0.1
    assert guard_rates(found, 16, 0.3, draws=1).cost >= everybody.cost
    with pytest.raises(ValueError, match="larger"):
        guard_rates(found, 17, 0.02)
