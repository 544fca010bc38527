"""One box a face out of several searches of one picture, by all they saw of it together."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from embeddings.boxes import Rows, Sweep, shared_areas, strongest
from embeddings.centerface import Found, joined

SAME_PLACE_IOU: Final = 0.4  # of boxes of different searches; docs/accuracy.md has what else was tried
COVERED: Final = 0.7  # share of a cut box under a whole one, from which on they are one face


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """What one search gave: boxes in pixels of the picture, and which of them are cut by the seam of a tile."""

    found: Found
    cut: NDArray[np.bool_]


def agreed(searches: list[Candidates], counts_from: float) -> Found:
    """The faces whose combined score is `counts_from` or more, 0 to 1; the order of the searches does not matter.

    The combined score of a box: 1 - product of (1 - s) over the searches, s the best score there on this place, none
    being 0. So what one search is sure of always counts, and what several only suspect counts too. Box and points are
    the means of theirs, weighted by score.
    """
    found, cut, search = pooled(searches)
    sweep, scores = Sweep(found.corners), np.empty(len(found))
    for row, corners in enumerate(found.corners):
        near = sweep.over(corners, SAME_PLACE_IOU)
        best = np.zeros(len(searches))
        np.maximum.at(best, search[near], found.scores[near])
        scores[row] = 1 - np.prod(1 - np.sort(best))
    rows = whole_first(found, cut, np.flatnonzero(scores >= counts_from))
    averaged = joined([mean(found, cut, row, np.sort(sweep.over(found.corners[row], SAME_PLACE_IOU))) for row in rows])
    averaged = Found(averaged.corners, scores[rows].astype(np.float32), averaged.points)
    return averaged.pick(strongest(averaged.corners, averaged.scores, SAME_PLACE_IOU))


def pooled(searches: list[Candidates]) -> tuple[Found, NDArray[np.bool_], NDArray[np.intp]]:
    """All candidates by falling score, then by place, so that nothing hangs on their order; cut; from which search."""
    found = joined([part.found for part in searches])
    cut = np.concatenate([part.cut for part in searches])
    search = np.repeat(np.arange(len(searches)), [len(part.found) for part in searches])
    order = np.lexsort((*found.corners.T, -found.scores))
    return found.pick(order), cut[order], search[order]


def whole_first(found: Found, cut: NDArray[np.bool_], rows: Rows) -> Rows:
    """Without the boxes that a seam cut where a whole one lies on them: they must not win by their score."""
    whole = found.corners[rows[~cut[rows]]]
    boxes = found.corners[rows]
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    keep = np.ones(len(rows), dtype=bool)
    for place in np.flatnonzero(cut[rows]):
        keep[place] = not (shared_areas(boxes[place], whole) >= COVERED * areas[place]).any()
    return np.asarray(rows[keep], dtype=np.intp)


def mean(found: Found, cut: NDArray[np.bool_], row: int, near: Rows) -> Found:
    """One row: the boxes and points at `near`, weighted by score; cut ones only where `row` is cut itself."""
    if not cut[row]:
        near = near[~cut[near]]
    weights = found.scores[near] / found.scores[near].sum()
    corners = (weights[:, None] * found.corners[near]).sum(axis=0, dtype=np.float32)
    points = (weights[:, None, None] * found.points[near]).sum(axis=0, dtype=np.float32)
    return Found(corners[None], found.scores[row : row + 1], points[None])
