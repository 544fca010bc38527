"""The screen's colours as the service tells them: one by one, to one face of the same person, or not at all."""

import itertools
from collections.abc import Callable
from dataclasses import replace

import pytest

from embeddings.liveness.light import COLOURS_SHOWN, SHARES, SHOWN
from embeddings.liveness.observation import Look, Observation, Tint
from embeddings.liveness.verdict import Check, Outcome
from service.liveness.lights import Lights
from tests.embeddings.traces import RATE
from tests.embeddings.vectors import random_vector
from tests.evaluation.test_liveness import observed

LIMIT = 0.46


def look(number: int) -> Look:
    seen = observed(number, 0.0, 0.0, 1.3).look
    assert seen is not None
    return seen


def watched(lights: Lights, change: Callable[[int, Observation], Observation], late: int = 0) -> Check:
    """A face that answers, each frame of which may be changed; the page is `late` by so many frames."""
    lights.begin(0.0, LIMIT, [look(0)])
    told: list[int] = []
    for number in range(1, 40 * RATE):
        told.append(lights.number)
        lit = told[max(0, len(told) - 1 - late)]
        own = look(number)
        red, green, blue = (
            own * (1 + 0.05 * share) for own, share in zip((150, 110, 90), SHARES[lights.colours[lit]], strict=True)
        )
        seen = replace(
            observed(number, 0.0, 0.0, 1.3), look=replace(own, tint=Tint((red, green, blue), (120, 120, 130)))
        )
        lights.feed(change(number, seen), lit)
        if lights.over:
            break
    assert lights.over
    return lights.check()


@pytest.mark.parametrize("late", [0, 3, 10])
def test_a_face_that_answers_passes_however_slow_the_page_is(late: int) -> None:
    lights = Lights()
    assert watched(lights, lambda _, seen: seen, late).outcome is Outcome.PASSED
    assert lights.number == COLOURS_SHOWN - 1


def test_no_colour_is_told_before_the_one_before_it_was_shown() -> None:
    lights = Lights()
    lights.begin(0.0, LIMIT, [look(0)])
    changes = []
    for number in range(1, 200):
        before = lights.number
        lights.feed(observed(number, 0.0, 0.0, 1.3), lights.number if number > 20 else 7)
        if lights.number != before:
            changes.append(number / RATE)
    assert changes[0] >= 21 / RATE + SHOWN - 1e-6
    assert min(two - one for one, two in itertools.pairwise(changes)) >= SHOWN - 1e-6


def test_a_page_that_shows_nothing_comes_to_an_end() -> None:
    lights = Lights()
    lights.begin(0.0, LIMIT, [look(0)])
    for number in range(1, 200):
        lights.feed(observed(number, 0.0, 0.0, 1.3), None)
    assert lights.over
    assert lights.check().reason == "light_not_shown"


def test_somebody_else_a_second_face_and_a_gap_do_not_pass() -> None:
    def other(number: int, seen: Observation) -> Observation:
        assert seen.look is not None
        vector = random_vector(9) if number > 30 and seen.look.vector is not None else seen.look.vector
        return replace(seen, look=replace(seen.look, vector=vector))

    assert watched(Lights(), other).reason == "another_person"
    assert watched(Lights(), lambda number, seen: replace(seen, others=number > 40)).reason == "several_faces"
    gone = range(40, 40 + RATE)
    missing = watched(Lights(), lambda number, seen: replace(seen, look=None) if number in gone else seen)
    assert (missing.outcome, missing.reason) == (Outcome.UNDECIDED, "face_not_recognised")
