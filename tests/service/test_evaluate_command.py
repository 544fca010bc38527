"""`facewarden evaluate` prints the figures of the evaluation room as JSON and as lines."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from embeddings.image import PictureFormat, encode
from service.cli.evaluate import commands
from tests.drawn_faces import crowd
from tests.portraits import portraits


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root, found = tmp_path_factory.mktemp("people"), portraits()
    for person, paths in (("one", (found.obama, found.obama2, found.obama3)), ("two", (found.biden,))):
        (root / person).mkdir()
        for number, path in enumerate(paths):
            (root / person / f"{number}{path.suffix}").write_bytes(path.read_bytes())
    return root


def test_verification_counts_pairs_groups_and_draws(folder: Path, tmp_path: Path) -> None:
    table, drawing = tmp_path / "groups.csv", tmp_path / "det.svg"
    table.write_text("person,group\none,a\ntwo,b\n")
    options = ["--groups", str(table), "--plot", str(drawing), "--json"]
    result = CliRunner().invoke(commands, ["verification", str(folder), *options])
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert (answer["images"], answer["people"], answer["failed_to_acquire"]) == (4, 2, 0)
    assert (answer["genuine"], answer["impostor"], answer["eer"], answer["matching"]) == (3, 3, 0, "score")
    assert answer["groups"]["worst_fmr"] == 0
    assert answer["shipped"][2]["fmr"] == answer["shipped"][2]["fnmr"] == 0
    assert drawing.read_text().startswith("<svg")


def test_frames_of_one_moment_are_judged_as_one_capture(folder: Path) -> None:
    options = ["--enrolled", "2", "--login", "3", "--captures", "burst", "--json"]
    result = CliRunner().invoke(commands, ["verification", str(folder), *options])
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert answer["captures"] == "burst"
    assert (answer["images"], answer["genuine"], answer["impostor"]) == (4, 2, 1)
    names = [point["name"] for point in answer["shipped"]]
    assert names[2] == "1:1 at FMR 0.0001"
    assert names[6] == "2:3 at FMR 0.0001"
    assert answer["shipped"][2]["fmr"] == answer["shipped"][2]["fnmr"] == 0


def test_distance_can_be_chosen_and_lines_are_for_people(folder: Path) -> None:
    result = CliRunner().invoke(commands, ["verification", str(folder), "--matching", "distance"])
    assert result.exit_code == 0, result.output
    assert "matching           distance" in result.stdout
    assert "1:1 at FMR 0.0001" in result.stdout


def test_detection_counts_what_is_annotated(tmp_path: Path) -> None:
    (tmp_path / "drawn.png").write_bytes(encode(crowd(640, 320, [(330, 10, 300)]), PictureFormat.PNG))
    faces = [{"box": [400, 80, 160, 200], "invalid": False}]
    (tmp_path / "boxes.json").write_text(json.dumps({"drawn.png": {"size": [640, 320], "faces": faces}}))
    result = CliRunner().invoke(commands, ["detection", str(tmp_path), "--purpose", "find", "--json"])
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert set(answer["recall"]) == {"12", "20", "30"}
    assert answer["images"] == 1
    assert answer["ms_per_image"] > 0
    assert answer["recall"]["30"] + answer["extra_per_image"] == 1  # the one face was found, there or elsewhere


def test_protection_says_what_it_keeps_and_hides(folder: Path) -> None:
    result = CliRunner().invoke(commands, ["protection", str(folder), "--embedder", "onnx", "--json"])
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert (answer["images"], answer["people"], answer["comparisons"]) == (4, 2, 6)
    assert [row["differing"] for row in answer["shipped"]] == [0, 0, 0, 0]
    assert answer["linkability"]["mated"] == 2
    assert answer["linkability"]["eer_raw"] == 0
    assert answer["relinked"] == []  # too few people
