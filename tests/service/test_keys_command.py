"""`facewarden keys`, typed as an operator would, and killed as a machine would."""

import base64
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from typer.testing import CliRunner

from service.cli.main import application
from service.databases import open_storage
from service.settings import Settings
from tests import databases
from tests.db.people import enrol

run = CliRunner()
LONG = os.environ.get("FACEWARDEN_TEST_LONG") == "1"
STATEMENTS = 100
"""Of a rotation with 40 people, at least."""


pytestmark = pytest.mark.usefixtures("home")


def enrolled(home: Path, count: int) -> list[UUID]:
    storage = open_storage(Settings(home=home))
    ids = [enrol(storage, label=f"person {number}") for number in range(count)]
    storage.close()
    return ids


def labels(home: Path) -> dict[UUID, object]:
    storage = open_storage(Settings(home=home))
    with storage.begin() as work:
        found = {person.user_id: (person.metadata or {}).get("label") for person in work.people(0, 1000)}
    storage.close()
    return found


def told(*arguments: str) -> dict[str, object]:
    answer = run.invoke(application, ["keys", *arguments, "--json"], catch_exceptions=False)
    assert answer.exit_code == 0, answer.output
    report: dict[str, object] = json.loads(answer.output)
    return report


def test_status_before_and_after_a_new_master_key(home: Path) -> None:
    enrolled(home, 3)
    old, before = (home / "master.key").read_text(), told("status")
    done, after = told("rotate"), told("status")
    assert before["wrapped"] == {before["current"]: 6}  # three people and the secrets for tombstones and proofs
    assert after["wrapped"] == {done["current"]: 8}  # the keys of the audit log before and after, too
    assert before["current"] != done["current"]
    assert (done["replaced"], done["rewrapped"], done["destroyed"], done["pending"]) == (True, 6, True, False)
    assert (home / "master.key").read_text() != old
    assert not after["unfinished"]


def test_the_log_tells_of_new_keys_goes_on_under_another_and_stays_whole(home: Path) -> None:
    (one,) = enrolled(home, 1)
    told("rotate")
    told("rotate", "--person", str(one))
    storage = open_storage(Settings(home=home))
    entries, (count, findings) = list(storage.audit.entries()), storage.audit.verify()
    storage.close()
    assert [(entry.kind, entry.generation) for entry in entries] == [
        ("master_key_replaced", 1),
        ("audit_key_renewed", 2),
        ("person_key_replaced", 2),
    ]
    assert (count, findings) == (3, [])


def test_the_sentences_name_no_key(home: Path) -> None:
    enrolled(home, 1)
    said = [run.invoke(application, ["keys", each]).output for each in ("status", "rotate", "rewrap", "status")]
    assert "nothing is left to do" in said[0]
    assert "no other master key is left" in said[1]
    assert "the master key is still" in said[2]
    assert (home / "master.key").read_text().strip() not in "".join(said)


def test_a_person_gets_a_new_key_and_nobody_gets_none(home: Path) -> None:
    one, other = enrolled(home, 2)
    assert told("rotate", "--person", str(one))["records"] == 3  # a template, attributes, a label
    assert labels(home) == {one: "person 0", other: "person 1"}
    answer = run.invoke(application, ["keys", "rotate", "--person", str(uuid4())])
    assert getattr(answer.exception, "code", None) == "unknown_user"


def test_a_key_given_from_outside_is_replaced_by_the_next_one_given(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (base64.b64encode(os.urandom(32)).decode() for _ in range(2))
    monkeypatch.setenv("FACEWARDEN_MASTER_KEY", first)
    told("status")
    monkeypatch.setenv("FACEWARDEN_MASTER_KEY", second)
    monkeypatch.setenv("FACEWARDEN_MASTER_KEY_PREVIOUS", first)
    assert told("status")["unfinished"]
    assert told("rotate")["destroyed"] is False
    monkeypatch.delenv("FACEWARDEN_MASTER_KEY_PREVIOUS")
    assert not told("status")["unfinished"]
    assert not (home / "master.key").exists()


def test_the_command_killed_at_any_moment_beside_a_service_is_ended_by_the_next_call(home: Path) -> None:
    ids = enrolled(home, 40)
    service = open_storage(Settings(home=home))  # stays open, as a service does
    chance = random.Random(5)
    environment = os.environ | databases.environment(home)
    killed = 0
    for number in range(30 if LONG else 2):
        moment = [str(chance.randint(1, STATEMENTS)), ""]  # of any kind
        command = [sys.executable, "-m", "tests.service.dying", *moment, "keys", "rotate"]
        done = subprocess.run(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment, check=False
        )
        killed += done.returncode == -signal.SIGKILL  # else it only had to end what the one before had begun
        ids.append(enrol(service, label=f"person {40 + number}"))
        with service.begin() as work:
            assert len(list(work.all_templates())) == len(ids)
    assert killed >= (10 if LONG else 1)
    assert told("rewrap")["destroyed"]
    service.close()
    assert labels(home) == {user_id: f"person {number}" for number, user_id in enumerate(ids)}
    assert [path.name for path in home.glob("master.key*")] == ["master.key"]


@pytest.mark.files
def test_the_key_of_tokens_is_followed_by_the_next_or_replaced_at_once(home: Path) -> None:
    first = json.loads(run.invoke(application, ["keys", "tokens", "list", "--json"]).output)
    assert [each["signs"] for each in first] == [True]
    answer = run.invoke(application, ["keys", "tokens", "rotate"], catch_exceptions=False)
    assert "signs in ten minutes" in answer.output
    both = json.loads(run.invoke(application, ["keys", "tokens", "list", "--json"]).output)
    assert [each["signs"] for each in both] == [True, False]
    assert both[0] == first[0]
    made = told("tokens", "rotate", "--at-once")
    left = json.loads(run.invoke(application, ["keys", "tokens", "list", "--json"]).output)
    assert [(each["kid"], each["signs"]) for each in left] == [(made["kid"], True)]
    assert str(made["kid"]) in run.invoke(application, ["keys", "tokens", "list"]).output
    assert (home / "keys.db").exists()
