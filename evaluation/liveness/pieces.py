"""A film cut into what a challenge asks for: rests, and movements from a rest and back."""

from dataclasses import dataclass, field
from typing import Final

from embeddings.liveness.reading import Neutral, Reading
from embeddings.liveness.referee import HELD, SETTLED_PITCH, SETTLED_YAW, STRAIGHT
from embeddings.liveness.steps import Step
from evaluation.liveness.films import Watched

REST: Final = 0.5  # seconds
LONGEST: Final = 6.0  # seconds of a movement
ALIKE: Final = 5.0  # degrees between a rest and the usual one
LEAVES_YAW: Final = 5.0  # degrees beside the rest at which a movement begins
LEAVES_PITCH: Final = 7.0


@dataclass(frozen=True, slots=True)
class Span:
    """Frames from `start` up to `end`, without it."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Pieces:
    """`rests`: the face still and straight. `moves`: for each turn, where the film does it."""

    rests: tuple[Span, ...] = ()
    moves: dict[Step, tuple[Span, ...]] = field(default_factory=dict)


def cut(film: Watched) -> Pieces:
    """Movements are found beside the nearest rest before them, else after; a film without a rest has no pieces."""
    readings = [frame.look.reading if frame.look is not None else None for frame in film.frames]
    rests = _straight_rests(readings, _rests(readings, max(2, round(REST * film.rate))))
    moves: dict[Step, list[Span]] = {}
    for step, span in _moves(readings, rests, film.rate):
        moves.setdefault(step, []).append(span)
    return Pieces(tuple(rest for rest, _ in rests), {step: tuple(spans) for step, spans in moves.items()})


def _rests(readings: list[Reading | None], length: int) -> list[Span]:
    rests: list[Span] = []
    for start in range(len(readings) - length + 1):
        window = [each for each in readings[start : start + length] if each is not None]
        if len(window) < length or not _still(window):
            continue
        if rests and start < rests[-1].end:
            grown = Span(rests[-1].start, start + length)
            if _still([each for each in readings[grown.start : grown.end] if each is not None]):
                rests[-1] = grown
        else:
            rests.append(Span(start, start + length))
    return rests


def _still(readings: list[Reading]) -> bool:
    yaws, pitches = [each.yaw for each in readings], [each.pitch for each in readings]
    if max(yaws) - min(yaws) >= SETTLED_YAW or max(pitches) - min(pitches) >= SETTLED_PITCH:
        return False
    return max(abs(yaw) for yaw in yaws) < STRAIGHT


def _moves(
    readings: list[Reading | None], straight: list[tuple[Span, Neutral]], rate: float
) -> list[tuple[Step, Span]]:
    found: list[tuple[Step, Span]] = []
    at = 0
    while straight and at < len(readings):
        neutral = _nearest(straight, at)
        step = _held(readings, at, neutral, max(2, round(HELD * rate) + 1))
        if step is None:
            at += 1
            continue
        span = Span(_back(readings, at, neutral), _forth(readings, at, neutral, step))
        if span.end - span.start <= LONGEST * rate:
            found.append((step, span))
        at = max(span.end, at + 1)
    return found


def _straight_rests(readings: list[Reading | None], rests: list[Span]) -> list[tuple[Span, Neutral]]:
    """The rests in which the person looks as most of the time: not those in the middle of a movement, and none from
    which to another there is a jump that no person makes."""
    every = [each for rest in rests for each in readings[rest.start : rest.end] if each is not None]
    if not every:
        return []
    usual = Neutral.of(every)
    made = [(rest, Neutral.of([each for each in readings[rest.start : rest.end] if each])) for rest in rests]
    return [
        (rest, own) for rest, own in made if abs(own.yaw - usual.yaw) < ALIKE and abs(own.pitch - usual.pitch) < ALIKE
    ]


def _nearest(rests: list[tuple[Span, Neutral]], at: int) -> Neutral:
    return min(rests, key=lambda rest: abs(rest[0].end - at) if rest[0].end <= at else 2 * abs(rest[0].start - at))[1]


def _held(readings: list[Reading | None], at: int, neutral: Neutral, length: int) -> Step | None:
    window = readings[at : at + length]
    turns = {neutral.turn(each) if each is not None else None for each in window}
    return turns.pop() if len(window) == length and len(turns) == 1 else None


def _back(readings: list[Reading | None], at: int, neutral: Neutral) -> int:
    """To where the movement left the rest."""
    while at > 0:
        before = readings[at - 1]
        if before is None:
            return at
        at -= 1
        if abs(before.yaw - neutral.yaw) < LEAVES_YAW and abs(before.pitch - neutral.pitch) < LEAVES_PITCH:
            return at
    return at


def _forth(readings: list[Reading | None], at: int, neutral: Neutral, step: Step) -> int:
    """To where the face looks straight again, or begins another movement."""
    while at < len(readings):
        now = readings[at]
        turn = neutral.turn(now) if now is not None else step
        if (now is not None and neutral.looks_straight(now)) or turn not in {step, None}:
            return at + 1
        at += 1
    return at
