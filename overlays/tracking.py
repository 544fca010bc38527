"""Faces followed from frame to frame as they come: who is missed for a while stays covered."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final

from embeddings.types import Box, Face
from overlays.motion import Motion, moved, pairs

STARTS_FROM: Final = 0.3
"""Least score of a face that nobody followed before; one that is followed is recognised by any."""
KEPT_SECONDS: Final = 1.2
"""A face that is no longer found stays covered for so long, and until a thorough search has missed it too."""
GROWS_A_SECOND: Final = 1.0
"""What the cover of a face that is not found gains, in sides of its box: it may have moved."""
GROWS_TO: Final = 1.8


@dataclass(frozen=True, slots=True, eq=False)
class Followed:
    """A face of this frame. `seed`: the same as long as it is followed. `found`: False where it was missed, and its
    box is where it should be, grown."""

    face: Face
    seed: int
    found: bool


@dataclass(slots=True, eq=False)
class _Track:
    face: Face
    motion: Motion
    seed: int
    last_seen: float
    found: bool = True
    missed_thoroughly: bool = False

    def see(self, face: Face, moment: float) -> None:
        self.motion.see(face.box, moment)
        self.face, self.last_seen, self.found, self.missed_thoroughly = face, moment, True, False

    def shown(self, moment: float) -> Followed:
        gone = moment - self.last_seen
        if self.found:
            return Followed(moved(self.face, around(self.motion.at(moment), self.face.box)), self.seed, found=True)
        grown = self.motion.at(moment).scaled(min(GROWS_TO, 1 + GROWS_A_SECOND * gone))
        return Followed(moved(self.face, grown), self.seed, found=False)


class Tracker:
    """Faces of one camera. `seeds`: one for each new face. Not to be shared between threads."""

    def __init__(self, seeds: Iterator[int] | None = None) -> None:
        self._seeds = count() if seeds is None else seeds
        self._tracks: list[_Track] = []

    def update(self, seen: Sequence[Face], moment: float, *, thorough: bool) -> list[Followed]:
        """The faces to cover in the frame of `moment` (seconds, never falling), in which a search saw `seen`.

        `thorough`: whether the search was the thorough one, whose word counts when a face is gone.
        """
        for track in self._tracks:
            track.found = False
        strong = [face for face in seen if face.score >= STARTS_FROM]
        weak = [face for face in seen if face.score < STARTS_FROM]
        for faces in (strong, weak):
            left = [track for track in self._tracks if not track.found]
            matched = pairs([track.motion for track in left], [face.box for face in faces], moment)
            for row, column in matched:
                left[row].see(faces[column], moment)
            if faces is strong:
                taken = {column for _, column in matched}
                self._begin([face for number, face in enumerate(strong) if number not in taken], moment)
        self._end(moment, thorough=thorough)
        return [track.shown(moment) for track in self._tracks]

    def _begin(self, faces: Sequence[Face], moment: float) -> None:
        self._tracks += [_Track(face, Motion.of(face.box, moment), next(self._seeds), moment) for face in faces]

    def _end(self, moment: float, *, thorough: bool) -> None:
        for track in self._tracks:
            track.missed_thoroughly |= thorough and not track.found
        self._tracks = [
            track for track in self._tracks if not (track.missed_thoroughly and moment - track.last_seen > KEPT_SECONDS)
        ]


def around(smooth: Box, seen: Box) -> Box:
    """The smoothed box, grown where it would leave out some of what was seen."""
    x, y = min(smooth.x, seen.x), min(smooth.y, seen.y)
    return Box(x, y, max(smooth.right, seen.right) - x, max(smooth.bottom, seen.bottom) - y)
