"""Where an index keeps its templates: a few thousand side by side, in full and in bytes, and nothing of who left."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from embeddings.coarse import Coarse, Coarsener, Question
from embeddings.comparison import Comparison

ROWS: Final = 65_536
_MOST_BYTES: Final = 2**23
_FIRST: Final = 16


def rows_of(axes: int) -> int:
    """How many templates a block holds: enough to be worth a call, few enough that their bytes stay in a cache."""
    return min(ROWS, _MOST_BYTES // axes)


class Block:
    """Room for `capacity` templates, filled from the front; not safe to share between threads.

    `rows` float32 [capacity, dimension]; `captures` int32, `own` float64 [capacity], the comparison's number; `coarse`:
    the same in bytes, for `width` of them, its costs with the comparison's number. A place without a template starts
    infinitely high. Memory for rows is taken by the system when they are written, so that only `coarse`, which is read
    as a whole, has to grow.
    """

    def __init__(self, dimension: int, axes: int, capacity: int) -> None:
        self.rows: NDArray[np.float32] = np.zeros((capacity, dimension), np.float32)
        self.captures: NDArray[np.int32] = np.zeros(capacity, np.int32)
        self.own: NDArray[np.float64] = np.zeros(capacity)
        self.coarse = _empty(axes, min(_FIRST, capacity))

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

    @property
    def width(self) -> int:
        return len(self.coarse.costs)

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
        """All that is known of the templates, each [..., n]."""
        return self.rows.T, self.captures, self.own, *_parts(self.coarse)

    def widen(self, needed: int) -> None:
        """Makes room for so many in bytes, and some more. What was there is wiped: the freed memory keeps nobody."""
        if needed <= self.width:
            return
        old = self.coarse
        self.coarse = _empty(len(old.codes), min(self.capacity, max(needed, self.width + self.width // 4)))
        for part, before in zip(_parts(self.coarse), _parts(old), strict=True):
            part[..., : before.shape[-1]] = before
            before[:] = 0

    def full(self, places: NDArray[np.int64], question: Question) -> NDArray[np.float32]:
        """What the templates at these places cost, in float32, less the probe's part `offset`."""
        if 4 * places.size > self.width:  # then copying them takes longer
            products = (self.rows[: self.width] @ question.apart)[places]
        else:
            products = self.rows.take(places, axis=0) @ question.apart
        costs: NDArray[np.float32] = self.coarse.costs[places] - products + question.middle
        return costs


def _empty(axes: int, width: int) -> Coarse:
    codes, costs, slack = np.zeros((axes, width), np.int8), *np.zeros((2, width), np.float32)
    return Coarse(codes, costs, np.full(width, np.inf, np.float32), slack)


def _parts(coarse: Coarse) -> tuple[NDArray[Any], ...]:
    return coarse.codes, coarse.costs, coarse.slack, coarse.starts
