"""Overlaps and suppression agree with the plain definition, however many boxes there are."""

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from embeddings.boxes import Boxes, Sweep, overlaps, strongest
from embeddings.types import Box

numbers = st.integers(0, 60)
sides = st.integers(1, 30)


@st.composite
def many_boxes(draw: st.DrawFn) -> Boxes:
    rows = draw(st.lists(st.tuples(numbers, numbers, sides, sides), min_size=1, max_size=30))
    return np.array([(x, y, x + w, y + h) for x, y, w, h in rows], np.float32)


def plain(corners: NDArray[np.float32]) -> Box:
    left, top, right, bottom = map(float, corners)
    return Box(left, top, right - left, bottom - top)


@settings(deadline=None)
@given(many_boxes())
def test_overlap_is_intersection_over_union(boxes: Boxes) -> None:
    expected = [plain(boxes[0]).iou(plain(other)) for other in boxes]
    assert overlaps(boxes[0], boxes) == pytest.approx(expected, abs=1e-6)


@settings(deadline=None)
@given(many_boxes(), st.sampled_from([0.15, 0.31, 0.55]))
def test_a_sweep_misses_no_neighbour(boxes: Boxes, share: float) -> None:
    sweep = Sweep(boxes)
    for box in boxes:
        assert set(sweep.over(box, share)) == set(np.flatnonzero(overlaps(box, boxes) >= share))


@settings(deadline=None)
@given(many_boxes(), st.sampled_from([0.15, 0.31, 0.55]), st.randoms(use_true_random=False))
def test_what_is_kept_lies_apart_and_what_is_dropped_lies_under_a_stronger_one(
    boxes: Boxes, share: float, random: Random
) -> None:
    scores = np.array([random.random() for _ in boxes], np.float32)
    kept = strongest(boxes, scores, share)
    assert list(scores[kept]) == sorted(scores[kept], reverse=True)
    for place, row in enumerate(kept):
        assert (overlaps(boxes[row], boxes[kept[place + 1 :]]) < share).all()
    for row in set(range(len(boxes))) - set(kept.tolist()):
        over = overlaps(boxes[row], boxes[kept]) >= share
        assert (scores[kept][over] >= scores[row]).any()


def test_no_boxes() -> None:
    empty = np.empty((0, 4), np.float32)
    assert len(strongest(empty, np.empty(0, np.float32), 0.3)) == 0
    assert len(Sweep(empty).over(np.array([0, 0, 9, 9], np.float32), 0.3)) == 0


def test_a_hundred_thousand_boxes_are_compared_with_neighbours_only() -> None:
    across = np.arange(100_000, dtype=np.float32)
    boxes = np.stack([across * 4, 0 * across, across * 4 + 5, 0 * across + 5], axis=1)
    kept = strongest(boxes, np.ones(len(boxes), np.float32), 0.5)
    assert len(kept) == len(boxes)
