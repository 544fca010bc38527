"""A lit film is lit as it is said to be, and only the sequence that lit it is answered."""

import random

import numpy as np
import pytest

from embeddings.liveness.light import SHOWN, Colour, draw
from embeddings.liveness.observation import tint
from embeddings.liveness.verdict import Outcome
from embeddings.types import Box
from evaluation.liveness.lit import LASTS, RATES, Lit, _another, _as_it_is, _marks, _played, _relit
from evaluation.liveness.relight import BEHIND, Room

BOX = Box(60, 30, 60, 70)
NOBODY = np.full((120, 180, 3), (120, 120, 130), np.uint8)


def film(length: int = 30) -> Lit:
    noise = np.random.default_rng(4)
    pictures = []
    for _ in range(length):
        pixels = NOBODY.copy()
        pixels[30:100, 60:120] = (160, 120, 100)
        pixels = np.clip(pixels + noise.normal(0, 2, pixels.shape), 0, 255).astype(np.uint8)
        seen = tint(pixels, BOX)
        assert seen is not None
        pictures.append((pixels, BOX, seen))
    return Lit("somebody", 25.0, tuple(pictures))


def test_the_face_is_lit_after_a_moment_and_what_is_behind_it_little() -> None:
    room = Room((Colour.RED, Colour.BLUE), 0.2, 0.1, np.random.default_rng(1))
    pixels = film().pictures[0][0]
    before, red, blue = (tint(room.film(pixels, BOX, at), BOX) for at in (0.0, 0.2, 0.2 + SHOWN))
    assert before is not None and red is not None and blue is not None  # noqa: PT018
    assert red.face[0] / before.face[0] == pytest.approx(1.2 ** (1 / 2.4), abs=0.05)  # sRGB about this light
    assert blue.face[2] / before.face[2] > 1.03
    assert 1 < red.around[0] / before.around[0] < 1 + 0.2 * BEHIND + 0.02


def test_one_who_is_lit_is_found_and_a_film_or_another_answer_is_not() -> None:
    lit = film()
    assert {_relit(lit, random.Random(seed), 0.1).outcome for seed in range(5)} == {Outcome.PASSED}
    assert Outcome.PASSED not in {_relit(lit, random.Random(seed), 0.0).outcome for seed in range(5)}
    assert Outcome.PASSED not in {_as_it_is(lit, random.Random(seed)).outcome for seed in range(100)}
    assert [_another(lit, random.Random(seed)).outcome for seed in range(20)].count(Outcome.PASSED) <= 1


def test_a_film_is_played_to_the_end_of_the_colours_at_the_rate_of_a_page() -> None:
    for seed in range(20):
        played = _played(film(), random.Random(seed))
        places = [place for _, place in played]
        assert RATES[0] * LASTS <= len(played) <= RATES[1] * LASTS + 1
        assert min(places) >= 0
        assert max(places) < 30
        assert len(_marks(played)) == len(draw())
