"""A claim counts only where the claimed person is clearly the nearest; the work is the same for every claim."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embeddings.captures import Template
from embeddings.dlib_points import DLIB_POINTS
from embeddings.index import Candidate, VectorIndex
from embeddings.lookalike import LEADS, resembles_somebody, verify_apart
from embeddings.matching import Decision, Outcome, verify
from embeddings.operating import Measure, Mode, verification_point
from embeddings.types import FaceVector
from tests.embeddings.vectors import MODEL, at_distance, random_vector

PERSON = random_vector(1)
CLAIMED, OTHER, NOBODY = UUID(int=1), UUID(int=2), UUID(int=3)


class Counted(VectorIndex):
    """An index that notes what it was asked."""

    def __init__(self) -> None:
        super().__init__(MODEL, 128)
        self.asked: list[str] = []

    def search(self, vector: FaceVector, limit: int = 8, worst: float | None = None) -> list[Candidate]:
        self.asked.append(f"search {limit}")
        return super().search(vector, limit, worst)

    def compare(self, probe: FaceVector, template: FaceVector) -> float:
        self.asked.append("compare")
        return super().compare(probe, template)


def gallery(claimed: float, other: float | None = None, *, captures: int = 1, crowd: int = 0) -> Counted:
    index = Counted()
    index.put(CLAIMED, Template(at_distance(PERSON, claimed, seed=5), captures))
    if other is not None:
        index.put(OTHER, Template(at_distance(PERSON, other, seed=6), 1))
    for number in range(crowd):
        index.put(UUID(int=100 + number), Template(random_vector(100 + number), 1))
    return index


def room(distance: float, enrolled: int, captures: int) -> float:
    return verification_point(DLIB_POINTS, Mode(enrolled, captures)).threshold - distance


@given(st.floats(0.05, 0.6), st.floats(0.05, 0.6), st.integers(1, 6), st.integers(1, 3))
def test_the_claimed_person_must_lead_by_the_margin(claimed: float, other: float, enrolled: int, probe: int) -> None:
    own, rival = room(claimed, enrolled, probe), room(other, 1, probe)
    if min(abs(own), abs(rival), abs(own - rival - LEADS[Measure.DISTANCE])) < 1e-5:
        return  # within the rounding of a float32 vector
    decision = verify_apart(gallery(claimed, other, captures=enrolled), CLAIMED, Template(PERSON, probe), DLIB_POINTS)
    if own < 0:
        assert decision == Decision(Outcome.UNKNOWN)
    elif rival > 0 and own - rival < LEADS[Measure.DISTANCE]:
        assert decision == Decision(Outcome.AMBIGUOUS)
    else:
        assert (decision.outcome, decision.key) == (Outcome.ACCEPTED, CLAIMED)


@given(st.floats(0.05, 0.6), st.integers(0, 30))
def test_a_crowd_of_strangers_changes_nothing(claimed: float, crowd: int) -> None:
    index, probe = gallery(claimed, crowd=crowd), Template(PERSON, 1)
    assert verify_apart(index, CLAIMED, probe, DLIB_POINTS) == verify(index, CLAIMED, probe, DLIB_POINTS)


def test_one_of_many_look_alikes_is_refused_wherever_they_stand() -> None:
    index = gallery(0.30)
    for number in range(20):
        index.put(UUID(int=100 + number), Template(at_distance(PERSON, 0.1 + number / 1000, seed=50 + number), 1))
    assert verify_apart(index, CLAIMED, Template(PERSON, 1), DLIB_POINTS) == Decision(Outcome.AMBIGUOUS)


@pytest.mark.parametrize("key", [CLAIMED, OTHER, NOBODY])
@pytest.mark.parametrize("distances", [(0.1, None), (0.3, 0.31), (0.9, 0.1), (0.9, 0.9)])
def test_the_work_is_the_same_for_every_claim(key: UUID, distances: tuple[float, float | None]) -> None:
    index = gallery(*distances)
    verify_apart(index, key, Template(PERSON, 1), DLIB_POINTS)
    assert index.asked == ["compare", "search 8"]


def test_a_newcomer_is_held_against_everybody() -> None:
    index = gallery(0.33, crowd=5)
    assert resembles_somebody(index, Template(PERSON, 1), DLIB_POINTS)
    assert not resembles_somebody(index, Template(PERSON, 1), DLIB_POINTS, fmr=1e-5)
    assert not resembles_somebody(VectorIndex(MODEL, 128), Template(PERSON, 1), DLIB_POINTS)
