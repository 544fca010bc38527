"""A head that does what it is told, drawn in numbers: what a watcher would see of it."""

from dataclasses import dataclass, replace

from embeddings.liveness.light import SHARES, Colour
from embeddings.liveness.observation import Observation, Tint
from embeddings.liveness.steps import Step
from embeddings.types import Pixels
from service.liveness.poses import Pose
from service.liveness.told import Told
from tests.embeddings.traces import PEAKS, RATE
from tests.evaluation.test_liveness import observed

POSES = {Pose.LEFT: 10.0, Pose.RIGHT: -10.0}
SKIN, WALL = (150.0, 110.0, 90.0), (120.0, 120.0, 130.0)
REACTION, HELD = 0.3, 0.6  # seconds


@dataclass
class Head:
    """In the place of a watcher. `ratio`: of the corners, 1.3 for a solid head, .6 for a card. `lamp`: colour of the
    screen before it, which lights the face a little where it `answers`."""

    ratio: float = 1.3
    yaw: float = 0.0
    pitch: float = 0.0
    number: int = -1
    lamp: Colour | None = None
    answers: bool = True

    def look(self, pixels: Pixels, at: float) -> Observation:  # noqa: ARG002
        self.number += 1
        seen = observed(self.number, self.yaw, self.pitch, self.ratio)
        if seen.look is None:
            return seen
        light = SHARES[self.lamp] if self.lamp is not None and self.answers else (0, 0, 0)
        red, green, blue = (own * (1 + 0.05 * share) for own, share in zip(SKIN, light, strict=True))
        return replace(seen, look=replace(seen.look, tint=Tint((red, green, blue), WALL)))


class Actor:
    """Moves a head as the service asks; `wrong`: another turn than the one asked for."""

    def __init__(self, head: Head, *, wrong: bool = False) -> None:
        self.head, self.wrong = head, wrong
        self.at, self._begun, self._step = 0.0, 0.0, ""
        self.lit: int | None = None

    def move(self, told: Told) -> float:
        """For the next frame, whose time it gives."""
        if told.step is not None and told.step != self._step:
            self._step, self._begun = told.step, self.at + REACTION
        acting = self._step and self._begun <= self.at < self._begun + HELD
        if told.phase == "posing" and told.step is not None:
            self.head.yaw, self.head.pitch = POSES[Pose(told.step)], 0.0
        elif acting:
            self.head.yaw, self.head.pitch = PEAKS[self._turn()]
        else:
            self.head.yaw = self.head.pitch = 0.0
        self.head.lamp = told.colour
        self.lit = told.done if told.colour is not None else None
        self.at += 1 / RATE
        return self.at

    def _turn(self) -> Step:
        step = Step(self._step)
        return next(each for each in PEAKS if each is not step) if self.wrong else step
