"""The reports count what a loop over everybody counts; a cohort helps who it should."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from embeddings.comparison import ByDistance
from embeddings.embed import ModelSpec
from embeddings.image import ImageLimits, PictureFormat, encode
from embeddings.operating import Measure, Mode, OperatingPoint
from embeddings.pipeline import FacePipeline
from embeddings.quality import QualityLimits
from evaluation import cohorts, groups, identification, plot
from evaluation.faces import collect, pictures
from evaluation.trials import templates_and_probes, trials
from evaluation.verification import as_json, verification
from tests.drawn_faces import crowd as drawn
from tests.evaluation.people import crowd

POINTS = tuple(
    OperatingPoint(Mode(1, 1), fmr, 0.1, threshold, 50, "nobody")
    for fmr, threshold in ((1e-2, 0.9), (1e-3, 0.7), (1e-4, 0.6))
)
SPEC = ModelSpec("nobody", 24, POINTS)


def test_every_pair_counts_once() -> None:
    faces = crowd(people=6, each=3)
    report, _ = verification(faces, SPEC, Mode(1, 1))
    assert (report.images, report.people, report.genuine, report.impostor) == (18, 6, 6 * 3, 18 * 17 // 2 - 18)
    first = report.shipped[0]
    wrong = right = 0
    for one in range(18):
        for other in range(one):
            near = int(np.linalg.norm(faces.vectors[one] - faces.vectors[other]) <= 0.9)
            if faces.people[one] == faces.people[other]:
                right += near
            else:
                wrong += near
    assert first.fmr == pytest.approx(wrong / report.impostor)
    assert first.fnmr == pytest.approx(1 - right / report.genuine)
    keys = {"images", "people", "failed_to_acquire", "genuine", "impostor", "accuracy_10fold", "eer", "shipped"}
    assert keys | {"operating_points", "model_id"} <= set(json.loads(json.dumps(as_json(report))))


def test_more_pictures_make_a_template_and_a_login() -> None:
    faces = crowd(people=5, each=6)
    run = trials(faces, Mode(3, 2), ByDistance())
    assert run.alike.shape == (5, 5)  # 3 enrolled, 3 left: one login of two each
    assert run.genuine.size == 5
    mean = faces.vectors[:3].sum(axis=0)
    login = faces.vectors[3:5].sum(axis=0)
    distance = np.linalg.norm(mean / np.linalg.norm(mean) - login / np.linalg.norm(login))
    assert run.alike[0, 0] == pytest.approx(-distance, abs=1e-5)
    few = trials(crowd(people=4, each=2), Mode(1, 1), ByDistance())
    assert few.impostor.size == 8 * 7 // 2 - 4
    with pytest.raises(ValueError, match="enough"):
        trials(crowd(people=4, each=2), Mode(2, 1), ByDistance())


def test_a_group_that_looks_alike_is_named_the_worst() -> None:
    faces = crowd(people=30, each=2, spread=0.2)
    vectors = faces.vectors.copy()
    vectors[:20] = vectors[0] + 0.15 * vectors[:20]  # ten people of one look
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    alike = type(faces)(vectors, faces.people, faces.files, 0, {})
    names = {name: "alike" if place < 10 else "others" for place, name in enumerate(sorted(set(faces.people)))}
    _, run = verification(alike, SPEC, Mode(1, 1))
    report = groups.groups(run, names, 0.6)
    assert report.worst == ("alike", "alike")
    assert report.worst_fmr == report.groups[0].fmr == 1
    assert [row.people for row in report.groups] == [10, 20]


def test_identification_is_refused_where_nothing_was_measured() -> None:
    ten, thirty, hundred = identification.identification(crowd(people=200, each=2, spread=0.1), SPEC, Mode(1, 1))
    assert (ten.size, ten.answered) == (10, True)
    assert ten.fpir == 0
    assert (thirty.size, thirty.answered) == (30, False)
    assert thirty.threshold is not None  # set on this very crowd
    for row in (ten, thirty):
        assert row.fnir is not None
        assert row.fnir < 0.05
    assert (hundred.size, hundred.answered, hundred.threshold, hundred.fpir) == (100, False, None, None)


def test_who_has_no_picture_left_fills_galleries_and_is_a_stranger_to_others() -> None:
    faces = crowd(people=40, each=1, spread=0.1)
    run = templates_and_probes(faces, Mode(1, 1), ByDistance(), everybody=True)
    assert run.alike.shape == (40, 40)
    assert run.counted.sum() == 40 * 39
    assert run.genuine.size == 0
    with pytest.raises(ValueError, match="enough"):
        templates_and_probes(faces, Mode(1, 1), ByDistance())
    ten, _ = identification.identification(faces, SPEC, Mode(1, 1))
    assert ten.searches == identification.DRAWS * 30
    assert ten.fnir == 0  # nobody of them logs in


def test_a_cohort_is_judged_on_people_it_was_not_fitted_on(tmp_path: Path) -> None:
    faces = crowd(people=120, each=1)
    vectors = faces.vectors.copy()
    vectors[:60] += 0.9 * vectors[0]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    tilted = type(faces)(vectors, faces.people, faces.files, 0, {})
    table = tmp_path / "groups.csv"
    table.write_text("person,group\n" + "".join(f"{name},{int(name[-3:]) // 60}\n" for name in faces.people))
    names = groups.read(table)
    score = OperatingPoint(Mode(1, 1), 1e-4, 0.1, 0.2, 50, "nobody", Measure.SCORE)
    report = cohorts.report(tilted, names, ModelSpec("nobody", 24, (*POINTS, score)))
    before = [row.fmr_by_distance for row in report.groups]
    assert report.people == 120
    assert before[0] > 0 == before[1]
    assert report.groups[0].fmr_by_score < before[0]
    assert cohorts.fit(tilted, names).means.shape == (2, 24)


def test_the_drawing_is_well_formed() -> None:
    _, run = verification(crowd(), SPEC, Mode(1, 1))
    drawing = ET.fromstring(plot.svg(run, "a < b"))
    assert len(drawing.findall(".//{*}polyline")) == 3


def test_a_folder_is_read_picture_by_picture(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    picture = encode(drawn(640, 320, [(10, 20, 200), (330, 10, 300)]), PictureFormat.PNG)
    (tmp_path / "a" / "1.png").write_bytes(picture)
    (tmp_path / "a" / "2.png").write_bytes(picture)
    (tmp_path / "a" / "broken.jpg").write_bytes(b"nothing")
    (tmp_path / "a" / "notes.txt").write_text("no picture")
    (tmp_path / "alone.png").write_bytes(picture)
    seen: list[int] = []
    pipeline = FacePipeline.load(ImageLimits(), QualityLimits())
    faces = collect(tmp_path, pipeline, seen=lambda: seen.append(1))
    assert len(seen) == len(pictures(tmp_path)) == 4
    assert faces.failed == 1
    assert faces.people == ("a", "a", "alone")
    np.testing.assert_array_equal(faces.vectors[0], faces.vectors[1])
    with pytest.raises(ValueError, match="one folder"):
        pictures(tmp_path / "a" / "nothing")
