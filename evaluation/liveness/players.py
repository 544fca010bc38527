"""Who stands before the camera: a person who does what is asked, or one of the attacks."""

import random
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from embeddings.liveness.judge import Judge, Limits, Progress
from embeddings.liveness.observation import Observation
from embeddings.liveness.steps import Challenge, Step
from embeddings.liveness.verdict import Verdict
from evaluation.liveness.films import Watched
from evaluation.liveness.pieces import Pieces, Span

REACTION: Final = (0.3, 1.0)  # seconds from the step being shown to the movement
LONGEST: Final = 60.0  # seconds of a try


class Player(Protocol):
    """Gives the next frame of a film, and whether it follows the frame before as a camera's does."""

    @property
    def film(self) -> Watched: ...

    def next(self, progress: Progress | None, at: float) -> tuple[int, bool]: ...


@dataclass(slots=True)
class Recording:
    """A film as it was recorded, begun anywhere, over and over; it knows nothing of the challenge."""

    film: Watched
    source: random.Random
    place: int = -1

    def next(self, progress: Progress | None, at: float) -> tuple[int, bool]:  # noqa: ARG002
        if self.place < 0:
            self.place = self.source.randrange(len(self.film.frames))
            return self.place, False
        self.place = (self.place + 1) % len(self.film.frames)
        return self.place, self.place > 0


@dataclass(slots=True)
class Answering:
    """Rests, forwards and backwards, until a step is shown; then the film's own movement, after the time that a person
    needs; then rests again."""

    film: Watched
    pieces: Pieces
    source: random.Random
    reaction: tuple[float, float] = REACTION
    _span: Span | None = None
    _moving: bool = False
    _place: int = 0
    _forwards: int = 1
    _done: int = -1  # the place in the challenge that was answered
    _begin: float = field(default=-1.0)

    def next(self, progress: Progress | None, at: float) -> tuple[int, bool]:
        if self._span is None:
            return self._jump(self.source.choice(self.pieces.rests), moving=False)
        step = progress.step if progress is not None else None
        if step is not None and progress is not None and progress.place > self._done and not self._moving:
            if self._begin < 0:
                self._begin = at + self.source.uniform(*self.reaction)
            if at >= self._begin and step in self.pieces.moves:
                self._done, self._begin = progress.place, -1.0
                return self._jump(self.source.choice(self.pieces.moves[step]), moving=True)
        return self._go_on()

    def _go_on(self) -> tuple[int, bool]:
        span = self._span
        if span is None or (self._moving and self._place + 1 >= span.end):
            after = self._place
            return self._jump(min(self.pieces.rests, key=lambda rest: abs(rest.start - after)), moving=False)
        if not self._moving and not span.start <= self._place + self._forwards < span.end:
            self._forwards = -self._forwards
        self._place += self._forwards
        return self._place, True

    def _jump(self, span: Span, *, moving: bool) -> tuple[int, bool]:
        self._span, self._moving, self._place, self._forwards = span, moving, span.start, 1
        return self._place, False


def play(player: Player, challenge: Challenge, limits: Limits, *, smooth: bool) -> Verdict:
    """One try in real time of the film. `smooth`: where the player's film is cut, nobody can see it, which is so for a
    person, whose cuts are of our making, and for an attacker who hides them."""
    judge = Judge(challenge, limits)
    progress, number, step = None, 0, 1 / player.film.rate
    while not judge.finished and number * step <= LONGEST:
        at = number * step
        place, follows = player.next(progress, at)
        if smooth and not follows:
            judge.continuity.restart()
        progress = judge.feed(_at(player.film.frames[place], at, number))
        number += 1
    return judge.verdict()


def steps_of(pieces: Pieces) -> tuple[Step, ...]:
    """What a film can answer at all."""
    return tuple(sorted(pieces.moves)) if pieces.rests else ()


def _at(frame: Observation, at: float, number: int) -> Observation:
    """The frame at another time, and as a camera would give it: never the same twice to the last bit."""
    look = frame.look
    if look is not None:
        look = replace(look, reading=replace(look.reading, at=at))
    return replace(frame, at=at, look=look, fingerprint=number)
