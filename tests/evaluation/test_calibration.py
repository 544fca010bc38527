"""Thresholds made from people hold for others too, and are never rounded to the loose side."""

import itertools

import numpy as np
import pytest

from embeddings.comparison import ByDistance
from embeddings.operating import Mode
from evaluation.calibration import calibrate
from evaluation.holding import held
from evaluation.strangers import strangers
from evaluation.trials import templates_and_probes
from tests.evaluation.people import crowd


def test_each_threshold_gives_its_rate_where_it_was_set() -> None:
    faces = crowd(people=60, each=6)
    points = calibrate(faces, ByDistance(), "nobody", rates=(1e-1, 1e-2))
    assert {point.mode for point in points} == {Mode(k, p) for k in (1, 2, 3) for p in (1, 2, 3)} | {Mode(5, 1)}
    for point in points:
        run = templates_and_probes(faces, point.mode, ByDistance())
        others = strangers(faces, point.mode, ByDistance(), 1e-1, seed=7)
        assert others.rate(-point.threshold) <= 1.1 * point.fmr
        assert point.fnmr == pytest.approx(float((-run.genuine > point.threshold).mean()))
        assert point.threshold == pytest.approx(round(point.threshold, 4), abs=1e-9)
        assert point.measured_on == "nobody"
    for _, rows in itertools.groupby(points, key=lambda point: point.mode):
        assert np.all(np.diff([row.threshold for row in rows]) < 0)


def test_a_folder_of_strangers_gives_no_points() -> None:
    with pytest.raises(ValueError, match="too few"):
        calibrate(crowd(people=30, each=1), ByDistance(), "nobody")


def test_strangers_are_counted_as_a_loop_over_everybody_counts() -> None:
    faces = crowd(people=12, each=3)
    found = strangers(faces, Mode(1, 1), ByDistance(), largest=1)
    rounds = len(found.enrolled)
    assert found.comparisons() == rounds * 12 * 33
    assert found.alike.size == found.comparisons()
    assert (found.templates != found.probes).all()
    distances = np.linalg.norm(faces.vectors[:, None] - faces.vectors[None], axis=2)
    apart = np.array(faces.people)[:, None] != np.array(faces.people)[None]
    assert found.rate(-1.3) == pytest.approx(float((distances[apart] <= 1.3).mean()), rel=0.15)
    half = np.arange(12) < 5
    within = found.among(half)
    assert within.comparisons() == rounds * 5 * 12
    assert within.alike.size == within.comparisons()
    assert set(within.templates) | set(within.probes) == set(range(5))


def test_the_bound_is_stricter_where_one_person_brings_all_the_impostors() -> None:
    faces = crowd(people=60, each=3, spread=0.3)
    vectors = faces.vectors.copy()
    vectors[:3] = faces.vectors.mean(axis=0) + 0.05 * vectors[:3]  # one who looks like everybody
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = strangers(type(faces)(vectors, faces.people, faces.files, 0, {}), Mode(1, 1), ByDistance(), 1e-2)
    limit, pairs = found.limit(1e-2)
    assert 1 <= pairs <= 60
    assert limit < found.bound(1e-2) < found.bound(1e-2, 0.99)
    with pytest.raises(ValueError, match="too few"):
        found.limit(1e-9)


def test_halves_are_judged_by_each_other() -> None:
    rows = held(crowd(people=300, each=2, seed=3), ByDistance(), [Mode(1, 1)])
    assert [row.fmr for row in rows] == [1e-3, 1e-4]  # half of these people cannot carry 1e-5
    assert rows[0].within > 0.8
    assert rows[0].mean < 1.1
    assert rows[0].pairs > rows[1].pairs
