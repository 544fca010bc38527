"""Faces of a whole film, followed forwards and backwards: each is covered from before it is first found until after
it is last found, and in between."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Final

import numpy as np

from embeddings.types import Box, Face
from overlays.motion import Motion, Numbers, moved, pairs
from overlays.tracking import STARTS_FROM, Followed, around

GAP_SECONDS: Final = 2.0
"""A face that is found again within this time, where it should be by then, was there all the while."""
HELD_SECONDS: Final = 0.4
"""How long a face is covered before it is first found and after it is last found; one frame at least."""
GROWS_A_SECOND: Final = 0.8
"""What a cover gains, in sides of its box, the further its frame is from one in which the face was found."""
GROWS_TO: Final = 1.6
SMOOTHED: Final = (0.1, 0.2, 0.4, 0.2, 0.1)
"""Weights of a box and its neighbours in time."""
BACK_FROM: Final = 8
"""Sights from which the speed backwards is learnt."""

Sights = Sequence[Sequence[Face]]
"""What was seen in each frame, weak suspicions included."""


@dataclass(slots=True, eq=False)
class _Chain:
    """One face through the film: what was seen of it, by the number of the frame."""

    motion: Motion
    seen: dict[int, Face] = field(default_factory=dict)

    def see(self, number: int, face: Face, moment: float) -> None:
        self.motion.see(face.box, moment)
        self.seen[number] = face

    @property
    def first(self) -> int:
        return min(self.seen)

    @property
    def last(self) -> int:
        return max(self.seen)


def follow(sights: Sights, moments: Sequence[float], seeds: Iterator[int] | None = None) -> list[list[Followed]]:
    """The faces to cover in each frame of a film.

    `moments`: seconds of each frame, rising. `seeds`: one for each face. Raises ValueError for other lengths.
    """
    if len(sights) != len(moments):
        raise ValueError("a moment for each frame")
    seeds = count() if seeds is None else seeds
    unclaimed = [list(faces) for faces in sights]
    chains = _forwards(unclaimed, moments)
    _backwards(chains, unclaimed, moments)
    frames: list[list[Followed]] = [[] for _ in moments]
    for chain in chains:
        seed = next(seeds)
        for number, followed in _covers(chain, moments, seed):
            frames[number].append(followed)
    return frames


def _forwards(unclaimed: list[list[Face]], moments: Sequence[float]) -> list[_Chain]:
    """Chains begin at what is surely a face and go on with whatever is where they should be."""
    chains: list[_Chain] = []
    active: list[_Chain] = []
    for number, moment in enumerate(moments):
        active = [chain for chain in active if moment - chain.motion.moment <= GAP_SECONDS]
        _claim(active, unclaimed[number], number, moment, strong=True)
        begun = []
        for face in [face for face in unclaimed[number] if face.score >= STARTS_FROM]:
            begun.append(_Chain(Motion.of(face.box, moment), {number: face}))
            unclaimed[number].remove(face)
        left = [chain for chain in active if number not in chain.seen]
        _claim(left, unclaimed[number], number, moment, strong=False)
        active += begun
        chains += begun
    return chains


def _backwards(chains: list[_Chain], unclaimed: list[list[Face]], moments: Sequence[float]) -> None:
    """From its first sight each chain goes on into what was not sure enough to begin one."""
    starts = {chain: chain.first for chain in chains}
    for chain in chains:
        chain.motion = _reversed(chain, moments)
    for number in range(len(moments) - 1, -1, -1):
        moment = moments[number]
        active = [chain for chain in chains if starts[chain] > number and chain.motion.moment - moment <= GAP_SECONDS]
        _claim(active, unclaimed[number], number, moment, strong=False)


def _reversed(chain: _Chain, moments: Sequence[float]) -> Motion:
    early = sorted(chain.seen)[:BACK_FROM][::-1]
    motion = Motion.of(chain.seen[early[0]].box, moments[early[0]])
    for number in early[1:]:
        motion.see(chain.seen[number].box, moments[number])
    return motion


def _claim(chains: Sequence[_Chain], free: list[Face], number: int, moment: float, *, strong: bool) -> None:
    """Gives each of `free` that is where a chain should be to that chain; `strong`: the sure ones only."""
    faces = [face for face in free if face.score >= STARTS_FROM or not strong]
    matched = pairs([chain.motion for chain in chains], [face.box for face in faces], moment)
    for row, column in matched:
        chains[row].see(number, faces[column], moment)
        free.remove(faces[column])


def _covers(chain: _Chain, moments: Sequence[float], seed: int) -> Iterator[tuple[int, Followed]]:
    first, last = chain.first, chain.last
    numbers = range(_held(first, -1, moments), _held(last, 1, moments) + 1)
    times = np.array([moments[number] for number in numbers])
    known = sorted(chain.seen)
    places = _between(chain, known, moments, times)
    away = np.abs(times[:, None] - np.array([moments[number] for number in known])[None]).min(axis=1)
    for row, number in enumerate(numbers):
        x, y, width, height = places[row]
        box = Box(x - width / 2, y - height / 2, width, height)
        face = chain.seen.get(number)
        if face is not None:
            yield number, Followed(moved(face, around(box, face.box)), seed, found=True)
            continue
        near = min(known, key=lambda each: abs(moments[each] - moments[number]))
        grown = box.scaled(min(GROWS_TO, 1 + GROWS_A_SECOND * float(away[row])))
        yield number, Followed(moved(chain.seen[near], grown), seed, found=False)


def _held(number: int, step: int, moments: Sequence[float]) -> int:
    """The furthest frame from `number` in that direction that is still covered: one, or as long as it is held."""
    end = number + step
    while 0 <= end < len(moments) and abs(moments[end] - moments[number]) <= HELD_SECONDS + 1e-6:
        end += step
    furthest = end - step if end - step != number else end
    return min(max(furthest, 0), len(moments) - 1)


def _between(chain: _Chain, known: Sequence[int], moments: Sequence[float], times: Numbers) -> Numbers:
    """Centre and sides at each of `times`: straight lines between what was seen, at its speed beyond, smoothed."""
    boxes = np.array([[*chain.seen[number].box.center, *_sides(chain.seen[number])] for number in known])
    seen_at = np.array([moments[number] for number in known])
    places = np.stack([np.interp(times, seen_at, column) for column in boxes.T], axis=1)
    for end, order in ((known[0], known[:BACK_FROM][::-1]), (known[-1], known[-BACK_FROM:])):
        motion = Motion.of(chain.seen[order[0]].box, moments[order[0]])
        for number in order[1:]:
            motion.see(chain.seen[number].box, moments[number])
        beyond = times < seen_at[0] if end == known[0] and end != known[-1] else times > seen_at[-1]
        for row in np.flatnonzero(beyond):
            places[row, :2] = motion.at(float(times[row])).center
    return _smooth(places)


def _sides(face: Face) -> tuple[float, float]:
    return face.box.width, face.box.height


def _smooth(places: Numbers) -> Numbers:
    """Weighted means over neighbours; of the sides the largest of three first, so that no cover shrinks for a frame."""
    reach = len(SMOOTHED) // 2
    wide = np.pad(places, ((reach, reach), (0, 0)), mode="edge")
    wide[1:-1, 2:] = np.maximum(np.maximum(wide[:-2, 2:], wide[1:-1, 2:]), wide[2:, 2:])
    return np.stack([np.convolve(column, SMOOTHED, mode="valid") for column in wide.T], axis=1)
