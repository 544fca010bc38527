import numpy as np
import pytest

from embeddings.film import Film
from embeddings.types import Box, Face, Pixels
from evaluation.film import Coverage, coverage
from overlays.hide.solid import INK
from tests.films import film

SIDE, FRAMES = 40, 10


def face(x: float) -> Face:
    return Face(Box(x, 30, SIDE, SIDE), 0.9, np.zeros((5, 2), np.float32))


def pictures(cover: list[Box | None]) -> list[Pixels]:
    made = []
    for box in cover:
        picture = np.full((120, 200, 3), 150, np.uint8)
        if box is not None:
            picture[round(box.y) : round(box.bottom), round(box.x) : round(box.right)] = INK
        made.append(picture)
    return made


def measured(cover: list[Box | None], found: list[list[Face]], every: int = 1) -> Coverage:
    listed = iter(found)
    bare: list[Box | None] = [None] * len(cover)
    original, finished = Film(film(pictures(bare))), Film(film(pictures(cover)))
    return coverage(original, finished, lambda _: next(listed), INK, every)


def test_a_face_counts_as_uncovered_where_a_tenth_of_it_shows() -> None:
    boxes: list[Box | None] = [face(20).box.scaled(1.4)] * FRAMES
    boxes[2] = None
    boxes[5] = Box(20 + 6, 30, SIDE, SIDE)
    boxes[7] = Box(20 + 2, 30, SIDE, SIDE)
    report = measured(boxes, [[face(20)]] * FRAMES)
    assert (report.frames, report.face_frames, report.uncovered) == (FRAMES, FRAMES, 2)
    assert report.share == pytest.approx(0.2)
    assert (report.confirmed, report.confirmed_uncovered) == (FRAMES, 2)
    assert 0.05 < report.hidden_area < 0.15


def test_what_is_found_in_one_odd_frame_is_told_apart() -> None:
    found = [[face(20), face(140)] if number == 4 else [face(20)] for number in range(FRAMES)]
    report = measured([face(20).box] * FRAMES, found)
    assert (report.face_frames, report.uncovered) == (FRAMES + 1, 1)
    assert (report.confirmed, report.confirmed_uncovered) == (FRAMES, 0)


def test_small_faces_do_not_count_and_no_face_has_no_share() -> None:
    small = Face(Box(10, 10, 19, 19), 0.9, np.zeros((5, 2), np.float32))
    report = measured([None] * 4, [[small]] * 4)
    assert (report.face_frames, report.share) == (0, None)


def test_dark_pixels_of_the_original_say_nothing() -> None:
    dark = [np.full((120, 200, 3), INK, np.uint8)] * 2
    original, finished = Film(film(dark)), Film(film(pictures([None, None])))
    assert coverage(original, finished, lambda _: [face(20)], INK).uncovered == 0


def test_every_second_frame() -> None:
    report = measured([None] * 6, [[face(20)]] * 3, every=2)
    assert (report.frames, report.uncovered) == (3, 3)


def test_films_of_different_lengths_are_not_compared() -> None:
    with pytest.raises(ValueError, match="zip"):
        coverage(Film(film(pictures([None] * 3))), Film(film(pictures([None] * 2))), lambda _: [], INK)
