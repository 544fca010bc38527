"""The steps that a challenge may ask for, and which of them a challenge asks."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Step(StrEnum):
    """One movement. Left and right are the person's own: who turns to the left moves the nose to the image's right."""

    TURN_LEFT = "turn_left"
    TURN_RIGHT = "turn_right"
    LOOK_UP = "look_up"
    LOOK_DOWN = "look_down"
    SMILE = "smile"
    BLINK_TWICE = "blink_twice"
    COME_CLOSER = "come_closer"


TURNS: Final = frozenset({Step.TURN_LEFT, Step.TURN_RIGHT, Step.LOOK_UP, Step.LOOK_DOWN})
DEFAULT_STEPS: Final = (Step.TURN_LEFT, Step.TURN_RIGHT, Step.LOOK_UP, Step.LOOK_DOWN)
"""Turns alone say whether a head is flat, and they alone were measured on people; see docs/liveness.md."""
COUNT: Final = 3
LEAST_TURNS: Final = 2
"""Of a challenge: each gives one opinion on whether the head is solid, and one opinion alone is not asked to decide."""
LONGEST_PAUSE: Final = 0.8
"""Seconds. Before each step the face must be at rest for a random time on top, so that a film seldom fits."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """The steps in order, and for each how much longer than needed the face rests before it is told, seconds."""

    steps: tuple[Step, ...]
    pauses: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.steps or len(self.pauses) != len(self.steps):
            raise ValueError("a challenge has steps, and a pause before each")
        if len(set(self.steps)) != len(self.steps):
            raise ValueError("the steps of a challenge are different")
        if any(not 0 <= pause <= LONGEST_PAUSE for pause in self.pauses):
            raise ValueError(f"a pause lasts from 0 to {LONGEST_PAUSE} s")


def draw(allowed: Sequence[Step] = DEFAULT_STEPS, count: int = COUNT, source: random.Random | None = None) -> Challenge:
    """Steps in an order and with pauses that nobody can foresee; `source` is the system's randomness if not given.

    At least LEAST_TURNS of the steps are turns, and all where no more are asked for. Raises ValueError where the
    allowed steps do not suffice.
    """
    chosen, drawn = sorted(set(allowed)), source or random.SystemRandom()
    turns = [step for step in chosen if step in TURNS]
    needed = min(LEAST_TURNS, count)
    if count < 1 or len(chosen) < count or len(turns) < needed:
        raise ValueError(f"{count} different steps are needed, {needed} of them turns of the head")
    while True:  # rejection keeps every fitting order equally likely
        steps = tuple(drawn.sample(chosen, count))
        if sum(step in TURNS for step in steps) >= needed:
            return Challenge(steps, tuple(drawn.uniform(0, LONGEST_PAUSE) for _ in steps))


def exchanged(challenge: Challenge, place: int, allowed: Sequence[Step], source: random.Random | None = None) -> Step:
    """Another step for the one at `place`, for people who cannot do it: none of the challenge's, and no turn less
    than a challenge needs. Raises ValueError where there is none."""
    others = [step for number, step in enumerate(challenge.steps) if number != place]
    needed = min(LEAST_TURNS, len(challenge.steps)) - sum(step in TURNS for step in others)
    left = sorted(step for step in set(allowed) - set(challenge.steps) if needed <= 0 or step in TURNS)
    if not left:
        raise ValueError("no other step is allowed")
    return (source or random.SystemRandom()).choice(left)
