"""Faces followed without a detector: boxes that move."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embeddings.types import Box, Face
from overlays.film_tracks import HELD_SECONDS, follow
from overlays.motion import Motion, pairs
from overlays.region import COVER
from overlays.scene import Scene
from overlays.tracking import KEPT_SECONDS, Tracker
from tests.drawn_faces import crowd

FRAME = 0.04


def face(x: float, y: float, side: float = 60, score: float = 0.9) -> Face:
    points = np.array([[x + side * at, y + side / 2] for at in (0.3, 0.7, 0.5, 0.35, 0.65)], np.float32)
    return Face(Box(x, y, side, side * 1.25), score, points)


def covered(box: Box, by: Box) -> bool:
    """Whether the cover that is promised for `by` hides all of `box`."""
    cover = by.scaled(COVER)
    return cover.x <= box.x and cover.y <= box.y and cover.right >= box.right and cover.bottom >= box.bottom


places = st.floats(0, 400)
sides = st.floats(20, 120)
speeds = st.floats(-12, 12)


@settings(max_examples=60, deadline=None)
@given(
    x=places, y=places, side=sides, speed=st.tuples(speeds, speeds), missed=st.lists(st.integers(4, 30), max_size=12)
)
def test_a_face_in_motion_is_covered_live_also_where_it_is_missed(
    x: float, y: float, side: float, speed: tuple[float, float], missed: list[int]
) -> None:
    tracker, seeds = Tracker(), set()
    speed = (speed[0] * side / 120, speed[1] * side / 120)
    gone = 0
    for number in range(32):
        true = face(x + speed[0] * number, y + speed[1] * number, side)
        gone = gone + 1 if number in missed else 0
        shown = tracker.update([] if gone else [true], number * FRAME, thorough=number % 10 == 0)
        assert any(covered(true.box, each.face.box) for each in shown)
        seeds |= {each.seed for each in shown}
    assert len(seeds) == 1


@settings(max_examples=60, deadline=None)
@given(
    x=places,
    side=sides,
    speed=speeds,
    gaps=st.lists(st.integers(1, 8), min_size=1, max_size=4),
    weak=st.sets(st.integers(10, 45)),
)
def test_a_face_of_a_film_is_covered_from_before_its_first_to_after_its_last_sight(
    x: float, side: float, speed: float, gaps: list[int], weak: set[int]
) -> None:
    seen = {10 + sum(gaps[:count]) for count in range(len(gaps) + 1)}
    strong = seen - weak or {min(seen)}
    way = speed * side / 120
    true = [face(x + way * number, 100, side) for number in range(50)]
    sights = [
        [face(x + way * number, 100, side, 0.9 if number in strong else 0.15)] if number in seen else []
        for number in range(50)
    ]
    frames = follow(sights, [number * FRAME for number in range(50)])
    for number in range(min(seen) - 1, max(seen) + 2):
        assert any(covered(true[number].box, each.face.box) for each in frames[number])
    assert len({each.seed for followed in frames for each in followed}) == 1


def test_a_suspicion_alone_is_no_face() -> None:
    weak = [[face(50, 50, score=0.15)]] * 10
    assert follow(weak, [number * FRAME for number in range(10)]) == [[]] * 10
    tracker = Tracker()
    assert [tracker.update(each, number * FRAME, thorough=True) for number, each in enumerate(weak)] == [[]] * 10


def test_a_suspicion_before_the_first_sure_sight_is_covered_too() -> None:
    sights = [[face(50, 50, score=0.15)]] * 20 + [[face(50, 50)]] * 5
    frames = follow(sights, [number * FRAME for number in range(25)])
    assert [len(each) for each in frames] == [1] * 25


def test_covers_of_a_film_end_after_a_while() -> None:
    sights = [[face(50, 50)] if 50 <= number < 60 else [] for number in range(110)]
    frames = follow(sights, [number * FRAME for number in range(110)])
    held = round(HELD_SECONDS / FRAME)
    assert [number for number, each in enumerate(frames) if each] == list(range(50 - held, 60 + held))


def test_at_few_frames_a_second_one_frame_before_and_after_is_covered() -> None:
    sights: list[list[Face]] = [[], [], [face(50, 50)], [], []]
    assert [len(each) for each in follow(sights, [0.0, 2.0, 4.0, 6.0, 8.0])] == [0, 1, 1, 1, 0]


def test_a_face_that_is_missed_is_covered_until_a_thorough_search_misses_it_too() -> None:
    tracker = Tracker()
    tracker.update([face(50, 50)], 0, thorough=True)
    grown = [tracker.update([], number * FRAME, thorough=False) for number in range(1, 100)]
    assert all(len(each) == 1 and not each[0].found for each in grown)
    sizes = [each[0].face.box.width for each in grown]
    assert sizes == sorted(sizes)
    assert sizes[0] > 60
    assert tracker.update([], 101 * FRAME, thorough=True) == []


def test_a_face_that_is_gone_is_let_go() -> None:
    tracker = Tracker()
    tracker.update([face(50, 50)], 0, thorough=True)
    shown = {number: tracker.update([], number * FRAME, thorough=True) for number in range(1, 60)}
    last = max(number for number, each in shown.items() if each)
    assert last == round(KEPT_SECONDS / FRAME)


def test_two_faces_that_pass_each_other_stay_two() -> None:
    tracker = Tracker()
    seeds = []
    for number in range(40):
        both = [face(20 + 8 * number, 100), face(340 - 8 * number, 175)]
        shown = tracker.update(both, number * FRAME, thorough=False)
        assert all(any(covered(each.box, other.face.box) for other in shown) for each in both)
        seeds.append([each.seed for each in shown])
    assert all(each == seeds[0] for each in seeds)
    assert len(seeds[0]) == 2


def test_two_frames_of_one_moment_do_not_double_a_face() -> None:
    tracker = Tracker()
    assert [len(tracker.update([face(50, 50)], 1.0, thorough=False)) for _ in range(3)] == [1, 1, 1]


@given(
    expected=st.lists(st.tuples(places, places, sides), max_size=8),
    seen=st.lists(st.tuples(places, places, sides), max_size=8),
)
def test_each_box_has_one_partner_at_most(
    expected: list[tuple[float, float, float]], seen: list[tuple[float, float, float]]
) -> None:
    tracks = [Motion.of(face(*each).box, 0) for each in expected]
    found = pairs(tracks, [face(*each).box for each in seen], FRAME)
    assert len({row for row, _ in found}) == len({column for _, column in found}) == len(found)


def test_lengths_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="a moment for each frame"):
        follow([[]], [])


def test_a_cut_is_a_change_of_scene_and_a_head_that_moves_is_none() -> None:
    scene = Scene()
    assert scene.changed(crowd(320, 240, [(10, 60, 110)]))
    assert not any(scene.changed(crowd(320, 240, [(10 + 6 * step, 60, 110)])) for step in range(1, 20))
    assert scene.changed(np.full((240, 320, 3), 230, np.uint8))


def test_a_camera_that_is_jerked_is_no_change_of_scene() -> None:
    blocks = np.random.default_rng(1).integers(90, 200, (8, 12), dtype=np.uint8)
    picture = np.repeat(np.repeat(np.repeat(blocks, 30, axis=0), 30, axis=1)[:, :, None], 3, axis=2)
    scene = Scene()
    scene.changed(picture)
    assert not any(scene.changed(np.roll(picture, 30 * step, axis=1)) for step in range(1, 12))
    assert scene.changed(picture // 4)
