"""A face before the screen answers its colours; a face elsewhere, at another time, does not."""

import itertools
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embeddings.liveness.light import COLOURS_SHOWN, SHARES, SHOWN, Colour, answer, draw
from embeddings.liveness.observation import Tint, tint
from embeddings.liveness.verdict import Outcome
from embeddings.types import Box

RATE, BEGUN = 15, 2.0
MARKS = [BEGUN + SHOWN * number for number in range(COLOURS_SHOWN)]
AT = [number / RATE for number in range(int(RATE * (BEGUN + SHOWN * COLOURS_SHOWN + 1)))]


def lit(shown: tuple[Colour, ...], strength: float, seed: int, delay: float = 0.12) -> list[Tint]:
    """A face in a room, lit by a screen as well, before a camera that drifts and has noise."""
    noise, made = np.random.default_rng(seed), []
    for at in AT:
        place = int((at - delay - BEGUN) / SHOWN)
        screen = SHARES[shown[place]] if at >= BEGUN + delay and place < len(shown) else (0, 0, 0)
        drift = 1 + 0.03 * at * np.array([0.2, 0.0, -0.2])
        face = (np.array([150, 110, 90]) * (1 + strength * np.array(screen)) * drift) + noise.normal(0, 0.5, 3)
        around = (np.array([120, 120, 130]) * (1 + 0.1 * strength * np.array(screen)) * drift) + noise.normal(0, 0.5, 3)
        made.append(Tint(tuple(face.tolist()), tuple(around.tolist())))
    return made


@given(st.integers(0, 10_000), st.floats(0.0, 0.25))
@settings(max_examples=40, deadline=None)
def test_a_face_before_the_screen_answers(seed: int, delay: float) -> None:
    shown = draw(source=random.Random(seed))
    assert all(one is not other for one, other in itertools.pairwise(shown))
    check = answer(AT, lit(shown, 0.08, seed, delay), shown, MARKS)
    assert check.outcome is Outcome.PASSED, check


def test_a_recording_of_another_answer_does_not() -> None:
    source = random.Random(5)
    passes = 0
    for seed in range(200):
        shown, recorded = draw(source=source), draw(source=source)
        passes += answer(AT, lit(recorded, 0.08, seed), shown, MARKS).outcome is Outcome.PASSED
    assert passes <= 6


def test_colours_that_came_late_are_answered_late() -> None:
    """A page marks when it showed each: a slow connection makes them longer."""
    shown = draw(source=random.Random(3))
    lengths = [SHOWN + 0.25 * (number % 3) for number in range(COLOURS_SHOWN)]
    marks = [BEGUN + sum(lengths[:number]) for number in range(COLOURS_SHOWN)]
    at = [number / RATE for number in range(int(RATE * (marks[-1] + 1)))]
    tints = []
    for now in at:
        place = sum(now - 0.1 >= mark for mark in marks) - 1
        screen = SHARES[shown[place]] if place >= 0 else (0, 0, 0)
        face = np.array([150, 110, 90]) * (1 + 0.05 * np.array(screen))
        tints.append(Tint(tuple(face.tolist()), (120.0, 120.0, 130.0)))
    assert answer(at, tints, shown, marks).outcome is Outcome.PASSED
    assert answer(at, tints, shown, MARKS).outcome is Outcome.FAILED


def test_without_light_or_frames_nothing_is_decided() -> None:
    shown = draw(source=random.Random(1))
    assert answer(AT, lit(shown, 0.0, 1), shown, MARKS).outcome is not Outcome.PASSED
    still = [Tint((150.0, 110.0, 90.0), (120.0, 120.0, 130.0))] * len(AT)
    assert answer(AT, still, shown, MARKS).reason == "light_too_weak"
    assert answer(AT[:40], still[:40], shown, MARKS).reason == "too_few_frames"
    assert answer(AT, lit(shown, 0.08, 1), shown, MARKS[:-1]).reason == "light_not_shown"


def test_the_colours_are_those_of_the_face_and_of_the_rest() -> None:
    pixels = np.full((120, 160, 3), (10, 20, 30), np.uint8)
    pixels[40:80, 60:100] = (200, 150, 100)
    seen = tint(pixels, Box(60, 40, 40, 40))
    assert seen is not None
    assert seen.face == pytest.approx((200, 150, 100))
    assert seen.around == pytest.approx((10, 20, 30))
    assert tint(pixels, Box(-100, -100, 500, 500)) is None
