"""Operating points: the table's own rows, and rounding that never errs to the looser side."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embeddings.dlib_points import DLIB_POINTS
from embeddings.operating import (
    CARRIED,
    GalleryTooLarge,
    Mode,
    OperatingPoint,
    identification_point,
    measured_mode,
    verification_point,
)

modes = st.builds(Mode, st.integers(1, 12), st.integers(1, 6))
single = st.builds(Mode, st.integers(1, 12), st.just(1))


@pytest.mark.parametrize(
    ("mode", "threshold", "fnmr"),
    [
        (Mode(1, 1), 0.3335, 0.1955),
        (Mode(2, 1), 0.3142, 0.0865),
        (Mode(3, 1), 0.3063, 0.0640),
        (Mode(1, 2), 0.3174, 0.0834),
        (Mode(3, 2), 0.2838, 0.0066),
    ],
)
def test_verification_takes_the_row_of_the_mode(mode: Mode, threshold: float, fnmr: float) -> None:
    point = verification_point(DLIB_POINTS, mode)
    assert (point.mode, point.fmr, point.threshold, point.fnmr) == (mode, 1e-4, threshold, fnmr)
    assert "1589 people" in point.measured_on


@pytest.mark.parametrize(
    ("asked", "measured"),
    [((4, 1), (5, 1)), ((4, 2), (5, 2)), ((7, 3), (5, 3)), ((9, 1), (5, 1)), ((1, 4), (5, 3)), ((1, 2), (1, 2))],
)
def test_a_mode_that_was_not_measured_is_rounded_up(asked: tuple[int, int], measured: tuple[int, int]) -> None:
    assert measured_mode(DLIB_POINTS, Mode(*asked)) == Mode(*measured)


@given(modes, st.integers(0, 4), st.integers(0, 3), st.integers(1, 100))
def test_more_captures_never_loosen_the_threshold(mode: Mode, enrolled: int, captures: int, gallery: int) -> None:
    more = Mode(mode.enrolled + enrolled, mode.captures + captures)
    for fmr in (1e-3, 1e-4, 1e-5):
        assert (
            verification_point(DLIB_POINTS, more, fmr).threshold <= verification_point(DLIB_POINTS, mode, fmr).threshold
        )
    try:
        stricter = identification_point(DLIB_POINTS, more, gallery)
    except GalleryTooLarge:
        return
    assert stricter.threshold <= identification_point(DLIB_POINTS, mode, gallery).threshold


@given(single, st.integers(1, 99), st.integers(1, 50))
def test_a_larger_gallery_is_judged_more_strictly(mode: Mode, gallery: int, more: int) -> None:
    small = identification_point(DLIB_POINTS, mode, gallery)
    large = identification_point(DLIB_POINTS, mode, min(gallery + more, 100))
    assert large.threshold < small.threshold
    assert large.fmr < small.fmr


@given(modes, st.integers(1, 100), st.sampled_from([1e-3, 1e-4]))
def test_the_false_match_rate_is_at_most_the_target_shared_out(mode: Mode, gallery: int, fpir: float) -> None:
    try:
        point = identification_point(DLIB_POINTS, mode, gallery, fpir)
    except GalleryTooLarge:
        assert fpir / gallery < 1e-5 or mode.captures > 1
        return
    assert point.impostor_events is not None
    assert point.impostor_events >= CARRIED
    assert point.fmr * gallery <= fpir * (1 + 1e-6)
    limits = sorted(row.threshold for row in DLIB_POINTS)
    assert limits[0] <= point.threshold <= limits[-1]


def test_identification_meets_the_rows_and_interpolates_the_logarithm_between_them() -> None:
    at: dict[int, OperatingPoint] = {n: identification_point(DLIB_POINTS, Mode(1, 1), n) for n in (1, 10, 100)}
    assert [at[n].threshold for n in (1, 10, 100)] == [0.3762, 0.3335, 0.2974]
    assert [at[n].impostor_events for n in (10, 100)] == [374, 51]
    between = identification_point(DLIB_POINTS, Mode(1, 1), 1000, fpir=10**-0.5 * 1e-1)  # FMR 10^-4.5
    assert between.threshold == pytest.approx((0.3335 + 0.2974) / 2)
    assert between.fnmr == 0.4364
    assert between.impostor_events == int((374 * 51) ** 0.5)
    assert "interpolated" in between.measured_on


def test_a_loose_target_is_clamped_to_the_loosest_row() -> None:
    assert identification_point(DLIB_POINTS, Mode(3, 1), 1, fpir=0.5).threshold == 0.3981
    assert identification_point(DLIB_POINTS, Mode(3, 1), 0).threshold == 0.3496


@given(modes, st.integers(101, 10**7))
def test_beyond_the_strictest_row_there_is_no_answer(mode: Mode, gallery: int) -> None:
    with pytest.raises(GalleryTooLarge):
        identification_point(DLIB_POINTS, mode, gallery)
    assert GalleryTooLarge.code == "gallery_too_large"


def test_few_impostors_carry_no_threshold_for_a_gallery() -> None:
    rows = [
        OperatingPoint(Mode(1, captures), fmr, 0.1, threshold, events, "nobody")
        for captures, fmr, threshold, events in (
            (1, 1e-3, 0.40, 900),
            (1, 1e-5, 0.30, 10),
            (2, 1e-3, 0.38, 400),
            (2, 1e-5, 0.28, 4),
            (3, 1e-3, 0.37, None),
        )
    ]
    assert identification_point(rows, Mode(1, 1), 100).impostor_events == 10
    assert identification_point(rows, Mode(1, 2), 10).impostor_events == 40
    with pytest.raises(GalleryTooLarge):
        identification_point(rows, Mode(1, 2), 100)
    with pytest.raises(GalleryTooLarge):
        identification_point(rows, Mode(1, 3), 1)  # not counted
    with pytest.raises(GalleryTooLarge):
        identification_point(rows[:3], Mode(1, 2), 100)  # the row of fewer captures would be too loose


def test_no_point_below_the_smallest_measured_rate() -> None:
    with pytest.raises(ValueError, match="so low"):
        verification_point(DLIB_POINTS, Mode(1, 1), fmr=1e-6)


def test_the_table_is_strict_in_each_mode() -> None:
    for _, rows in itertools.groupby(DLIB_POINTS, key=lambda point: point.mode):
        ordered = list(rows)
        for looser, stricter in itertools.pairwise(ordered):
            assert looser.fmr > stricter.fmr
            assert looser.threshold > stricter.threshold
            assert looser.fnmr <= stricter.fnmr


@pytest.mark.parametrize(("enrolled", "captures"), [(0, 1), (1, 0), (-1, 1)])
def test_a_mode_without_captures_is_refused(enrolled: int, captures: int) -> None:
    with pytest.raises(ValueError, match="at least one"):
        Mode(enrolled, captures)
