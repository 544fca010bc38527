"""Whether frames follow each other as a camera's do: no cut, no picture that stands still, none that comes again."""

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from embeddings.liveness.observation import Look, Observation

CUT: Final = 3.0
"""How many times the change before and after it the change between two frames is from which on it is a cut. Within
films it is 1.1 to 2.9; where a film is cut from rest to rest, 2.4 to 14."""
LEAST_CHANGE: Final = 0.4  # grey levels of a thumb; the noise of a still picture stays below
FROZEN: Final = 0.5  # seconds with one and the same picture
REPEATS: Final = 2  # frames that were seen before, not just now
JUMP: Final = 0.25  # of the face's side, in one step of at most JUMP_TIME
SIZE_JUMP: Final = 1.2
JUMP_TIME: Final = 0.15  # seconds; people move the face by .09 and change its size by 1.09 in .067
REMEMBERED: Final = 4000  # fingerprints


class Break(StrEnum):
    """How frames failed to follow each other."""

    CUT = "cut"
    FROZEN = "frozen_picture"
    REPEATED = "repeated_frames"
    JUMPED = "face_jumped"
    RESIZED = "picture_size_changed"


@dataclass(slots=True)
class Continuity:
    """Fed with every frame in order. `largest`: the largest change beside its neighbours so far; see CUT."""

    broken: Break | None = None
    largest: float = 0.0
    _last: deque[Observation] = field(default_factory=lambda: deque(maxlen=4))
    _seen: dict[int, None] = field(default_factory=dict)
    _new_at: float | None = None
    _repeats: int = 0

    def feed(self, frame: Observation) -> None:
        if self.broken is not None:
            return
        before = self._last[-1] if self._last else None
        if before is not None and frame.fingerprint == before.fingerprint:
            if self._new_at is not None and frame.at - self._new_at > FROZEN:
                self.broken = Break.FROZEN
            return  # a camera gives a frame twice when it is asked too fast
        self._new_at = frame.at
        self._last.append(frame)
        self._compare(before, frame)
        self._remember(frame.fingerprint)

    def restart(self) -> None:
        """What follows is another film: what was before it is not compared with it."""
        self._last.clear()
        self._new_at = None

    def _compare(self, before: Observation | None, frame: Observation) -> None:
        if before is None:
            return
        if (before.width, before.height) != (frame.width, frame.height):
            self.broken = Break.RESIZED
            return
        if before.look and frame.look and frame.at - before.at <= JUMP_TIME and _jumped(before.look, frame.look):
            self.broken = Break.JUMPED
        if len(self._last) == 4:
            self.largest = max(self.largest, prominence(*self._last))
        if self.largest >= CUT:
            self.broken = Break.CUT

    def _remember(self, fingerprint: int) -> None:
        if fingerprint in self._seen:
            self._repeats += 1
        self._seen[fingerprint] = None
        if len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]
        if self._repeats >= REPEATS and self.broken is None:
            self.broken = Break.REPEATED


def prominence(one: Observation, two: Observation, three: Observation, four: Observation) -> float:
    """The change from the second frame to the third over the larger of the two beside it; time counts, since frames
    that were left out change more."""
    middle = change(two.thumb, three.thumb) / _slack(two, three)
    beside = max(change(one.thumb, two.thumb) / _slack(one, two), change(three.thumb, four.thumb) / _slack(three, four))
    usual = min(_slack(one, two), _slack(three, four))
    return middle / max(beside, LEAST_CHANGE / usual)


def change(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Mean absolute difference of two thumbs, grey levels; a change of the exposure alone does not count."""
    difference = one.astype(np.float64) - other
    return float(np.abs(difference - np.median(difference)).mean())


def _slack(one: Observation, other: Observation) -> float:
    return max(other.at - one.at, 1e-3)


def _jumped(one: Look, other: Look) -> bool:
    side = max(one.box.width, one.box.height, 1e-9)
    (x, y), (other_x, other_y) = one.box.center, other.box.center
    larger = max(one.reading.size, 1e-9) / max(other.reading.size, 1e-9)
    moved = float(np.hypot(x - other_x, y - other_y)) / side
    return moved > JUMP or max(larger, 1 / larger) > SIZE_JUMP
