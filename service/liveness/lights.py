"""After the steps, where the settings ask for it: the screen shows colours one by one, and the face must answer."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from embeddings.liveness.judge import OTHERS
from embeddings.liveness.light import LATEST, SHOWN, Colour, answer, draw
from embeddings.liveness.observation import Look, Observation, Tint
from embeddings.liveness.verdict import LEAST_VECTORS, Check, failed, undecided

PATIENCE: Final = 3.0
"""Seconds from telling a colour to the first frame under it."""
GAP: Final = 0.6
"""Seconds between two frames with a face at most: in a longer one somebody else may have come."""


@dataclass(slots=True)
class Lights:
    """`number`: of the colour that is told, from 0. The next is told only when frames came under the one before, so
    that nobody knows the sequence beforehand."""

    colours: Sequence[Colour] = field(default_factory=draw)
    number: int = 0
    over: bool = False
    _since: float | None = None
    _others: int = 0
    _limit: float = 0.0
    _person: list[Look] = field(default_factory=list)
    _vectors: list[Look] = field(default_factory=list)
    _marks: list[float] = field(default_factory=list)
    _times: list[float] = field(default_factory=list)
    _tints: list[Tint] = field(default_factory=list)

    @property
    def begun(self) -> bool:
        return self._since is not None

    @property
    def asked(self) -> Colour:
        return self.colours[self.number]

    def begin(self, at: float, limit: float, frames: Sequence[Look]) -> None:
        """`limit`: farthest distance of the same person's vectors; `frames`: of the steps, done a moment ago."""
        self._since, self._limit, self._person = at, limit, list(frames)

    def feed(self, seen: Observation, lit: int | None) -> None:
        """`lit`: the number of the colour that the screen showed when the frame was taken, by the page's own word."""
        if self._since is None or self.over:
            return
        self._others = self._others + 1 if seen.others else 0
        if self._others >= OTHERS:
            self.over = True
        elif lit == self.number and len(self._marks) == self.number:
            self._marks.append(seen.at)
        if seen.look is not None:
            self._see(seen.look)
        if len(self._marks) <= self.number:
            self.over = self.over or seen.at - self._since > PATIENCE
            return
        last, shown = self.number + 1 == len(self.colours), seen.at - self._marks[-1]
        if last:
            self.over = self.over or shown >= SHOWN + LATEST
        elif shown >= SHOWN:
            self.number, self._since = self.number + 1, seen.at

    def check(self) -> Check:
        """Once over."""
        if self._others >= OTHERS:
            return failed("light", "several_faces")
        if not self._same_person():
            return failed("light", "another_person")
        if len(self._marks) == len(self.colours) and (len(self._vectors) < LEAST_VECTORS or not self._steady()):
            return undecided("light", "face_not_recognised")
        return answer(self._times, self._tints, self.colours, self._marks)

    def _see(self, look: Look) -> None:
        if look.vector is not None:
            self._vectors.append(look)
        if look.tint is not None and self._marks:
            self._times.append(look.reading.at)
            self._tints.append(look.tint)

    def _same_person(self) -> bool:
        mean = np.sum([each.vector.values for each in self._person if each.vector is not None], axis=0)
        mean = mean / max(float(np.linalg.norm(mean)), 1e-9)
        vectors = [each.vector.values for each in self._vectors if each.vector is not None]
        return all(float(np.linalg.norm(values - mean)) <= self._limit for values in vectors)

    def _steady(self) -> bool:
        return bool(self._times) and float(np.diff(self._times, prepend=self._marks[:1]).max()) <= GAP
