"""Calibrating a card: what was measured is written down, the rest of the file stays."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from embeddings import model_card
from embeddings.embed import ModelSpec
from embeddings.operating import Mode, OperatingPoint
from evaluation.card import TooFewPeople, calibrate_card, even
from tests.evaluation.people import crowd
from tests.own_net import card

WHEN = datetime(2026, 11, 21, tzinfo=UTC)
SPEC = ModelSpec("random-conv.of-this-test", 24, ())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    written = tmp_path / "own.json"
    written.write_text(json.dumps(card(dimension=24, mirror=False)))
    return written


def test_the_points_are_written_down_with_what_they_rest_on(path: Path) -> None:
    made = calibrate_card(path, crowd(people=100, each=6, spread=0.3), SPEC, WHEN, 12.3)
    held = json.loads(path.read_text())
    assert {name: held[name] for name in card(dimension=24)} == card(dimension=24)
    assert held["mirror"] is False
    assert held["measured_for"] == SPEC.model_id
    assert held["operating_points"][0]["measured_on"] == "600 pictures of 100 people, 2026-11-21, 12 s"
    again = model_card.read(path)
    assert {point.mode for point in again.points()} == {Mode(k, p) for k in (1, 2, 3) for p in (1, 2, 3)}
    assert {point.fmr for point in again.points()} == {1e-2, 1e-3, 1e-4}
    for written, point in zip(again.points(), made.spec.operating_points, strict=True):
        assert written.threshold == pytest.approx(point.threshold, abs=1e-3)
        assert written.threshold <= point.threshold
    assert again.same_capture_distance == made.spec.same_capture_distance
    assert 0 < made.few_events < len(again.points())
    assert list(path.parent.iterdir()) == [path]


def test_a_capture_distance_of_the_operators_own_stays(path: Path) -> None:
    path.write_text(json.dumps(card(dimension=24, same_capture_distance=0.31)))
    calibrate_card(path, crowd(people=60, each=6, spread=0.3), SPEC, WHEN, 1)
    assert model_card.read(path).same_capture_distance == 0.31


@pytest.mark.parametrize(("people", "each"), [(30, 1), (20, 6), (150, 3)])
def test_too_few_people_or_pictures_change_nothing(path: Path, people: int, each: int) -> None:
    before = path.read_bytes()
    with pytest.raises(TooFewPeople, match="too few"):
        calibrate_card(path, crowd(people=people, each=each), SPEC, WHEN, 1)
    assert path.read_bytes() == before


def test_a_table_has_no_hole() -> None:
    def points(*modes: tuple[int, int, float]) -> list[OperatingPoint]:
        return [
            OperatingPoint(Mode(k, p), fmr, 0.1, 0.3, 10, "nobody")
            for k, p, least in modes
            for fmr in (1e-2, 1e-3, 1e-4)
            if fmr >= least
        ]

    small = [(1, 1, 1e-4), (1, 2, 1e-4), (3, 1, 1e-4), (3, 2, 1e-3)]
    kept = even(points(*small, (5, 1, 1e-4), (5, 2, 1e-2)))
    assert {point.mode for point in kept} == {Mode(k, p) for k in (1, 3) for p in (1, 2)}
    assert {point.fmr for point in kept} == {1e-2, 1e-3}
    assert even(points(*small[:3])) == ()
    assert even(points(*small[:1], *small[2:])) == ()
