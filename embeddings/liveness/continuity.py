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
BESIDE: Final = 4  # frames on either side that a change is compared with
LEAST_CHANGE: Final = 0.4  # grey levels of a thumb in USUAL seconds; the noise of a still picture stays below
STALLED: Final = 0.1  # grey levels: a camera that gives the last picture again, coded anew
USUAL: Final = 1 / 30
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
    """Fed with every frame in order. `largest`: the largest change beside its neighbours so far; see CUT. `lit`: while
    the screen's colours change what is seen, no cut is looked for; everything else is."""

    broken: Break | None = None
    largest: float = 0.0
    lit: bool = False
    _last: Observation | None = None
    _moved_at: float = 0.0
    _changes: deque[float] = field(default_factory=lambda: deque(maxlen=2 * BESIDE + 1))
    _seen: dict[int, None] = field(default_factory=dict)
    _new_at: float | None = None
    _repeats: int = 0

    def feed(self, frame: Observation) -> None:
        if self.broken is not None:
            return
        before = self._last
        if before is not None and frame.fingerprint == before.fingerprint:
            if self._new_at is not None and frame.at - self._new_at > FROZEN:
                self.broken = Break.FROZEN
            return  # a camera gives a frame twice when it is asked too fast
        self._new_at, self._last = frame.at, frame
        if before is None:
            self._moved_at = frame.at
        else:
            self._compare(before, frame)
        self._remember(frame.fingerprint)

    def restart(self) -> None:
        """What follows is another film: what was before it is not compared with it."""
        self._last = None
        self._changes.clear()

    def _compare(self, before: Observation, frame: Observation) -> None:
        if (before.width, before.height) != (frame.width, frame.height):
            self.broken = Break.RESIZED
            return
        if before.look and frame.look and frame.at - before.at <= JUMP_TIME and _jumped(before.look, frame.look):
            self.broken = Break.JUMPED
        changed = change(before.thumb, frame.thumb)
        if changed < STALLED or self.lit:
            return
        self._changes.append(changed * USUAL / max(frame.at - self._moved_at, USUAL / 4))
        self._moved_at = frame.at
        if len(self._changes) == self._changes.maxlen:
            self.largest = max(self.largest, prominence(list(self._changes)))
        if self.largest >= CUT and self.broken is None:
            self.broken = Break.CUT

    def _remember(self, fingerprint: int) -> None:
        if fingerprint in self._seen:
            self._repeats += 1
        self._seen[fingerprint] = None
        if len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]
        if self._repeats >= REPEATS and self.broken is None:
            self.broken = Break.REPEATED


def prominence(changes: list[float]) -> float:
    """The change in the middle over the largest of those beside it."""
    middle = len(changes) // 2
    return changes[middle] / max(LEAST_CHANGE, *changes[:middle], *changes[middle + 1 :])


def change(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Mean absolute difference of two thumbs, grey levels; a change of the exposure alone does not count."""
    difference = one.astype(np.float64) - other
    return float(np.abs(difference - np.median(difference)).mean())


def _jumped(one: Look, other: Look) -> bool:
    side = max(one.box.width, one.box.height, 1e-9)
    (x, y), (other_x, other_y) = one.box.center, other.box.center
    larger = max(one.reading.size, 1e-9) / max(other.reading.size, 1e-9)
    moved = float(np.hypot(x - other_x, y - other_y)) / side
    return moved > JUMP or max(larger, 1 / larger) > SIZE_JUMP
