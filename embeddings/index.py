"""Everybody's templates in memory, searched exactly.

A search looks at all templates in bytes along a few axes, which bounds from below what each can cost, and at those in
full that the bound does not exclude.
"""

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from embeddings.axes import Axes
from embeddings.blocks import Block, rows_of
from embeddings.captures import Template
from embeddings.coarse import Coarsener
from embeddings.comparison import ByDistance, Comparison
from embeddings.types import VECTOR_TOLERANCE, FaceVector

_FEW: Final = 64
"""So many are compared in full first, where more are in question: their costs exclude most of the others."""
_CHUNK_BYTES: Final = 2**19
"""Few enough vectors that what is made of them stays in a processor's cache, and in memory that is used again."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody enrolled, how far the probe is (Euclidean, 0 to 2), and the captures behind the template.

    `value`: the distance or score that operating points judge.
    """

    key: UUID
    distance: float = field(repr=False)
    captures: int
    value: float = field(repr=False)


class VectorIndex:
    """Templates of one model, one vector a person. Safe to share between threads.

    Beside each vector lie its own number of the comparison and its bytes. A vector that is removed, replaced or moved
    is overwritten.
    """

    def __init__(
        self, model_id: str, dimension: int, comparison: Comparison | None = None, axes: Axes | None = None
    ) -> None:
        """`comparison`: by bare distance where it is not given. `axes`: how fast a search is, never its answer."""
        self.model_id = model_id
        self.dimension = dimension
        self.comparison: Comparison = comparison or ByDistance()
        self._coarsener = Coarsener(axes or Axes.plain(dimension))
        self._lock = threading.Lock()
        self._rows = rows_of(self._coarsener.axes.count)
        self._blocks = [self._block()]
        # As bytes: an object for each of very many people would be half of what filling takes.
        self._keys: list[bytes] = []
        self._places: dict[bytes, int] = {}
        self._numbers: Counter[int] = Counter()

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, UUID) and key.bytes in self._places

    def keys(self) -> set[UUID]:
        """Everybody in the index."""
        with self._lock:
            return {UUID(bytes=key) for key in self._keys}

    def captures(self) -> set[int]:
        """The numbers of captures that stand behind templates."""
        with self._lock:
            return {number for number, people in self._numbers.items() if people}

    def put(self, key: UUID, template: Template) -> None:
        """Add somebody, or replace their template. Raises ValueError for a vector of another model."""
        self._check(template.vector)
        self._put([key.bytes], template.vector.values[None], np.array([template.captures], np.int32))

    def put_all(self, keys: Sequence[bytes], rows: NDArray[np.float32], captures: NDArray[np.int32]) -> None:
        """Add or replace many: the 16 bytes of each key, unit vectors of this model [n, dimension] and how many
        captures stand behind each [n].

        Raises ValueError for another shape or length, and for a key that comes twice.
        """
        if rows.shape != (len(keys), self.dimension) or rows.dtype != np.float32 or captures.shape != (len(keys),):
            raise ValueError("vectors of another model do not belong into this index")
        if len(set(keys)) != len(keys):
            raise ValueError("each person has one template")
        lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
        if not (np.abs(lengths - 1) <= VECTOR_TOLERANCE).all() or (captures < 1).any():
            raise ValueError("a face vector has length 1, and a capture behind it")
        count = max(1, _CHUNK_BYTES // (rows.itemsize * self.dimension))
        for start in range(0, len(keys), count):
            some = slice(start, start + count)
            self._put(keys[some], rows[some], captures[some])

    def _put(self, keys: Sequence[bytes], rows: NDArray[np.float32], captures: NDArray[np.int32]) -> None:
        made = Block.of(rows, captures, self._coarsener, self.comparison)
        with self._lock:
            number = 0
            while number < len(keys):
                place = self._places.get(keys[number])
                if place is not None:
                    block, where = self._place(place)
                    self._numbers[int(block.captures[where])] -= 1
                    self._numbers[int(captures[number])] += 1
                    block.copy_from(made, number, 1, where)
                    number += 1
                    continue
                known = (later for later in range(number, len(keys)) if keys[later] in self._places)
                number = self._append(keys, made, number, next(known, len(keys)))

    def _append(self, keys: Sequence[bytes], made: Block, start: int, end: int) -> int:
        """Adds new people, as many as one block has room for; the number of the next."""
        first = len(self._keys)
        block, place = self._room(first, end - start)
        end = min(end, start + block.capacity - place)
        block.copy_from(made, start, end - start, place)
        self._numbers.update(made.captures[start:end].tolist())
        self._keys.extend(keys[start:end])
        self._places.update(zip(keys[start:end], range(first, len(self._keys)), strict=True))
        return end

    def remove(self, key: UUID) -> bool:
        """Forget somebody: the vector is overwritten. False where there was none."""
        with self._lock:
            number = self._places.pop(key.bytes, None)
            if number is None:
                return False
            last, moved = len(self._keys) - 1, self._keys.pop()
            block, place = self._place(last)
            hole, where = self._place(number)
            self._numbers[int(hole.captures[where])] -= 1
            if number != last:
                hole.copy_from(block, place, 1, where)
                self._keys[number] = moved
                self._places[moved] = number
            block.wipe(place)
            if place == 0 and len(self._blocks) > 1:
                self._blocks.pop()
            return True

    def get(self, key: UUID) -> Template | None:
        """A copy of somebody's template."""
        with self._lock:
            number = self._places.get(key.bytes)
            if number is None:
                return None
            block, place = self._place(number)
            return Template(FaceVector(block.rows[place].copy(), self.model_id), int(block.captures[place]))

    def search(self, vector: FaceVector, limit: int = 8, worst: float | None = None) -> list[Candidate]:
        """The `limit` most alike people by the comparison, exactly: float64 values rank.

        `worst`: a distance or score; whoever is less alike may be left out, which is far faster.
        """
        self._check(vector)
        if limit < 1:
            raise ValueError("a search asks for at least one candidate")
        probe = float(self.comparison.own(vector.values[None])[0])
        most = np.inf if worst is None else self.comparison.cost(worst, probe)
        with self._lock:
            places = self._survivors(vector.values, limit, most)
            if not places.size:
                return []
            blocks = [self._place(int(place)) for place in places]
            rows = np.stack([block.rows[place] for block, place in blocks])
            own = np.array([block.own[place] for block, place in blocks])
            exact = np.linalg.norm(rows.astype(np.float64) - vector.values.astype(np.float64), axis=1)
            values = self.comparison.values(exact, probe, own)
            order = np.argsort(exact**2 / 2 + own, kind="stable")[:limit]
            return [
                Candidate(
                    UUID(bytes=self._keys[places[i]]),
                    float(exact[i]),
                    int(blocks[i][0].captures[blocks[i][1]]),
                    float(values[i]),
                )
                for i in map(int, order)
            ]

    def _survivors(self, values: NDArray[np.float32], limit: int, most: float) -> NDArray[np.int64]:
        """The places of all that can be among the `limit` that cost least, and cost at most `most`."""
        coarsener = self._coarsener
        question = coarsener.question(values)
        nearest = _Nearest(limit, most - question.offset, 3 * coarsener.rounding)
        for number, block in enumerate(self._blocks):
            least = coarsener.least(question, block.coarse)
            some = np.flatnonzero(least < nearest.bound)
            if some.size > _FEW:
                order = np.argpartition(least[some], _FEW)
                few, some = some[order[:_FEW]], some[order[_FEW:]]
                nearest.add(number * self._rows + few, block.full(few, question))
                some = some[least[some] < nearest.bound]
            if some.size:
                nearest.add(number * self._rows + some, block.full(some, question))
        return np.sort(nearest.places)

    def compare(self, probe: FaceVector, template: FaceVector) -> float:
        """The distance or score of two vectors. Raises ValueError for vectors of another model."""
        distance = probe.distance(template)
        self._check(template)
        own = self.comparison.own(np.stack((probe.values, template.values)))
        return float(self.comparison.values(np.array([distance]), float(own[0]), own[1:])[0])

    def _check(self, vector: FaceVector) -> None:
        if vector.model_id != self.model_id or vector.values.shape != (self.dimension,):
            raise ValueError("a vector of another model does not belong into this index")

    def _block(self) -> Block:
        return Block(self.dimension, self._coarsener.axes.count, self._rows)

    def _place(self, number: int) -> tuple[Block, int]:
        return self._blocks[number // self._rows], number % self._rows

    def _room(self, first: int, count: int) -> tuple[Block, int]:
        """Where the next of `count` templates goes."""
        if first == self._rows * len(self._blocks):
            self._blocks.append(self._block())
        block, place = self._blocks[-1], first % self._rows
        block.widen(min(self._rows, place + count))
        return block, place


class _Nearest:
    """The places that cost least so far, and the bound that the next has to cost less than."""

    def __init__(self, limit: int, most: float, rounding: float) -> None:
        self.places = np.zeros(0, np.int64)
        self._costs = np.zeros(0, np.float32)
        self._limit = limit
        self._rounding = rounding
        self.bound = most + rounding

    def add(self, places: NDArray[np.int64], costs: NDArray[np.float32]) -> None:
        places, costs = np.concatenate((self.places, places)), np.concatenate((self._costs, costs))
        if costs.size > self._limit:
            last = float(np.partition(costs, self._limit - 1)[self._limit - 1])
            self.bound = min(self.bound, last + self._rounding)
        kept = costs < self.bound
        self.places, self._costs = places[kept], costs[kept]
