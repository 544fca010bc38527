"""Light from the screen, measured: how often films that know nothing of it answer by chance, how often an answer to
another sequence does, and from which strength on a face lit by a model is found."""

import itertools
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from embeddings.liveness.light import COLOURS_SHOWN, LATEST, SHOWN, Colour, answer, draw
from embeddings.liveness.observation import Tint, tint
from embeddings.liveness.verdict import Check
from embeddings.liveness.watcher import Nets, Watcher
from embeddings.types import Box, Pixels
from evaluation.liveness.films import Watched, frames, rate
from evaluation.liveness.people import Vector, people, usual
from evaluation.liveness.relight import Room
from evaluation.liveness.report import Try, rates

STRENGTHS: Final = (0.01, 0.02, 0.03, 0.05, 0.1, 0.2)
"""The screen's light over the room's. A screen of 250 cd/m2 and .06 m2 half a metre away gives some 60 lux, a telephone
of 500 cd/m2 and .01 m2 at .3 m some 55; rooms have 100 to 500, a window a few thousand."""
OTHER_STRENGTH: Final = 0.1
LAG: Final = (0.05, 0.25)  # seconds
RATES: Final = (8.0, 15.0)  # frames that a page sends in a second
WIDEST: Final = 320  # px; colours are means
MORE: Final = 10  # times as many tries that nothing is drawn for: chance is rare
LASTS: Final = COLOURS_SHOWN * SHOWN + LATEST


@dataclass(frozen=True, slots=True, eq=False)
class Lit:
    """A film's frames that hold a face, small, each with its box and its own colours; `rate`: frames a second."""

    source: str
    rate: float
    pictures: tuple[tuple[Pixels, Box, Tint], ...]


Attempt = Callable[[Lit, random.Random], Check]


def measure(
    nets: Nets, films: Sequence[Path], tries: int, limit: float, told: Callable[[str], None] = lambda _: None
) -> dict[str, Any]:
    """`tries`: of each kind (MORE times of recordings), shared out evenly; `limit`: farthest distance of one person's
    vectors. Raises NoFilm."""
    watched: list[Lit] = []
    vectors: dict[str, Vector] = {}
    for path in films:
        told(path.name)
        lit, vector = watch(nets, path)
        watched += [lit] if len(lit.pictures) > 1 else []
        vectors |= {lit.source: vector} if vector is not None else {}
    who = people(vectors, limit)

    def made(name: str, count: int, attempt: Attempt) -> list[Try]:
        told(name)
        numbers, share = itertools.count(), max(1, -(-count // max(1, len(watched))))
        sources = (random.Random(f"{name} {number}") for number in numbers)  # noqa: S311 - the same each time
        checks = [(film.source, attempt(film, next(sources))) for film in watched for _ in range(share)]
        return [Try(source, check.outcome, (check.reason,) if check.reason else ()) for source, check in checks]

    by_strength = {each: made(f"lit {each}", tries, partial(_relit, strength=each)) for each in STRENGTHS}
    return {
        "colours": COLOURS_SHOWN,
        "recording": rates(made("recording", MORE * tries, _as_it_is), who, live=False),
        "another_answer": rates(made("another answer", tries, _another), who, live=False),
        "lit_by_a_model": {str(strength): rates(tries, who, live=True) for strength, tries in by_strength.items()},
    }


def watch(nets: Nets, path: Path) -> tuple[Lit, Vector | None]:
    """Every frame of a film, once. Raises NoFilm."""
    watcher, per_second = Watcher(nets, eyes=False, light=True), rate(path)
    pictures, seen = [], []
    for number, pixels in enumerate(frames(path)):
        seen.append(watcher.look(pixels, number / per_second))
        look = seen[-1].look
        if look is not None and look.tint is not None:
            pictures.append((*_small(pixels, look.box), look.tint))
    return Lit(path.stem, per_second, tuple(pictures)), usual(Watched(path.stem, per_second, tuple(seen)))


def _as_it_is(film: Lit, source: random.Random) -> Check:
    shown = draw(source=source)
    played = _played(film, source)
    return answer([at for at, _ in played], [film.pictures[place][2] for _, place in played], shown, _marks(played))


def _relit(film: Lit, source: random.Random, strength: float) -> Check:
    shown = draw(source=source)
    return _answered(film, source, strength, shown, shown)


def _another(film: Lit, source: random.Random) -> Check:
    return _answered(film, source, OTHER_STRENGTH, draw(source=source), draw(source=source))


def _answered(
    film: Lit, source: random.Random, strength: float, lit: tuple[Colour, ...], shown: tuple[Colour, ...]
) -> Check:
    room = Room(lit, strength, source.uniform(*LAG), np.random.default_rng(source.getrandbits(32)))
    played, tints = [], []
    for at, place in _played(film, source):
        pixels, box, _ = film.pictures[place]
        seen = tint(room.film(pixels, box, at), box)
        if seen is not None:
            played.append((at, place))
            tints.append(seen)
    return answer([at for at, _ in played], tints, shown, _marks(played))


def _played(film: Lit, source: random.Random) -> list[tuple[float, int]]:
    """Times and places in the film, from anywhere, forth and back, at the rate of some page."""
    per_second, begin, length = source.uniform(*RATES), source.randrange(len(film.pictures)), len(film.pictures)
    times = np.arange(0, LASTS, 1 / per_second)
    turns = (begin + np.round(times * film.rate).astype(int)) % (2 * length - 2)
    return [(float(at), int(min(turn, 2 * length - 2 - turn))) for at, turn in zip(times, turns, strict=True)]


def _marks(played: Sequence[tuple[float, int]]) -> list[float]:
    """Of the first frame under each colour."""
    starts = [number * SHOWN for number in range(COLOURS_SHOWN)]
    return [next(at for at, _ in played if at >= start) for start in starts if played and played[-1][0] >= start]


def _small(pixels: Pixels, box: Box) -> tuple[Pixels, Box]:
    scale = min(1.0, WIDEST / max(pixels.shape[:2]))
    size = (round(pixels.shape[1] * scale), round(pixels.shape[0] * scale))
    small = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    return small, Box(box.x * scale, box.y * scale, box.width * scale, box.height * scale)
