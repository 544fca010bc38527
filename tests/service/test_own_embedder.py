"""A net of one's own, from its card to a login: refused until it is calibrated, then used, and never mixed."""

import json
import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from embeddings.embed import DLIB_SPEC
from embeddings.fused import MODEL_ID
from embeddings.model_card import CardRefused, beside
from service.bootstrap import build
from service.cli.evaluate import commands
from service.errors import NotRecognised
from service.settings import Settings
from service.workflows.enrol import EnrolRequest
from service.workflows.login import LoginRequest
from tests.own_net import people, photo, write_net
from tests.story.server import running_service

FMR = 1e-3
ANN, BEN = 1001, 1002


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return people(tmp_path_factory.mktemp("people"), 90, 6)


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> tuple[Path, dict[str, Any]]:
    path = write_net(tmp_path_factory.mktemp("net") / "own.onnx")
    options = ["--embedder", f"onnx:{path}", "--calibrate", "--json"]
    result = CliRunner().invoke(commands, ["verification", str(folder), *options])
    assert result.exit_code == 0, result.output
    return path, json.loads(result.stdout)


def settings(home: Path, path: Path, **more: Any) -> Settings:
    return Settings(home=home, embedder=f"onnx:{path}", verification_fmr=FMR, **more)


def test_calibrating_writes_what_the_report_tells(calibrated: tuple[Path, dict[str, Any]]) -> None:
    path, report = calibrated
    held = json.loads(beside(path).read_text())
    assert held["measured_for"] == report["model_id"]
    single = [row for row in held["operating_points"] if (row["enrolled"], row["captures"]) == (1, 1)]
    assert [row["fmr"] for row in single] == [1e-2, 1e-3, 1e-4]
    assert single[1]["impostor_events"] >= 10
    for row, shipped in zip(single, report["shipped"], strict=True):
        assert shipped["fmr"] <= 1.6 * row["fmr"]
        assert row["threshold"] == pytest.approx(1 - shipped["threshold"] ** 2 / 2, abs=2e-5)


def test_enrol_and_log_in_over_http(calibrated: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    path, report = calibrated
    own: dict[str, Any] = {"FACEWARDEN_EMBEDDER": f"onnx:{path}", "FACEWARDEN_VERIFICATION_FMR": str(FMR)}
    with running_service(tmp_path / "home", **own) as service, httpx.Client(base_url=service.base_url) as client:
        photos = [("image", (f"{number}.png", photo(ANN, number))) for number in (1, 2)]
        enrolled = client.post("/v1/users", files=photos, data={"consent": "true"})
        assert enrolled.status_code == 201, enrolled.text
        claim = {"user_id": enrolled.json()["user_id"]}
        accepted = client.post("/v1/login", files={"image": photo(ANN, 3)}, data=claim)
        assert accepted.status_code == 200, accepted.text
        assert accepted.json()["assurance"]["fmr"] == FMR
        assert client.post("/v1/login", files={"image": photo(BEN, 3)}, data=claim).status_code == 401
        told = service.log.read_text().splitlines()
    assert f"facewarden: {report['model_id']}, licence of the weights: none: random numbers" in told


def test_without_thresholds_the_start_is_refused_with_the_command(tmp_path: Path) -> None:
    path = write_net(tmp_path / "own.onnx")
    with pytest.raises(CardRefused, match=r"evaluate verification FOLDER --embedder onnx:PATH --calibrate"):
        build(settings(tmp_path / "home", path))


def test_a_rate_that_was_not_measured_stops_the_start(calibrated: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    with pytest.raises(CardRefused, match=r"none reaches a false match rate of 1e-05"):
        build(Settings(home=tmp_path / "home", embedder=f"onnx:{calibrated[0]}", verification_fmr=1e-5))


def test_thresholds_of_another_net_or_another_feeding_do_not_count(
    calibrated: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    card = beside(calibrated[0]).read_text()
    other = write_net(tmp_path / "other.onnx", seed=2)
    beside(other).write_text(card)
    fed_otherwise = Path(shutil.copy(calibrated[0], tmp_path / "same.onnx"))
    beside(fed_otherwise).write_text(json.dumps(json.loads(card) | {"colour_order": "bgr"}))
    for path in (other, fed_otherwise):
        with pytest.raises(CardRefused, match="none were measured for this model as it is fed"):
            build(settings(tmp_path / "home", path))


def test_templates_of_two_models_never_mix(calibrated: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    home, face = tmp_path / "home", photo(ANN, 1)
    application = build(settings(home, calibrated[0]))
    ann = application.enrol(EnrolRequest([face], consent=True))
    assert application.login(LoginRequest([face], ann.user_id)).user_id == ann.user_id
    application.close()

    application = build(Settings(home=home))
    for claim in (None, ann.user_id):
        with pytest.raises(NotRecognised):
            application.login(LoginRequest([face], claim))
    ben = application.enrol(EnrolRequest([photo(BEN, 1)], consent=True))
    assert application.gallery.index.keys() == {ben.user_id}
    application.close()

    application = build(settings(home, calibrated[0]))
    with pytest.raises(NotRecognised):
        application.login(LoginRequest([photo(BEN, 1)], ben.user_id))
    assert application.login(LoginRequest([face], ann.user_id)).user_id == ann.user_id
    assert application.gallery.index.keys() == {ann.user_id}
    application.close()


def test_people_come_over_to_it_and_away_from_it(calibrated: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    path, report = calibrated
    home, own = tmp_path / "home", f"onnx:{path}"
    steps = [("onnx", None), (own, "onnx"), ("fused", own)]
    models = [DLIB_SPEC.model_id, report["model_id"], MODEL_ID]
    user_id = None
    for (embedder, previous), model in zip(steps, models, strict=True):
        application = build(Settings(home=home, embedder=embedder, previous_embedder=previous, verification_fmr=FMR))
        if user_id is None:
            user_id = application.enrol(EnrolRequest([photo(ANN, 1)], consent=True)).user_id
        application.login(LoginRequest([photo(ANN, 2)], user_id))
        assert application.people.get(user_id).model_ids == (model,)
        application.close()


def test_only_a_net_of_ones_own_is_calibrated_and_only_on_enough_people(folder: Path, tmp_path: Path) -> None:
    shipped = CliRunner().invoke(commands, ["verification", str(folder), "--embedder", "onnx", "--calibrate"])
    assert (shipped.exit_code, "has a card to calibrate" in shipped.output) == (2, True)
    path, few = write_net(tmp_path / "own.onnx"), people(tmp_path / "few", 2, 3)
    before = beside(path).read_bytes()
    options = ["--embedder", f"onnx:{path}"]
    result = CliRunner().invoke(commands, ["verification", str(few), *options, "--calibrate"])
    assert (result.exit_code, "too few people" in result.output) == (2, True)
    assert beside(path).read_bytes() == before
    assert isinstance(CliRunner().invoke(commands, ["verification", str(few), *options]).exception, CardRefused)
