"""Where an index keeps its templates: a few thousand side by side, in full and in bytes, and nothing of who left."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from embeddings.coarse import Coarse, Coarsener, Question
from embeddings.comparison import Comparison

FIRST_ROWS: Final = 16
ROWS: Final = 16_384


class Block:
    """Room for `capacity` templates, filled from the front; not safe to share between threads.

    `rows` float32 [capacity, dimension]; `captures` int32, `own` float64 [capacity], the comparison's number; `coarse`:
    the same in bytes, its costs with the comparison's number. A place without a template starts infinitely high.
    """

    def __init__(self, dimension: int, axes: int, capacity: int = FIRST_ROWS) -> None:
        self.rows: NDArray[np.float32] = np.zeros((capacity, dimension), np.float32)
        self.captures: NDArray[np.int32] = np.zeros(capacity, np.int32)
        self.own: NDArray[np.float64] = np.zeros(capacity)
        codes, costs, slack = np.zeros((axes, capacity), np.int8), *np.zeros((2, capacity), np.float32)
        self.coarse = Coarse(codes, costs, np.full(capacity, np.inf, np.float32), slack)

    @classmethod
    def of(
        cls, rows: NDArray[np.float32], captures: NDArray[np.int32], coarsener: Coarsener, comparison: Comparison
    ) -> "Block":
        """A full one, of unit vectors [n, dimension] and how many captures stand behind each [n]."""
        block = cls(rows.shape[1], coarsener.axes.count, 0)
        block.rows, block.captures, block.own = rows, captures, comparison.own(rows)
        block.coarse = coarsener.templates(rows)
        for part in (block.coarse.costs, block.coarse.starts):
            np.add(part, block.own, out=part, casting="same_kind")
        return block

    @property
    def capacity(self) -> int:
        return len(self.rows)

    def copy_from(self, other: "Block", source: int, count: int, place: int) -> None:
        """Takes over some of another block's templates."""
        for mine, theirs in zip(self.parts(), other.parts(), strict=True):
            mine[..., place : place + count] = theirs[..., source : source + count]

    def wipe(self, place: int, count: int = 1) -> None:
        """Overwrites templates."""
        for part in self.parts():
            part[..., place : place + count] = 0
        self.coarse.starts[place : place + count] = np.inf

    def parts(self) -> tuple[NDArray[Any], ...]:
        """All that is known of the templates, each [..., capacity]."""
        coarse = self.coarse
        return self.rows.T, self.captures, self.own, coarse.codes, coarse.costs, coarse.slack, coarse.starts

    def grown(self, needed: int) -> "Block":
        """At least twice the room and the same templates. This one is wiped: the freed memory keeps nobody."""
        larger = Block(self.rows.shape[1], len(self.coarse.codes), min(ROWS, max(needed, 2 * self.capacity)))
        larger.copy_from(self, 0, self.capacity, 0)
        self.wipe(0, self.capacity)
        return larger

    def full(self, places: NDArray[np.int64], question: Question) -> NDArray[np.float32]:
        """What the templates at these places cost, in float32, less the probe's part `offset`."""
        if 4 * places.size > self.capacity:  # then copying them takes longer
            products = (self.rows @ question.apart)[places]
        else:
            products = self.rows.take(places, axis=0) @ question.apart
        costs: NDArray[np.float32] = self.coarse.costs[places] - products + question.middle
        return costs
