"""Light from the screen: a face before it answers a random sequence of colours, a recording none or another.

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

COLOURS_SHOWN: Final = 10
SHOWN: Final = 0.5
"""Seconds for each colour at least: two changes a second are one flash, of the three that WCAG 2.2, 2.3.1, allows."""
EARLIEST: Final = -0.1
LATEST: Final = 0.3
"""Seconds from the first frame marked with a colour to the picture that shows it: a frame may have been taken a moment
after the screen changed; screen, camera and coding come late."""
DELAYS: Final = 9
LEAST_FRAMES: Final = 30
ANSWERED: Final = 0.7
"""Correlation from which on a face has answered: films that answer nothing reach .62 in 2,700 draws of eight, and
of ten colours an answer to another sequence reaches it in .6 %."""
LEAST_CHANGE: Final = 0.004
"""Of the logarithm of a colour's share, root mean square: below it the screen lights nothing."""
Numbers = NDArray[np.float64]


class Colour(StrEnum):
    """What the page fills the screen with; see its style sheet: none is a saturated red (2.3.1 again)."""

    RED = "red"
    GREEN = "green"
    BLUE = "blue"
    WHITE = "white"


SHARES: Final = {Colour.RED: (1, 0, 0), Colour.GREEN: (0, 1, 0), Colour.BLUE: (0, 0, 1), Colour.WHITE: (1, 1, 1)}


def draw(count: int = COLOURS_SHOWN, source: random.Random | None = None) -> tuple[Colour, ...]:
    """Colours of which none follows itself: 4 * 3 ** (count - 1) sequences; `source` is the system's randomness."""
    drawn = source or random.SystemRandom()
    colours = [drawn.choice(list(Colour))]
    while len(colours) < count:
        colours.append(drawn.choice([colour for colour in Colour if colour is not colours[-1]]))
    return tuple(colours)


def answer(times: Sequence[float], tints: Sequence[Tint], shown: Sequence[Colour], marks: Sequence[float]) -> Check:
    """Whether the face answered. `times`: of the frames, seconds; `marks`: of the first frame under each colour, same
    clock, rising.

    The score is the largest correlation over the delays from EARLIEST to LATEST.
    """
    if len(marks) < len(shown):
        return undecided("light", "light_not_shown")
    at = np.asarray(times, np.float64)
    during = (at >= marks[0]) & (at <= marks[-1] + SHOWN + LATEST)
    if int(during.sum()) < LEAST_FRAMES:
        return undecided("light", "too_few_frames")
    at = at[during]
    seen = _level(
        _balance([tint.face for tint in tints], during) - _balance([tint.around for tint in tints], during), at
    )
    if float(np.sqrt((seen**2).mean())) < LEAST_CHANGE:
        return undecided("light", "light_too_weak")
    delays = np.linspace(EARLIEST, LATEST, DELAYS)
    score = max(_alike(seen, _level(_expected(at - delay, shown, marks), at)) for delay in delays)
    return passed("light", score) if score >= ANSWERED else failed("light", "light_not_answered", score)


def _balance(colours: Sequence[tuple[float, float, float]], during: NDArray[np.bool_]) -> Numbers:
    """The logarithm of each colour over the mean of the three: float64 [n, 3]."""
    logs = np.log(np.maximum(np.array(colours)[during], 1.0))
    balance: Numbers = logs - logs.mean(axis=1, keepdims=True)
    return balance


def _level(seen: Numbers, at: Numbers) -> Numbers:
    """Without what drifts over the time, along a line or a bow: float64 [n, 3]."""
    span = (at - at.mean()) / max(float(np.ptp(at)), 1e-9)
    bow = np.column_stack([span**2, span, np.ones(len(at))])
    found, *_ = np.linalg.lstsq(bow, seen, rcond=None)
    level: Numbers = seen - bow @ found
    return level


def _expected(at: Numbers, shown: Sequence[Colour], marks: Sequence[float]) -> Numbers:
    place = np.clip(np.searchsorted(np.asarray(marks), at, side="right") - 1, 0, len(shown) - 1)
    lit = np.array([SHARES[colour] for colour in shown], np.float64)[place]
    balance: Numbers = lit - lit.mean(axis=1, keepdims=True)
    return balance


def _alike(one: Numbers, other: Numbers) -> float:
    return float((one * other).sum() / max(float(np.linalg.norm(one) * np.linalg.norm(other)), 1e-12))
