"""Light from the screen: a face before it answers a random sequence of colours, a recording answers another one.

Only the balance of the colours counts, for brightness changes with every movement; what is behind the face is taken
off, for the camera's own white balance moves both. A bright room drowns a screen: then nothing is decided.
"""

import random
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from embeddings.liveness.observation import Tint
from embeddings.liveness.verdict import Check, failed, passed, undecided

COLOURS_SHOWN: Final = 8
SHOWN: Final = 0.5  # seconds for each colour
LATEST: Final = 0.3  # seconds from the page's mark to the picture: screen, camera and coding
LEAST_FRAMES: Final = 24
ANSWERED: Final = 0.6
"""Correlation from which on a face has answered."""
LEAST_CHANGE: Final = 0.004
"""Of the logarithm of a colour's share, root mean square: below it the screen lights nothing."""
Numbers = NDArray[np.float64]


class Colour(StrEnum):
    """What the page fills the screen with."""

    RED = "red"
    GREEN = "green"
    BLUE = "blue"
    WHITE = "white"


_SHARES: Final = {Colour.RED: (1, 0, 0), Colour.GREEN: (0, 1, 0), Colour.BLUE: (0, 0, 1), Colour.WHITE: (1, 1, 1)}


def draw(count: int = COLOURS_SHOWN, source: random.Random | None = None) -> tuple[Colour, ...]:
    """Colours of which none follows itself: 4 * 3 ** (count - 1) sequences; `source` is the system's randomness."""
    drawn = source or random.SystemRandom()
    colours = [drawn.choice(list(Colour))]
    while len(colours) < count:
        colours.append(drawn.choice([colour for colour in Colour if colour is not colours[-1]]))
    return tuple(colours)


def answer(times: Sequence[float], tints: Sequence[Tint], shown: Sequence[Colour], begun: float) -> Check:
    """Whether the face answered. `times`: of the frames, seconds; `begun`: when the first colour was shown, same clock.

    The score is the largest correlation over the delays up to LATEST.
    """
    at = np.asarray(times, np.float64)
    during = (at >= begun) & (at <= begun + SHOWN * len(shown) + LATEST)
    if int(during.sum()) < LEAST_FRAMES:
        return undecided("light", "too_few_frames")
    seen = _balance(np.array([tint.face for tint in tints])[during]) - _balance(
        np.array([tint.around for tint in tints])[during]
    )
    at, seen = at[during] - begun, _level(seen, at[during])
    if float(np.sqrt((seen**2).mean())) < LEAST_CHANGE:
        return undecided("light", "light_too_weak")
    score = max(_alike(seen, _expected(at - delay, shown)) for delay in np.linspace(0, LATEST, 13))
    return passed("light", score) if score >= ANSWERED else failed("light", "light_not_answered", score)


def _balance(colours: Numbers) -> Numbers:
    """The logarithm of each colour over the mean of the three: float64 [n, 3]."""
    logs = np.log(np.maximum(colours, 1.0))
    balance: Numbers = logs - logs.mean(axis=1, keepdims=True)
    return balance


def _level(seen: Numbers, at: Numbers) -> Numbers:
    """Without what drifts evenly over the time."""
    line = np.column_stack([at - at.mean(), np.ones(len(at))])
    found, *_ = np.linalg.lstsq(line, seen, rcond=None)
    level: Numbers = seen - line @ found
    return level


def _expected(at: Numbers, shown: Sequence[Colour]) -> Numbers:
    place = np.clip((at / SHOWN).astype(int), 0, len(shown) - 1)
    lit = np.array([_SHARES[colour] for colour in shown], np.float64)[place]
    lit -= lit.mean(axis=1, keepdims=True)
    level: Numbers = lit - lit.mean(axis=0)
    return level


def _alike(one: Numbers, other: Numbers) -> float:
    return float((one * other).sum() / max(float(np.linalg.norm(one) * np.linalg.norm(other)), 1e-12))
