"""Everybody enrolled against everybody else: who is nearest to whom, and which two people a login could confuse."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from embeddings.captures import average
from embeddings.comparison import Comparison
from embeddings.operating import Mode, OperatingPoint
from embeddings.types import FaceVector
from evaluation.trials import turned

PointOf = Callable[[Mode], OperatingPoint]
"""The operating point that judges a mode."""
MOST_PAIRS: Final = 10_000
"""Kept at most, the likeliest; a hundred people, the most that 1:N is answered for, have 4,950."""
BLOCK: Final = 2048
"""People whose products are in memory at once, squared."""
Vectors = NDArray[np.float32]
Numbers = NDArray[np.float64]


class Members:
    """People by number, each with a template and the probes that stand for their logins: every single capture, and
    all captures together.

    `templates` float32 [people, dimension]; `captures` int [people]. `probes` float32 [rows, dimension], person by
    person; `behind` int [rows], the captures behind each; `starts` int [people + 1], where each person's rows begin.
    """

    def __init__(self, people: Sequence[tuple[Sequence[FaceVector], Sequence[int]]], comparison: Comparison) -> None:
        """`people`: of each the vectors and the capture number of every vector. Raises ValueError for nobody."""
        templates, probes, behind, starts = [], [], [], [0]
        for vectors, groups in people:
            whole = average(vectors, groups)
            rows = [capture.values for capture in captures_of(vectors, groups)]
            behind += [1] * len(rows)
            if whole.captures > 1:
                rows.append(whole.vector.values)
                behind.append(whole.captures)
            templates.append(whole.vector.values)
            probes += rows
            starts.append(len(probes))
        self.templates: Vectors = np.stack(templates)
        self.probes: Vectors = np.stack(probes)
        self.behind: NDArray[np.intp] = np.array(behind)
        self.starts: NDArray[np.intp] = np.array(starts)
        self.captures: NDArray[np.intp] = np.maximum.reduceat(self.behind, self.starts[:-1])
        self.comparison = comparison
        self._template_own = comparison.own(self.templates)
        self._probe_own = comparison.own(self.probes)

    def __len__(self) -> int:
        return len(self.templates)

    def alike(self, rows: slice, people: slice) -> Iterator[Numbers]:
        """Of each probe the distances or scores to those people's templates, turned so that larger is more alike."""
        cosines, turn = self.probes[rows] @ self.templates[people].T, turned(1.0, self.comparison.measure)
        for line, own in zip(cosines, self._probe_own[rows], strict=True):
            distances = np.sqrt(np.maximum(0.0, 2 - 2 * line.astype(np.float64)))
            yield turn * self.comparison.values(distances, float(own), self._template_own[people])

    def rows(self, first: int, last: int) -> slice:
        """The probes of the people from `first` up to before `last`."""
        return slice(int(self.starts[first]), int(self.starts[last]))


@dataclass(frozen=True, slots=True)
class Likeness:
    """The likeliest way one of two people would pass as the other: the distance or score, and its mode."""

    value: float = field(repr=False)
    mode: Mode


@dataclass(frozen=True, slots=True, eq=False)
class Confusions:
    """`nearest` int [people]: the other person who comes nearest to passing. `comparisons`: of a single capture with
    somebody else's template; `accepted` of them, where the points let one expect `expected`.

    `pairs`: how many two people could be confused, in one direction or the other; `likeliest`: they, or the first
    MOST_PAIRS of them, by person numbers.
    """

    nearest: NDArray[np.intp]
    comparisons: int
    accepted: int
    expected: float
    pairs: int
    likeliest: tuple[tuple[int, int], ...]


def captures_of(vectors: Sequence[FaceVector], groups: Sequence[int]) -> list[FaceVector]:
    """One vector for each capture, as a login with that capture alone would give."""
    chosen = [[vector for vector, its in zip(vectors, groups, strict=True) if its == number] for number in set(groups)]
    return [average(some, [0] * len(some)).vector for some in chosen]


def confusions(
    members: Members, point: PointOf, block: int = BLOCK, tell: Callable[[float], None] | None = None
) -> Confusions:
    """All people as each other, by blocks; float32 products, so that a likeness within 1e-6 of a threshold may fall
    either way. `tell` is called with the share that is done, 0 to 1. Raises ValueError with fewer than two people, and
    what `point` and `tell` raise."""
    if len(members) < 2:
        raise ValueError("fewer than two people cannot be confused")
    limits = _limits(members, point)
    count = len(members)
    nearest, rooms = np.zeros(count, np.intp), np.full(count, -np.inf)
    pairs, accepted = _Likeliest(), 0
    tiles = _tiles(count, block)
    for number, (first, second) in enumerate(tiles):
        if tell is not None:
            tell(number / len(tiles))
        room, passed = _room(members, limits, first, second)
        accepted += passed
        if first != second:
            back, passed = _room(members, limits, second, first)
            accepted += passed
            room = np.maximum(room, back.T)
            _note(nearest, rooms, second, room.T, first.start)
        else:
            room = np.maximum(room, room.T)
        _note(nearest, rooms, first, room, second.start)
        pairs.add(room, first.start, second.start)
    singles = int((members.behind == 1).sum())
    of_each = np.array([point(Mode(int(captures), 1)).fmr for captures in members.captures])
    expected = float((of_each * (singles - members.captures)).sum())
    comparisons = singles * (count - 1)
    return Confusions(nearest, comparisons, accepted, expected, pairs.count, pairs.sorted())


def closest(members: Members, one: int, other: int, point: PointOf) -> Likeness:
    """How one of two people would pass as the other most easily, or come nearest to it."""
    found: list[tuple[float, Likeness]] = []
    for probe, template in ((one, other), (other, one)):
        rows, captures = members.rows(probe, probe + 1), int(members.captures[template])
        lines = members.alike(rows, slice(template, template + 1))
        for line, behind in zip(lines, members.behind[rows], strict=True):
            mode, value = Mode(captures, int(behind)), turned(float(line[0]), members.comparison.measure)
            found.append((point(mode).room(value), Likeness(value, mode)))
    return max(found, key=lambda entry: entry[0])[1]


def _limits(members: Members, point: PointOf) -> Numbers:
    """Thresholds [captures enrolled, captures of the probe], turned; NaN for what does not occur."""
    most, measure = int(members.captures.max()), members.comparison.measure
    limits = np.full((most + 1, most + 1), np.nan)
    for enrolled in np.unique(members.captures):
        for captures in np.unique(members.behind):
            limits[enrolled, captures] = turned(point(Mode(int(enrolled), int(captures))).threshold, measure)
    return limits


def _tiles(count: int, block: int) -> list[tuple[slice, slice]]:
    blocks = [slice(start, min(start + block, count)) for start in range(0, count, block)]
    return [(first, second) for place, first in enumerate(blocks) for second in blocks[place:]]


def _room(members: Members, limits: Numbers, first: slice, second: slice) -> tuple[Numbers, int]:
    """How far beyond the thresholds the first people come as the second, float64 [first, second]; how often a single
    capture of somebody else passes."""
    best = np.full((first.stop - first.start, second.stop - second.start), -np.inf)
    rows = members.rows(first.start, first.stop)
    people = np.searchsorted(members.starts, np.arange(rows.start, rows.stop), side="right") - 1
    enrolled, accepted = members.captures[second], 0
    lines = members.alike(rows, second)
    for line, person, behind in zip(lines, people, members.behind[rows], strict=True):
        room = line - limits[enrolled, behind]
        if second.start <= person < second.stop:
            room[person - second.start] = -np.inf
        if behind == 1:
            accepted += int(np.count_nonzero(room >= 0))
        row = best[person - first.start]
        np.maximum(row, room, out=row)
    return best, accepted


def _note(nearest: NDArray[np.intp], rooms: Numbers, people: slice, room: Numbers, start: int) -> None:
    """Takes over who is nearer than whoever was the nearest so far."""
    best = room.argmax(axis=1)
    values = room[np.arange(len(room)), best]
    nearer = values > rooms[people]
    nearest[people][nearer] = best[nearer] + start
    rooms[people][nearer] = values[nearer]


class _Likeliest:
    """Counts the pairs with room and keeps those with the most."""

    def __init__(self) -> None:
        self.count = 0
        self._kept: list[tuple[float, int, int]] = []

    def add(self, room: Numbers, first: int, second: int) -> None:
        rows, columns = np.nonzero(room >= 0)
        upper = rows + first < columns + second
        rows, columns = rows[upper], columns[upper]
        self.count += len(rows)
        values = room[rows, columns]
        for place in np.argsort(-values)[:MOST_PAIRS]:
            self._kept.append((float(values[place]), int(rows[place]) + first, int(columns[place]) + second))
        self._kept = sorted(self._kept, reverse=True)[:MOST_PAIRS]

    def sorted(self) -> tuple[tuple[int, int], ...]:
        return tuple((one, other) for _, one, other in self._kept)
