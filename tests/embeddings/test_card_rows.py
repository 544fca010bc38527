"""The thresholds of a card: never looser than measured, and no mode left without one."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from embeddings.card_rows import Metric, Row, as_distance
from embeddings.dlib_points import DLIB_POINTS
from embeddings.model_card import ModelCard
from embeddings.operating import Mode, OperatingPoint
from tests.own_net import card

MODES = [(1, 1), (1, 2), (3, 1), (3, 2)]


def rows(metric: Metric) -> list[dict[str, Any]]:
    points = [each for each in DLIB_POINTS if (each.mode.enrolled, each.mode.captures) in MODES and each.fmr >= 1e-4]
    return [Row.of(point, metric).model_dump() for point in points]


def refusal(metric: Metric, changed: list[dict[str, Any]], near: float | None = 0.2) -> str:
    with pytest.raises(ValidationError) as raised:
        ModelCard(**card(metric=metric, operating_points=tuple(changed), same_capture_distance=near))
    return str(raised.value)


@given(st.floats(0.01, 1.9), st.sampled_from(("cosine", "euclidean")))
def test_a_threshold_that_was_written_down_is_as_strict_or_hardly_stricter(distance: float, metric: Metric) -> None:
    point = OperatingPoint(Mode(1, 1), 1e-3, 0.1, distance, 12, "nobody")
    again = Row.of(point, metric).point(metric)
    assert again.threshold <= distance + 1e-12
    assert distance**2 - again.threshold**2 < 1e-4
    assert (again.mode, again.fmr, again.fnmr, again.impostor_events) == (Mode(1, 1), 1e-3, 0.1, 12)


def test_a_cosine_and_a_distance_of_unit_vectors() -> None:
    assert as_distance(1.0) == 0
    assert as_distance(0.5) == pytest.approx(1.0)
    assert as_distance(-1.0) == pytest.approx(2.0)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_whole_rows_become_the_points_of_the_model(metric: Metric) -> None:
    whole = ModelCard(**card(metric=metric, operating_points=tuple(rows(metric)), same_capture_distance=0.2))
    points = whole.points()
    assert len(points) == 12
    assert points[0].threshold == pytest.approx(DLIB_POINTS[0].threshold, abs=1e-4)
    assert ModelCard(**card()).points() == ()


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_rows_with_a_hole_or_a_contradiction_are_refused(metric: Metric) -> None:
    held = rows(metric)
    looser = -0.2 if metric == "cosine" else 0.2
    assert "same_capture_distance: is needed" in refusal(metric, held, near=None)
    assert "go up to at least 3 enrolled and 2" in refusal(metric, [each for each in held if each["captures"] == 1])
    assert "rows for 1 enrolled and 1 capture" in refusal(metric, held[3:])
    assert "a row for the same fmr" in refusal(metric, held[:-1])
    assert "of which one is 0.001 or below" in refusal(metric, [each | {"fmr": 10 * each["fmr"]} for each in held[::3]])
    for change in ({"threshold": held[0]["threshold"] + looser}, {"fnmr": 0.0}):
        assert "with 1 enrolled and 1 captures" in refusal(metric, [held[0], held[1] | change, *held[2:]])
    bound = 1.0 if metric == "cosine" else 0.0
    assert "threshold is" in refusal(metric, [each | {"threshold": bound} for each in held])
