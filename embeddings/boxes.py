"""Which boxes lie on one another, for very many boxes.

A box is float32 [4]: left, top, right, bottom; an overlap is the intersection over the union, 0 to 1.
"""

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float32]
Rows = NDArray[np.intp]


def overlaps(one: Boxes, many: Boxes) -> NDArray[np.float32]:
    """The overlap of the box `one` [4] with each of `many` [n, 4]."""
    shared = shared_areas(one, many)
    union = np.prod(many[:, 2:] - many[:, :2], axis=1) + np.prod(one[2:] - one[:2]) - shared
    return np.asarray(shared / union, dtype=np.float32)


def shared_areas(one: Boxes, many: Boxes) -> NDArray[np.float32]:
    """The area that the box `one` [4] shares with each of `many` [n, 4]."""
    sides = np.minimum(one[2:], many[:, 2:]) - np.maximum(one[:2], many[:, :2])
    return np.asarray(np.prod(np.maximum(sides, 0), axis=1), dtype=np.float32)


class Sweep:
    """Boxes sorted by their left edge, so that one box is compared with its neighbours only.

    An overlap of `share` or more bounds the widths against each other: w1 >= share * w2. So a box of width w that
    overlaps that much begins at most w / share to the left and at most w to the right.
    """

    def __init__(self, boxes: Boxes) -> None:
        self._order = np.argsort(boxes[:, 0], kind="stable")
        self._sorted = boxes[self._order]

    def over(self, box: Boxes, share: float) -> Rows:
        """Rows of the boxes that overlap `box` by `share` or more."""
        width = box[2] - box[0]
        first, last = np.searchsorted(self._sorted[:, 0], [box[0] - width / share, box[2]])
        hits = np.flatnonzero(overlaps(box, self._sorted[first:last]) >= share)
        return np.asarray(self._order[first + hits], dtype=np.intp)


def strongest(boxes: Boxes, scores: NDArray[np.float32], share: float) -> Rows:
    """Greedy non-maximum suppression: rows, strongest first, none overlapping a stronger one by `share` or more."""
    sweep, alive, kept = Sweep(boxes), np.ones(len(boxes), dtype=bool), []
    for row in np.argsort(-scores, kind="stable"):
        if alive[row]:
            alive[sweep.over(boxes[row], share)] = False
            kept.append(row)
    return np.array(kept, dtype=np.intp)
