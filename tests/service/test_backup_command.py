"""`facewarden backup`, typed as an operator would."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from service.cli.main import application
from service.databases import open_storage
from service.settings import Settings
from tests.db.people import enrol

run = CliRunner()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in Settings.model_fields:
        monkeypatch.delenv("FACEWARDEN_" + name.upper(), raising=False)
    monkeypatch.setenv("FACEWARDEN_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def told(*arguments: str) -> dict[str, object]:
    answer = run.invoke(application, ["backup", *arguments, "--json"], catch_exceptions=False)
    assert answer.exit_code == 0, answer.output
    report: dict[str, object] = json.loads(answer.output)
    return report


@pytest.mark.files
def test_there_and_back(home: Path, tmp_path: Path) -> None:
    storage = open_storage(Settings(home=home))
    gone, stays = enrol(storage, label="Ada"), enrol(storage, label="Grace")
    made = told("create", str(tmp_path / "archives"))  # while the storage is open
    assert made["people"] == 2
    assert made["pruned"] == []
    storage.erase([gone])
    storage.close()
    both = ["restore", "--data", str(made["data"]), "--keys", str(made["keys"])]
    refused = run.invoke(application, ["backup", *both])
    assert getattr(refused.exception, "code", None) == "backup_refused"
    assert told(*both, "--replace") == {"people": 1, "erased": 1, "unreadable": 0}
    storage = open_storage(Settings(home=home))
    with storage.begin() as work:
        assert work.user_ids() == {stays}
    storage.close()


@pytest.mark.files
def test_a_new_machine_needs_both_archives_and_the_master_key(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = open_storage(Settings(home=home))
    enrol(storage)
    storage.close()
    said = run.invoke(application, ["backup", "create", str(tmp_path / "archives")]).output
    assert "The master key is in neither" in said
    keys, data = sorted((tmp_path / "archives").iterdir(), reverse=True)
    monkeypatch.setenv("FACEWARDEN_HOME", str(tmp_path / "new"))
    both = ["restore", "--data", str(data), "--keys", str(keys)]
    answer = run.invoke(application, ["backup", *both])
    assert getattr(answer.exception, "code", None) == "master_key"
    shutil.copy(home / "master.key", tmp_path / "new" / "master.key")
    assert run.invoke(application, ["backup", *both]).output == "1 people are enrolled\n"
    assert "nothing has expired" in run.invoke(application, ["backup", "prune", str(tmp_path / "archives")]).output
