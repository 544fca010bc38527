"""`facewarden evaluate gallery`, typed as an operator would, on people who are numbers."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest
from typer.testing import CliRunner

from db.records import NewTemplate
from embeddings.embedders import spec_named
from embeddings.types import FaceVector
from service.cli.main import application
from service.databases import open_storage
from service.settings import Settings
from tests.db.people import AGREED
from tests.embeddings.vectors import at_distance, random_vector

SPEC = spec_named("fused")
CENTRES = np.linalg.qr(np.random.default_rng(1).standard_normal((SPEC.dimension, 10)))[0].T.astype(np.float32)
"""Ten people as unlike as can be."""


pytestmark = pytest.mark.usefixtures("home")


def photos(seed: int, *captures: int, spread: float = 0.3) -> list[tuple[FaceVector, int]]:
    centre = FaceVector(CENTRES[seed], SPEC.model_id)
    return [(at_distance(centre, spread, 100 * seed + place), its) for place, its in enumerate(captures)]


def enrol(home: Path, people: Sequence[list[tuple[FaceVector, int]]]) -> list[UUID]:
    ids = sorted((uuid4() for _ in people), key=lambda each: each.bytes)
    storage = open_storage(Settings(home=home))
    try:
        with storage.begin() as work:
            for user_id, rows in zip(ids, people, strict=True):
                work.add_person(
                    user_id,
                    templates=[NewTemplate(vector.values, vector.model_id, capture) for vector, capture in rows],
                    attributes={"age": 44},
                    metadata={"label": "somebody's name"},
                    consent=AGREED,
                    flagged=False,
                )
            work.commit()
    finally:
        storage.close()
    return ids


def report() -> dict[str, Any]:
    result = CliRunner().invoke(application, ["evaluate", "gallery", "--json"])
    assert result.exit_code == 0, result.output
    told: dict[str, Any] = json.loads(result.stdout)
    return told


def lines(*options: str) -> str:
    result = CliRunner().invoke(application, ["evaluate", "gallery", *options])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_people_who_are_apart_work(home: Path) -> None:
    ids = enrol(home, [photos(1, 0, 1, 1), photos(2, 0, 1, 2), photos(3, 0)])
    told = report()
    assert (told["verdict"], told["people"], told["single_capture"], told["matching"]) == ("yes", 3, 1, "score")
    assert told["own"]["captures"] == told["own"]["accepted"] == 5
    assert told["others"] == {
        "comparisons": 12,
        "accepted": 0,
        "expected": 0.001,
        "worse_than_expected": False,
    }
    assert told["identification"] == {"fpir": 0.001, "answered": True, "pairs": 0}
    assert [member["user_id"] for member in told["members"]] == [str(each) for each in ids]
    assert [member["captures"] for member in told["members"]] == [2, 3, 1]
    for member in told["members"][:2]:
        assert member["own_worst"] <= member["own_mean"]
        assert member["nearest_value"] < member["own_worst"]
    assert told["members"][2]["own_worst"] is None
    assert lines().startswith("Yes:")


def test_look_alikes_are_named_to_the_operator_and_nobody_s_label_is(home: Path) -> None:
    twin = [(at_distance(vector, 0.3, seed=7), capture) for vector, capture in photos(1, 0, 1)]
    ids = enrol(home, [photos(1, 0, 1), photos(2, 0, 1), twin])
    told = report()
    assert told["verdict"] == "mostly" or told["others"]["worse_than_expected"]
    (pair,) = told["pairs"]
    assert pair["users"] == [str(ids[0]), str(ids[2])]
    assert (pair["verification"], pair["identification"]) == (True, True)
    assert pair["fmr"] <= 1e-4
    assert [told["members"][place]["nearest"] for place in (0, 2)] == [str(ids[2]), str(ids[0])]
    text = lines()
    assert str(ids[0]) in text
    assert str(ids[1]) not in text
    for output in (text, json.dumps(told)):
        assert "somebody's name" not in output
        assert "44" not in output.replace("-", " ").split()


def test_somebody_enrolled_with_another_s_photos_is_shown(home: Path) -> None:
    mixed = [*photos(1, 0), *[(vector, 1) for vector, _ in photos(9, 0)]]
    ids = enrol(home, [mixed, photos(2, 0, 1)])
    told = report()
    assert told["members"][0]["own_accepted"] == 0
    assert told["members"][1]["own_accepted"] == 2
    assert str(ids[0]) in lines()


def test_a_gallery_where_many_are_alike_is_not_for_everybody(home: Path) -> None:
    enrol(home, [photos(1, 0, spread=0.2 + number / 100) for number in range(6)])
    told = report()
    assert told["verdict"] == "not_for_everybody"
    assert told["verification"]["pairs"] == len(told["pairs"]) == 15
    assert "There are more" in lines("--rows", "2")


def test_who_has_templates_of_another_model_alone_is_counted(home: Path) -> None:
    enrol(home, [photos(1, 0, 1), [(random_vector(4), 0)], photos(3, 0)])
    assert (report()["people"], report()["other_model"]) == (2, 1)
    assert "1 more have templates of another model alone" in lines()


@pytest.mark.parametrize("people", [0, 1])
def test_nobody_to_compare_with_is_no_answer(home: Path, people: int) -> None:
    enrol(home, [photos(1, 0, 1)][:people])
    told = report()
    assert (told["verdict"], told["others"]["comparisons"], told["pairs"]) == ("unknown", 0, [])
    assert lines().startswith("Too early to tell")


def test_more_people_than_1_n_answers_for_are_compared_all_the_same(home: Path) -> None:
    random = np.random.default_rng(5).standard_normal((101, SPEC.dimension))
    values = (random / np.linalg.norm(random, axis=1, keepdims=True)).astype(np.float32)
    enrol(home, [[(FaceVector(value, SPEC.model_id), 0)] for value in values])
    told = report()
    assert told["others"]["comparisons"] == 101 * 100
    assert told["identification"] == {"fpir": 0.001, "answered": False, "pairs": None}


def test_the_settings_choose_model_and_matching(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    enrol(home, [photos(1, 0, 1), photos(2, 0)])
    monkeypatch.setenv("FACEWARDEN_MATCHING", "distance")
    told = report()
    assert told["matching"] == "distance"
    assert told["members"][0]["nearest_value"] > told["members"][0]["own_worst"] > 0
    monkeypatch.setenv("FACEWARDEN_EMBEDDER", "onnx")
    assert (report()["people"], report()["other_model"]) == (0, 2)
