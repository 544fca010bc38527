"""After the steps of an enrolment: slightly to either side, so that its templates differ as later logins will."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import numpy as np

from embeddings.liveness.judge import Judge
from embeddings.liveness.observation import Look, Observation

LEAST: Final = 5.0
MOST: Final = 15.0
"""Degrees of yaw beside the face at rest: enough to differ, and still what the quality gate takes."""
PATIENCE: Final = 8.0
"""Seconds for each; who does not get there is enrolled without it."""


class Pose(StrEnum):
    """Left and right are the person's own."""

    LEFT = "slightly_left"
    RIGHT = "slightly_right"


ASKED: Final = (Pose.LEFT, Pose.RIGHT)


@dataclass(slots=True)
class Poses:
    """`chosen`: times of the frames to enrol with, the frontal one first."""

    chosen: list[float] = field(default_factory=list)
    place: int = 0
    _since: float | None = None
    _yaw: float = 0.0
    _limit: float = 0.0
    _person: list[Look] = field(default_factory=list)

    @property
    def begun(self) -> bool:
        return self._since is not None

    @property
    def done(self) -> bool:
        return self.place == len(ASKED)

    @property
    def count(self) -> int:
        return len(ASKED)

    @property
    def asked(self) -> Pose | None:
        return None if self.done else ASKED[self.place]

    def begin(self, at: float, judge: Judge, frames: tuple[Look, ...]) -> None:
        """`frames`: of the challenge that was passed a moment ago, the best first."""
        self._since, self._person, self._limit = at, list(frames), judge.limits.same_person
        self._yaw = judge.referee.neutral.yaw if judge.referee.neutral is not None else 0.0
        self.chosen = [frames[0].reading.at]

    def feed(self, seen: Observation) -> None:
        if self.done or self._since is None:
            return
        if seen.look is not None and self._fits(seen.look):
            self.chosen.append(seen.look.reading.at)
            self._next(seen.at)
        elif seen.at - self._since > PATIENCE:
            self._next(seen.at)

    def _fits(self, look: Look) -> bool:
        """At that side, and the same person as before."""
        aside = (look.pose.yaw - self._yaw) * (1 if self.asked is Pose.LEFT else -1)
        if look.vector is None or not LEAST <= aside <= MOST:
            return False
        mean = np.sum([each.vector.values for each in self._person if each.vector is not None], axis=0)
        mean = mean / max(float(np.linalg.norm(mean)), 1e-9)
        return float(np.linalg.norm(look.vector.values - mean)) <= self._limit

    def _next(self, at: float) -> None:
        self.place, self._since = self.place + 1, at
