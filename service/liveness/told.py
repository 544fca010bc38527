"""What the person before the camera is told: what to do next, a hint, and kindly why it was not enough. No score."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from embeddings.liveness.continuity import Break
from embeddings.liveness.light import Colour
from embeddings.liveness.observation import Look, Observation
from embeddings.liveness.referee import Fault, Phase
from embeddings.liveness.verdict import BRIGHT, DARK
from embeddings.types import Refusal

NEAR_ENOUGH: Final = 1.5
"""Outer corners of the eyes lie so much farther apart than the middles of the eyes, in a face from the front."""
RELEVANT: Final = frozenset({Phase.SETTLING, Phase.WAITING})


class Hint(StrEnum):
    """What would help, told while it is looked at."""

    NO_FACE = "no_face"
    ONE_PERSON = "one_person"
    CLOSER = "closer"
    TOO_DARK = "too_dark"
    TOO_BRIGHT = "too_bright"
    HOLD_STILL = "hold_still"


class Failure(StrEnum):
    """Why a challenge was not passed, as the person is told it. `not_alive` tells nothing of which check."""

    WRONG_MOVEMENT = "wrong_movement"
    TOO_EARLY = "too_early"
    TOO_SLOW = "too_slow"
    FACE_LOST = "face_lost"
    SEVERAL_FACES = "several_faces"
    NOT_ALIVE = "not_alive"
    TOO_SOFT = "too_soft"
    TOO_DARK = "too_dark"
    TOO_BRIGHT = "too_bright"
    LIGHT_UNSEEN = "light_unseen"
    CONNECTION = "connection"
    UNCLEAR = "unclear"


FAILURES: Final[dict[str, Failure]] = {
    Fault.WRONG_MOVEMENT: Failure.WRONG_MOVEMENT,
    Fault.UNASKED_MOVEMENT: Failure.TOO_EARLY,
    Fault.TOO_EARLY: Failure.TOO_EARLY,
    Fault.TOO_SLOW: Failure.TOO_SLOW,
    Fault.NOT_STRAIGHT: Failure.TOO_SLOW,
    Fault.FACE_LOST: Failure.FACE_LOST,
    Fault.FRAMES_MISSING: Failure.CONNECTION,
    "several_faces": Failure.SEVERAL_FACES,
    **dict.fromkeys(Break, Failure.NOT_ALIVE),
    **dict.fromkeys(("another_person", "head_looks_flat", "head_looks_drawn", "looks_presented"), Failure.NOT_ALIVE),
    "too_soft": Failure.TOO_SOFT,
    "too_dark": Failure.TOO_DARK,
    "too_bright": Failure.TOO_BRIGHT,
    **dict.fromkeys(("light_too_weak", "light_not_answered"), Failure.LIGHT_UNSEEN),
    "light_not_shown": Failure.CONNECTION,
    "not_finished": Failure.CONNECTION,
    "too_few_frames": Failure.CONNECTION,
    Refusal.BLURRED: Failure.TOO_SOFT,
}
_ORDER: Final = tuple(Failure)


def failure(reasons: Iterable[str]) -> Failure:
    """One for all reasons: what the person can change comes first."""
    found = {FAILURES.get(reason, Failure.UNCLEAR) for reason in reasons}
    return min(found, key=_ORDER.index, default=Failure.UNCLEAR)


@dataclass(frozen=True, slots=True)
class Told:
    """`phase`: a `Phase`, or after the steps `lighting` and, of an enrolment, `posing`. `step`: to be done now; else to
    look straight. `exchange`: whether another step may be asked for instead. `colour`: to be shown, the one of number
    `done`."""

    phase: str
    step: str | None = None
    done: int = 0
    count: int = 0
    hint: Hint | None = None
    exchange: bool = False
    code: Failure | None = None
    colour: Colour | None = None

    @property
    def finished(self) -> bool:
        return self.phase in {Phase.PASSED, Phase.FAILED}

    def members(self) -> dict[str, Any]:
        """As it is sent."""
        given = {"phase": str(self.phase), "step": self.step, "done": self.done, "of": self.count}
        given |= {"hint": self.hint, "exchange": self.exchange or None, "code": self.code}
        given |= {"colour": self.colour}
        return {name: value for name, value in given.items() if value is not None}


def failed(code: Failure) -> Told:
    return Told(Phase.FAILED, code=code)


def hint(seen: Observation, phase: Phase, least_eyes: float) -> Hint | None:
    """`least_eyes`: distance of the eyes, px, that a login needs."""
    look: Look | None = seen.look
    if look is None:
        return Hint.NO_FACE
    if seen.others:
        return Hint.ONE_PERSON
    if look.reading.size < NEAR_ENOUGH * least_eyes:
        return Hint.CLOSER
    if not DARK <= look.brightness <= BRIGHT:
        return Hint.TOO_DARK if look.brightness < DARK else Hint.TOO_BRIGHT
    return Hint.HOLD_STILL if phase is Phase.SETTLING else None
