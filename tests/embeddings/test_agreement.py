"""Several searches of one picture: evidence adds up, nothing sure is lost, the order does not matter."""

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from embeddings.agreement import SAME_PLACE_IOU, Candidates, agreed
from embeddings.boxes import overlaps
from embeddings.centerface import Found

COUNTS_FROM = 0.4


def searched(*boxes: tuple[float, float, float, float, float], cut: bool = False) -> Candidates:
    """Each box: left, top, width, height, score; its five points are its centre."""
    rows = np.array(boxes, np.float32).reshape(-1, 5)
    corners = np.concatenate([rows[:, :2], rows[:, :2] + rows[:, 2:4]], axis=1)
    points = np.repeat(rows[:, None, :2] + rows[:, None, 2:4] * np.float32(0.5), 5, axis=1)
    return Candidates(Found(corners, rows[:, 4], points), np.full(len(rows), cut))


def covered(found: Found, corners: NDArray[np.float32]) -> bool:
    return bool((overlaps(corners, found.corners) >= SAME_PLACE_IOU).any())


def test_what_two_searches_suspect_counts_and_what_one_suspects_does_not() -> None:
    one, same, elsewhere = (10, 10, 20, 20, 0.3), (11, 10, 20, 20, 0.25), (200, 200, 20, 20, 0.3)
    found = agreed([searched(one, elsewhere), searched(same)], COUNTS_FROM)
    assert found.scores == pytest.approx([1 - 0.7 * 0.75])
    assert found.corners == pytest.approx(np.array([[10 + 0.25 / 0.55, 10, 30 + 0.25 / 0.55, 30]]))
    assert found.points[0] == pytest.approx(np.array([(20 + 0.25 / 0.55, 20)] * 5))


def test_one_search_agrees_with_itself_only_once() -> None:
    in_two_tiles = searched((10, 10, 20, 20, 0.3), (11, 10, 20, 20, 0.3))
    assert len(agreed([in_two_tiles, searched()], COUNTS_FROM)) == 0


def test_a_cut_box_goes_where_a_whole_one_lies_on_it_whatever_its_score() -> None:
    whole, half = searched((10, 10, 40, 40, 0.6)), searched((10, 10, 20, 40, 0.9), cut=True)
    found = agreed([whole, half], COUNTS_FROM)
    assert found.corners == pytest.approx(np.array([[10, 10, 50, 50]]))
    assert len(agreed([searched((300, 10, 40, 40, 0.6)), half], COUNTS_FROM)) == 2  # nothing lies on it: it stays
    doubtful = searched((0, 0, 100, 100, 0.1))
    assert len(agreed([doubtful, half], COUNTS_FROM)) == 1  # nor may a box that does not count itself displace it


def test_nothing_found() -> None:
    assert len(agreed([searched(), searched()], COUNTS_FROM)) == 0


sides = st.integers(8, 60)
places = st.integers(0, 200)
boxes = st.tuples(places, places, sides, sides, st.floats(0.125, 0.984375, width=32))
searches = st.lists(st.builds(lambda rows: searched(*rows), st.lists(boxes, max_size=8)), min_size=1, max_size=4)


@settings(deadline=None)
@given(searches, st.randoms(use_true_random=False))
def test_the_order_of_searches_and_of_boxes_does_not_matter(given_searches: list[Candidates], random: Random) -> None:
    expected = agreed(given_searches, COUNTS_FROM)
    shuffled = []
    for part in given_searches:
        rows = np.array(random.sample(range(len(part.cut)), len(part.cut)), np.intp)
        shuffled.append(Candidates(part.found.pick(rows), part.cut[rows]))
    random.shuffle(shuffled)
    found = agreed(shuffled, COUNTS_FROM)
    np.testing.assert_array_equal(found.corners, expected.corners)
    np.testing.assert_array_equal(found.scores, expected.scores)
    assert np.all((expected.scores >= COUNTS_FROM) & (expected.scores <= 1))


@settings(deadline=None)
@given(searches, places, places, st.integers(20, 60), st.data())
def test_a_face_that_every_search_is_sure_of_is_kept(
    given_searches: list[Candidates], left: int, top: int, side: int, data: st.DataObject
) -> None:
    """Whatever else lies around, as long as nothing else is as strong on its place."""
    jitter = st.integers(-1, 1)
    sure = []
    for part in given_searches:
        box = (left + data.draw(jitter), top + data.draw(jitter), side, side, 0.995)
        known = searched(box)
        others = part.found.pick(overlaps(known.found.corners[0], part.found.corners) < 0.1)
        joint = [np.concatenate(pair) for pair in zip(_arrays(others), _arrays(known.found), strict=True)]
        sure.append(Candidates(Found(*joint), np.zeros(len(others) + 1, bool)))
    face = np.array([left, top, left + side, top + side], np.float32)
    assert covered(agreed(sure, COUNTS_FROM), face)


def _arrays(found: Found) -> tuple[NDArray[np.float32], ...]:
    return found.corners, found.scores, found.points


@settings(deadline=None)
@given(searches)
def test_another_search_never_takes_a_place_away(given_searches: list[Candidates]) -> None:
    """Of what all but the last search found, something lies on each place still, however little."""
    before = agreed(given_searches[:-1], COUNTS_FROM) if len(given_searches) > 1 else agreed(given_searches, 2.0)
    after = agreed(given_searches, COUNTS_FROM)
    for corners in before.corners:
        assert (overlaps(corners, after.corners) > 0).any()
