"""Thresholds made from people hold on the people they were made from, and are never rounded to the loose side."""

import itertools

import numpy as np
import pytest

from embeddings.comparison import ByDistance
from embeddings.operating import Mode
from evaluation.calibration import calibrate
from evaluation.trials import templates_and_probes
from tests.evaluation.people import crowd


def test_each_threshold_gives_its_rate_where_it_was_set() -> None:
    faces = crowd(people=60, each=6)
    points = calibrate(faces, ByDistance(), "nobody", rates=(1e-1, 1e-2))
    assert {point.mode for point in points} == {Mode(k, p) for k in (1, 2, 3) for p in (1, 2, 3)} | {Mode(5, 1)}
    for point in points:
        run = templates_and_probes(faces, point.mode, ByDistance())
        assert float((-run.impostor <= point.threshold).mean()) <= point.fmr
        assert point.fnmr == pytest.approx(float((-run.genuine > point.threshold).mean()))
        assert point.threshold == pytest.approx(round(point.threshold, 4), abs=1e-9)
        assert point.measured_on == "nobody"
    for _, rows in itertools.groupby(points, key=lambda point: point.mode):
        assert np.all(np.diff([row.threshold for row in rows]) < 0)


def test_a_folder_of_strangers_gives_no_points() -> None:
    with pytest.raises(ValueError, match="too few"):
        calibrate(crowd(people=30, each=1), ByDistance(), "nobody")
