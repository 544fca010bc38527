"""Who watches the steps of a challenge: what is asked next, and whether it was done, in numbers alone.

    settling -> waiting -> asked -> returning -> waiting -> ... -> passed
                  \\__________\\__________\\____________________-> failed, with a reason

A step is told only when the face has come back to rest, and a movement that was not asked for fails.
"""

import math
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any, Final, Self

from embeddings.liveness.reading import Neutral, Reading
from embeddings.liveness.steps import TURNS, Challenge, Step

SETTLED: Final = 0.5  # seconds
SETTLED_YAW: Final = 4.0  # range in degrees within that time
SETTLED_PITCH: Final = 6.0
STRAIGHT: Final = 12.0  # degrees of yaw, absolute, at the start
RESTED: Final = 0.3
HELD: Final = 0.2
HELD_LONG: Final = 0.3  # for a smile and for coming closer
EARLIEST: Final = 0.2  # seconds from prompt to movement: nobody is faster
WINDOW: Final = 4.0
RETURN: Final = 5.0
WAIT: Final = 5.0
SETTLE: Final = 10.0
LOST: Final = 1.0  # seconds without a sure face
GAP: Final = 0.4  # seconds between two frames
KEPT: Final = 64  # readings that are remembered


class Phase(StrEnum):
    """settling: look straight, before the first step. waiting: look straight, the next step follows. asked: do the
    step. returning: done, look straight again."""

    SETTLING = "settling"
    WAITING = "waiting"
    ASKED = "asked"
    RETURNING = "returning"
    PASSED = "passed"
    FAILED = "failed"


class Fault(StrEnum):
    """Why the steps failed."""

    WRONG_MOVEMENT = "wrong_movement"
    UNASKED_MOVEMENT = "unasked_movement"
    TOO_EARLY = "moved_too_early"
    TOO_SLOW = "step_timed_out"
    NOT_STRAIGHT = "did_not_look_straight"
    FACE_LOST = "face_lost"
    FRAMES_MISSING = "frames_missing"


@dataclass(slots=True)
class Referee:
    """Fed with every frame of a challenge in order. Plain data: `to_json` and `from_json` carry it elsewhere."""

    challenge: Challenge
    phase: Phase = Phase.SETTLING
    place: int = 0
    fault: Fault | None = None
    neutral: Neutral | None = None
    first: Neutral | None = None
    last_at: float | None = None
    seen_at: float | None = None
    since: float | None = None  # when the phase began
    label: str = ""
    label_since: float = 0.0
    label_frames: int = 0
    blinks: int = 0
    shut: bool = False
    recent: list[Reading] = field(default_factory=list)

    @property
    def finished(self) -> bool:
        return self.phase in {Phase.PASSED, Phase.FAILED}

    @property
    def asked(self) -> Step | None:
        """The step to show, in the phase `asked` alone."""
        return self.challenge.steps[self.place] if self.phase is Phase.ASKED else None

    def feed(self, at: float, reading: Reading | None) -> Phase:
        """One frame taken at `at`, and what was read in it, None for no sure face. Nothing changes once finished."""
        if self.finished:
            return self.phase
        late = self.last_at is not None and not 0 < at - self.last_at <= GAP
        if late or math.isnan(at):
            return self._fail(Fault.FRAMES_MISSING)
        self.since = at if self.since is None else self.since
        self.last_at = at
        if reading is None:
            self._hold("", at)
            self.recent.clear()
            lost = at - (self.seen_at if self.seen_at is not None else self.since)
            if self.phase is not Phase.SETTLING and lost > LOST:
                return self._fail(Fault.FACE_LOST)
        else:
            self.seen_at = at
            self.recent = [*self.recent[1 - KEPT :], reading]
        self._judge(at, reading)
        return self.phase

    @property
    def at_rest(self) -> bool:
        """Looking straight in the last frame, and known to."""
        return self.label == "straight"

    def stop(self) -> Phase:
        """No more frames are taken."""
        return self.phase if self.finished else self._fail(Fault.TOO_SLOW)

    def exchange(self, step: Step) -> None:
        """Ask for another step in the place of the one that is asked. Raises ValueError where none is, or it is one of
        the challenge's."""
        if self.phase is not Phase.ASKED:
            raise ValueError("no step is asked for")
        steps = list(self.challenge.steps)
        steps[self.place] = step
        if step in self.challenge.steps:
            raise ValueError("the steps of a challenge are different")
        self.challenge = Challenge(tuple(steps), self.challenge.pauses)
        self._enter(Phase.WAITING, self.last_at or 0.0)

    def to_json(self) -> dict[str, Any]:
        """Numbers, strings and lists: what `json.dumps` takes. No picture and no vector is in it."""
        return asdict(self)

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> Self:
        """Raises ValueError or TypeError for what `to_json` did not make."""
        if set(state) != {each.name for each in fields(cls)}:
            raise ValueError("not the state of a referee")
        made = cls(**state)
        steps = tuple(Step(step) for step in state["challenge"]["steps"])
        made.challenge = Challenge(steps, tuple(state["challenge"]["pauses"]))
        made.phase, made.fault = Phase(state["phase"]), Fault(state["fault"]) if state["fault"] else None
        made.neutral, made.first = (Neutral(**each) if each else None for each in (state["neutral"], state["first"]))
        made.recent = [Reading(**each) for each in state["recent"]]
        if not 0 <= made.place < len(steps) + made.finished:
            raise ValueError("not the state of a referee")
        return made

    def _judge(self, at: float, reading: Reading | None) -> None:
        if self.phase is Phase.SETTLING:
            self._settle(at)
        elif self.phase is Phase.WAITING:
            self._wait(at, reading)
        elif self.phase is Phase.ASKED:
            self._watch(at, reading)
        else:
            self._return(at, reading)

    def _settle(self, at: float) -> None:
        still = [each for each in self.recent if at - each.at <= SETTLED]
        long_enough = len(self.recent) > len(still) or (len(still) > 1 and at - still[0].at >= 0.9 * SETTLED)
        if long_enough and len(still) > 1 and _is_still(still):
            self.neutral = self.first = Neutral.of(still)
            self._enter(Phase.WAITING, at)
        elif self._spent(at) > SETTLE:
            self._fail(Fault.NOT_STRAIGHT)

    def _wait(self, at: float, reading: Reading | None) -> None:
        self._follow(at, reading)
        if self._turned(at) is not None:
            self._fail(Fault.UNASKED_MOVEMENT)
        elif self._held("straight", at) >= RESTED + self.challenge.pauses[self.place]:
            resting = [each for each in self.recent if at - each.at <= RESTED]
            if resting:
                self.neutral = Neutral.of(resting)  # people drift from rest to rest
            self.blinks, self.shut = 0, False
            self._enter(Phase.ASKED, at)
        elif self._spent(at) > WAIT:
            self._fail(Fault.NOT_STRAIGHT)

    def _watch(self, at: float, reading: Reading | None) -> None:
        step = self.challenge.steps[self.place]
        self._follow(at, reading, step)
        turned, early = self._turned(at), self._spent(at) < EARLIEST
        if early and self.label not in {"", "straight"}:
            self._fail(Fault.TOO_EARLY)
        elif turned is not None and turned is not step:
            self._fail(Fault.WRONG_MOVEMENT)
        elif self._done(step, turned, reading, at):
            self._enter(Phase.RETURNING, at)
        elif self._spent(at) > WINDOW:
            self._fail(Fault.TOO_SLOW)

    def _done(self, step: Step, turned: Step | None, reading: Reading | None, at: float) -> bool:
        if step in TURNS:
            return turned is step
        if step is Step.BLINK_TWICE:
            return self._count_blinks(reading, at) >= 2
        return self._held(step, at) >= HELD_LONG

    def _count_blinks(self, reading: Reading | None, at: float) -> int:
        state = self.neutral.eyes_shut(reading) if reading is not None and self.neutral else None
        if state is True and self._spent(at) >= EARLIEST:
            self.shut = True
        elif state is False and self.shut:
            self.shut, self.blinks = False, self.blinks + 1
        return self.blinks

    def _return(self, at: float, reading: Reading | None) -> None:
        self._follow(at, reading)
        turned = self._turned(at)
        if turned is not None and turned is not self.challenge.steps[self.place]:
            self._fail(Fault.WRONG_MOVEMENT)
        elif self._held("straight", at) >= RESTED:
            self.place += 1
            self._enter(Phase.PASSED if self.place == len(self.challenge.steps) else Phase.WAITING, at)
        elif self._spent(at) > RETURN:
            self._fail(Fault.NOT_STRAIGHT)

    def _follow(self, at: float, reading: Reading | None, step: Step | None = None) -> None:
        """What the face does now, and since when."""
        if reading is None or self.neutral is None or self.first is None:
            return
        turn = self.neutral.turn(reading, 1.0)
        if turn is not self.challenge.steps[self.place]:
            turn = self.neutral.turn(reading)
        if turn is not None:
            self._hold(turn, at)
        elif step is Step.SMILE and self.neutral.smiles(reading):
            self._hold(Step.SMILE, at)
        elif step is Step.COME_CLOSER and self.neutral.closer(reading):
            self._hold(Step.COME_CLOSER, at)
        else:
            self._hold("straight" if self._straight(reading, step) else "between", at)

    def _straight(self, reading: Reading, step: Step | None) -> bool:
        """While a step is asked, as in the rest before it; else as in that or in the first, for people drift."""
        either = [self.neutral] if step is not None else [self.neutral, self.first]
        return any(each is not None and each.looks_straight(reading) for each in either)

    def _hold(self, label: str, at: float) -> None:
        if label != self.label:
            self.label, self.label_since, self.label_frames = label, at, 0
        self.label_frames += 1

    def _held(self, label: str, at: float) -> float:
        return at - self.label_since if self.label == label and self.label_frames > 1 else -1.0

    def _turned(self, at: float) -> Step | None:
        """The turn that has been held long enough to be one."""
        if self.label not in TURNS:
            return None
        return Step(self.label) if self._held(self.label, at) >= HELD - 1e-6 else None

    def _spent(self, at: float) -> float:
        return at - (self.since if self.since is not None else at)

    def _enter(self, phase: Phase, at: float) -> None:
        self.phase, self.since = phase, at
        if phase is Phase.WAITING:
            self.label, self.label_frames = "", 0

    def _fail(self, fault: Fault) -> Phase:
        self.phase, self.fault = Phase.FAILED, fault
        return self.phase


def _is_still(readings: list[Reading]) -> bool:
    yaws, pitches = [each.yaw for each in readings], [each.pitch for each in readings]
    calm = max(yaws) - min(yaws) < SETTLED_YAW and max(pitches) - min(pitches) < SETTLED_PITCH
    return calm and abs(yaws[-1]) < STRAIGHT
