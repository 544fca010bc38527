"""`facewarden users purge` and `facewarden receipts`, typed as an operator would."""

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from typer.testing import CliRunner, Result

from service.cli.main import application, main
from service.databases import open_storage
from service.receipts import verify
from service.settings import Settings
from service.workflows.people import People
from service.workflows.purge import Purge, Selection
from tests import databases
from tests.db.people import Clock
from tests.db.people import enrol as enrol_in

run = CliRunner()
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


pytestmark = pytest.mark.usefixtures("home")


def enrol(home: Path, count: int, *, days_later: float = 0) -> list[str]:
    """On the first of March of 2026, or later."""
    clock = Clock()
    clock.advance(days=days_later)
    storage = open_storage(Settings(home=home), clock)
    try:
        return [str(enrol_in(storage, templates=2, seed=number)) for number in range(count)]
    finally:
        storage.close()


def enrolled(home: Path) -> set[str]:
    storage = open_storage(Settings(home=home))
    try:
        return {str(each) for each in People(storage).ids()}
    finally:
        storage.close()


def purge(*arguments: str) -> Result:
    return run.invoke(application, ["users", "purge", *arguments])


def told(*arguments: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(purge(*arguments, "--json").stdout)
    return answer


def test_a_dry_run_erases_nobody(home: Path) -> None:
    ids = enrol(home, 2)
    answer = told("--all", "--dry-run")
    assert (answer["chosen"], answer["erased"]) == (sorted(ids), 0)
    assert enrolled(home) == set(ids)


def test_purge_erases_the_one_named_and_reports_who_is_not_there(home: Path) -> None:
    ids, nobody = enrol(home, 2), str(uuid4())
    result = purge("--user", ids[0], "--user", nobody, "--yes", "--json")
    answer = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (answer["erased"], answer["not_found"], answer["receipt"]) == (1, [nobody], None)
    assert enrolled(home) == {ids[1]}


def test_who_was_not_seen_since_a_day_or_for_a_time_is_chosen(home: Path) -> None:
    old, new = enrol(home, 2), enrol(home, 1, days_later=3)
    storage = open_storage(Settings(home=home), lambda: NOON.replace(day=9))
    with storage.begin() as work:
        work.logged_in(UUID(old[1]))
        work.commit()
    storage.close()
    assert told("--before", "2026-03-01", "--dry-run")["chosen"] == []
    assert told("--before", "2026-03-02", "--dry-run")["chosen"] == old[:1]
    assert told("--before", "2026-03-05", "--dry-run")["chosen"] == [old[0], *new]
    days = (datetime.now(UTC) - NOON).days  # until the first of them was enrolled, whole days
    assert told("--inactive", f"{days}d", "--dry-run")["chosen"] == old[:1]
    assert told("--inactive", f"{days + 1}d", "--dry-run")["chosen"] == []
    assert told("--inactive", f"{days - 4}d", "--yes")["erased"] == 2
    assert enrolled(home) == {old[1]}


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--all", "--user", str(uuid4())],
        ["--inactive", "3d", "--all"],
        ["--before", "2026-01-01", "--inactive", "3d"],
        ["--before", "yesterday"],
        ["--inactive", "0d"],
        ["--inactive", "180"],
        ["--all", "--receipt", "no/such/folder/receipt"],
    ],
)
def test_a_choice_that_is_none_erases_nobody(home: Path, arguments: list[str]) -> None:
    ids = enrol(home, 1)
    assert purge("--yes", *arguments).exit_code == 2
    assert enrolled(home) == set(ids)


def test_erasing_without_being_asked_needs_yes(home: Path) -> None:
    ids = enrol(home, 1)
    assert purge("--all").exit_code == 2
    assert purge("--all", "--json").exit_code == 2
    assert enrolled(home) == set(ids)


@pytest.mark.parametrize(("answer", "left"), [("n\n", 25), ("y\n", 0)])
def test_at_a_terminal_it_shows_who_and_asks(
    home: Path, monkeypatch: pytest.MonkeyPatch, answer: str, left: int
) -> None:
    ids = enrol(home, 25)
    monkeypatch.setattr("service.cli.users_purge._at_a_terminal", lambda: True)
    result = run.invoke(application, ["users", "purge", "--all"], input=answer)
    assert result.exit_code == (1 if left else 0)
    assert result.stdout.splitlines()[:21] == [*sorted(ids)[:20], "and 5 more (--dry-run names all)"]
    assert "Erase 25 people for good?" in result.stdout
    assert len(enrolled(home)) == left


@pytest.mark.files
def test_the_receipt_of_a_purge_verifies_anywhere(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ids, file = enrol(home, 3), tmp_path / "receipt.json"
    assert told("--all", "--yes", "--receipt", str(file))["receipt"] == str(file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "receipt.json"]
    public = run.invoke(application, ["receipts", "key"]).stdout.strip()
    receipt = verify(file.read_bytes(), public)
    assert [(each.user_id, each.templates, each.keys, each.by) for each in receipt.erased] == [
        (each, 2, 1, "operator") for each in sorted(ids)
    ]
    assert run.invoke(application, ["receipts", "verify", str(file)]).exit_code == 0

    monkeypatch.setenv("FACEWARDEN_HOME", str(tmp_path / "elsewhere"))
    checked = run.invoke(application, ["receipts", "verify", str(file), "--key", public])
    assert checked.exit_code == 0
    assert all(each in checked.stdout for each in ids)
    assert "genuine" in checked.stdout
    as_json = run.invoke(application, ["receipts", "verify", str(file), "--key", public, "--json"]).stdout
    assert json.loads(as_json) == json.loads(file.read_text())
    assert run.invoke(application, ["receipts", "verify", str(file)]).exit_code == 2
    assert not (tmp_path / "elsewhere").exists()
    assert run.invoke(application, ["receipts", "verify", str(file), "--key", "none"]).exit_code == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda content: content[: len(content) // 2], "cut off or damaged"),
        (lambda content: content.replace(b'"templates": 2', b'"templates": 3'), "changed after it was signed"),
        (lambda content: content.replace(b"receipt 1", b"receipt 9"), "no receipt of a kind"),
    ],
)
def test_a_receipt_that_is_not_valid_is_refused_in_words(
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    change: Any,
    words: str,
) -> None:
    enrol(home, 1)
    file = tmp_path / "receipt.json"
    told("--all", "--yes", "--receipt", str(file))
    file.write_bytes(change(file.read_bytes()))
    monkeypatch.setattr(sys, "argv", ["facewarden", "receipts", "verify", str(file)])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 1
    assert words in " ".join(capsys.readouterr().err.split())


def test_a_receipt_of_another_installation_is_refused(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrol(home, 1)
    file = tmp_path / "receipt.json"
    told("--all", "--yes", "--receipt", str(file))
    enrol(tmp_path / "other", 1)
    monkeypatch.setenv("FACEWARDEN_HOME", str(tmp_path / "other"))
    assert "another installation" in str(run.invoke(application, ["receipts", "verify", str(file)]).exception)


def test_a_receipt_is_had_again_and_never_overwrites(home: Path, tmp_path: Path) -> None:
    gone, stays = enrol(home, 2)
    assert told("--user", gone, "--yes")["erased"] == 1
    file = tmp_path / "again.json"
    issue = ["receipts", "issue", gone, "--receipt", str(file)]
    assert run.invoke(application, issue).exit_code == 0
    assert run.invoke(application, ["receipts", "verify", str(file)]).exit_code == 0
    before = file.read_bytes()
    assert run.invoke(application, issue).exit_code == 2
    assert purge("--all", "--yes", "--receipt", str(file)).exit_code == 2
    assert (file.read_bytes(), enrolled(home)) == (before, {stays})
    assert run.invoke(application, ["receipts", "issue", stays, "--receipt", str(tmp_path / "none")]).exit_code == 1
    assert not (tmp_path / "none").exists()


def test_a_purge_that_died_goes_on_and_its_receipt_has_everybody(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids, file = sorted(enrol(home, 7)), tmp_path / "receipt.json"
    monkeypatch.setattr("service.workflows.purge.BATCH", 2)
    erase, calls = People.erase, []

    def dies(self: People, user_ids: list[UUID], **why: Any) -> Any:
        calls.append(user_ids)
        if len(calls) == 3:
            self.storage._keystore.destroy(user_ids, erased_at=self.storage.now())  # and no row
            raise KeyboardInterrupt
        return erase(self, user_ids, **why)

    monkeypatch.setattr(People, "erase", dies)
    assert purge("--all", "--yes", "--receipt", str(file)).exit_code != 0
    assert not file.exists()
    assert len(enrolled(home)) == 1  # opening ended what was cut in two

    assert told("--all", "--yes", "--receipt", str(file))["erased"] == 1
    receipt = json.loads(file.read_text())
    assert sorted(each["user_id"] for each in receipt["erased"]) == ids
    assert [each["by"] for each in receipt["erased"]].count("sweep") == 2
    assert not file.with_name("receipt.json.part").exists()


def test_who_logs_in_after_being_chosen_stays(home: Path) -> None:
    ids = enrol(home, 2)
    storage = open_storage(Settings(home=home))
    work, selection = Purge(People(storage)), Selection(unseen_since=storage.now())
    chosen = work.chosen(selection)
    with storage.begin() as unit:
        unit.logged_in(UUID(ids[0]))
        unit.commit()
    assert sum(done.erased for done in work(selection, chosen)) == 1
    storage.close()
    assert enrolled(home) == {ids[0]}


def test_a_purge_killed_by_the_system_goes_on(home: Path, tmp_path: Path) -> None:
    ids, file = sorted(enrol(home, 40)), tmp_path / "receipt.json"
    arguments = ["users", "purge", "--all", "--yes", "--receipt", str(file)]
    environment = os.environ | databases.environment(home)
    for batches, middle in ((6, "DELETE FROM person "), (8, "INSERT INTO tombstone ")):
        command = [sys.executable, "-m", "tests.service.dying", str(batches), middle, *arguments]
        done = subprocess.run(command, env=environment, stderr=subprocess.DEVNULL, check=False)
        assert done.returncode == -signal.SIGKILL
    remaining = enrolled(home)
    assert 0 < len(remaining) <= 30
    assert told("--all", "--yes", "--receipt", str(file))["erased"] == len(remaining)
    assert sorted(each["user_id"] for each in json.loads(file.read_text())["erased"]) == ids
    assert run.invoke(application, ["receipts", "verify", str(file)]).exit_code == 0
    assert run.invoke(application, ["audit", "verify"]).exit_code == 0
