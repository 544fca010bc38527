"""The index is exact and forgets; the decision is strict and says nothing about distances."""

import itertools
import re
import threading
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embeddings.captures import Template, average
from embeddings.dlib_points import DLIB_POINTS
from embeddings.index import VectorIndex
from embeddings.matching import AMBIGUITY_MARGIN, Decision, Outcome, identify, verify
from embeddings.operating import CARRIED, GalleryTooLarge, Mode, identification_point, verification_point
from embeddings.types import FaceVector
from tests.embeddings.vectors import MODEL, at_distance, random_vector

PERSON = random_vector(1)


def key(number: int) -> UUID:
    return UUID(int=number + 1)


def gallery(*templates: Template) -> VectorIndex:
    index = VectorIndex(MODEL, 128)
    for number, template in enumerate(templates):
        index.put(key(number), template)
    return index


def near(distance: float, captures: int = 1, seed: int = 5) -> Template:
    return Template(at_distance(PERSON, distance, seed), captures)


class Brute:
    """The index as a dictionary, to hold the real one against."""

    def __init__(self) -> None:
        self.templates: dict[UUID, Template] = {}

    def nearest(self, vector: FaceVector, limit: int) -> list[float]:
        return sorted(template.vector.distance(vector) for template in self.templates.values())[:limit]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["put", "remove"]), st.integers(0, 25), st.integers(0, 9))), st.integers(1, 9)
)
def test_search_equals_comparing_with_everybody(steps: list[tuple[str, int, int]], limit: int) -> None:
    index, brute = VectorIndex(MODEL, 128), Brute()
    for action, number, seed in steps:
        if action == "put":
            template = Template(at_distance(PERSON, 0.05 + 0.1 * seed, number), seed + 1)
            index.put(key(number), template)
            brute.templates[key(number)] = template
        else:
            assert index.remove(key(number)) == (brute.templates.pop(key(number), None) is not None)
    found = index.search(PERSON, limit)
    assert len(index) == len(brute.templates)
    assert [candidate.distance for candidate in found] == pytest.approx(brute.nearest(PERSON, limit), abs=1e-12)
    for candidate in found:
        assert candidate.captures == brute.templates[candidate.key].captures
        assert candidate.distance == pytest.approx(brute.templates[candidate.key].vector.distance(PERSON), abs=1e-12)
    for number in range(26):
        assert (key(number) in index) == (key(number) in brute.templates)


def test_search_is_exact_where_float32_cannot_tell_them_apart() -> None:
    close = [at_distance(PERSON, 0.3 + step * 2e-7, seed=9) for step in range(40)]
    order = np.random.default_rng(0).permutation(40)
    index = gallery(*(Template(close[i], 1) for i in order))
    found = index.search(PERSON, 5)
    nearest = sorted(range(40), key=lambda i: close[order[i]].distance(PERSON))[:5]
    assert [candidate.key for candidate in found] == [key(number) for number in nearest]


def test_get_gives_a_copy() -> None:
    index = gallery(near(0.2, captures=3))
    template = index.get(key(0))
    assert template is not None
    assert template.captures == 3
    template.vector.values[:] = 0
    assert index.search(PERSON)[0].distance == pytest.approx(0.2, abs=1e-6)
    assert index.get(key(7)) is None


def test_vectors_of_another_model_are_refused() -> None:
    index = gallery(near(0.2))
    other = random_vector(2, model_id="another-model")
    short = random_vector(2, dimension=64)
    for vector in (other, short):
        with pytest.raises(ValueError, match="another model"):
            index.put(key(1), Template(vector, 1))
        with pytest.raises(ValueError, match="another model"):
            index.search(vector)
    with pytest.raises(ValueError, match="another model"):
        identify(index, Template(other, 1), DLIB_POINTS)
    with pytest.raises(ValueError, match="cannot be compared"):
        verify(index, key(0), Template(other, 1), DLIB_POINTS)


def test_threads_share_an_index() -> None:
    index = gallery(near(0.2))
    wrong: list[str] = []

    def change(worker: int) -> None:
        for step in range(60):
            number = 1 + worker * 100 + step
            index.put(key(number), Template(random_vector(1000 + number), 1))
            if index.search(PERSON, 1)[0].key != key(0):
                wrong.append("the nearest was lost")
            if step % 2 and not index.remove(key(number)):
                wrong.append("a person was lost")

    threads = [threading.Thread(target=change, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(index) == 1 + 4 * 30


@pytest.mark.parametrize("captures", [1, 2, 3])
def test_verification_accepts_up_to_the_threshold_of_the_mode(captures: int) -> None:
    probe, limit = Template(PERSON, 1), verification_point(DLIB_POINTS, Mode(captures, 1)).threshold
    inside = verify(gallery(near(limit - 0.001, captures)), key(0), probe, DLIB_POINTS)
    outside = verify(gallery(near(limit + 0.001, captures)), key(0), probe, DLIB_POINTS)
    assert (inside.outcome, inside.key) == (Outcome.ACCEPTED, key(0))
    assert inside.point is not None
    assert (inside.point.mode, inside.point.fmr) == (Mode(captures, 1), 1e-4)
    assert outside == Decision(Outcome.UNKNOWN)


def test_the_captures_of_the_probe_make_it_stricter() -> None:
    index = gallery(near(0.30, captures=3))
    assert verify(index, key(0), Template(PERSON, 1), DLIB_POINTS).accepted
    assert not verify(index, key(0), Template(PERSON, 2), DLIB_POINTS).accepted


def test_an_unknown_claim_is_answered_like_a_wrong_one() -> None:
    index = gallery(near(0.9))
    probe = Template(PERSON, 1)
    assert verify(index, key(5), probe, DLIB_POINTS) == verify(index, key(0), probe, DLIB_POINTS)


def test_even_the_decoy_itself_is_not_accepted() -> None:
    index = VectorIndex(MODEL, 128)
    values = np.random.default_rng(20_260_101).standard_normal(128)
    decoy = FaceVector((values / np.linalg.norm(values)).astype(np.float32), MODEL)
    assert verify(index, key(0), Template(decoy, 1), DLIB_POINTS) == Decision(Outcome.UNKNOWN)


def test_identification_is_stricter_in_a_larger_gallery() -> None:
    strangers = [Template(random_vector(seed), 1) for seed in range(100, 199)]
    probe = Template(PERSON, 1)
    limit = identification_point(DLIB_POINTS, Mode(1, 1), 100).threshold
    assert identify(gallery(near(0.36)), probe, DLIB_POINTS).accepted
    assert not identify(gallery(near(0.36), *strangers[:9]), probe, DLIB_POINTS).accepted
    assert identify(gallery(near(limit - 0.001), *strangers), probe, DLIB_POINTS).key == key(0)
    assert identify(gallery(near(limit + 0.001), *strangers), probe, DLIB_POINTS) == Decision(Outcome.UNKNOWN)
    with pytest.raises(GalleryTooLarge):
        identify(gallery(near(0.1), *strangers, Template(random_vector(7), 1)), probe, DLIB_POINTS)


def test_captures_are_left_out_where_too_few_impostors_carry_the_threshold() -> None:
    strangers = [Template(random_vector(seed), 1) for seed in range(100, 198)]
    index = gallery(near(0.1), Template(random_vector(7), 5), *strangers)
    photos = [at_distance(PERSON, 0.2, seed) for seed in range(3)]
    probe = average(photos, [0, 1, 2])
    with pytest.raises(GalleryTooLarge):
        identify(index, Template(probe.vector, 3), DLIB_POINTS)
    decision = identify(index, probe, DLIB_POINTS)
    assert decision.key == key(0)
    assert decision.point is not None
    assert decision.point.mode.captures == 2
    assert decision.point.impostor_events is not None
    assert decision.point.impostor_events >= CARRIED
    with pytest.raises(GalleryTooLarge):
        identify(gallery(near(0.1), *strangers, *strangers[:2]), probe, DLIB_POINTS)


def test_nobody_is_known_to_an_empty_gallery() -> None:
    assert identify(VectorIndex(MODEL, 128), Template(PERSON, 1), DLIB_POINTS) == Decision(Outcome.UNKNOWN)


def test_each_person_is_judged_by_their_own_captures() -> None:
    assert identify(gallery(near(0.36, captures=1)), Template(PERSON, 1), DLIB_POINTS).accepted
    assert not identify(gallery(near(0.36, captures=3)), Template(PERSON, 1), DLIB_POINTS).accepted


@given(st.floats(0.05, 0.7), st.floats(0.05, 0.7), st.integers(1, 6), st.integers(1, 6))
def test_two_people_within_the_margin_are_ambiguous(one: float, other: float, first: int, second: int) -> None:
    index = gallery(near(one, first, seed=5), near(other, second, seed=6))
    room = [
        identification_point(DLIB_POINTS, Mode(captures, 1), 2).threshold - distance
        for captures, distance in ((first, one), (second, other))
    ]
    if min(abs(room[0]), abs(room[1]), abs(abs(room[0] - room[1]) - AMBIGUITY_MARGIN)) < 1e-5:
        return  # within the rounding of a float32 vector
    decision = identify(index, Template(PERSON, 1), DLIB_POINTS)
    if max(room) < 0:
        assert decision == Decision(Outcome.UNKNOWN)
    elif min(room) > 0 and abs(room[0] - room[1]) < AMBIGUITY_MARGIN:
        assert decision == Decision(Outcome.AMBIGUOUS)
    else:
        assert decision.accepted
        assert decision.key == key(room.index(max(room)))


def test_no_distance_is_shown() -> None:
    index = gallery(near(0.2718))
    decision = identify(index, Template(PERSON, 1), DLIB_POINTS)
    shown = "".join(map(repr, itertools.chain([decision, index], index.search(PERSON))))
    assert not re.search(r"0\.27[12]", shown)


def test_a_search_for_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        gallery(near(0.2)).search(PERSON, 0)
