"""`facewarden tenants`, and --tenant, typed as an operator would."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from db.errors import UnknownTenant
from service.cli.main import application
from service.databases import open_storage
from service.settings import Settings
from tests.db.people import enrol

run = CliRunner()


pytestmark = pytest.mark.usefixtures("home")


def told(*words: str) -> Any:
    answer = run.invoke(application, [*words, "--json"])
    assert answer.exit_code == 0, answer.output
    return json.loads(answer.output)


def test_a_tenant_is_made_once_listed_and_noted(home: Path) -> None:
    assert [each["name"] for each in told("tenants", "list")] == ["default"]
    assert told("tenants", "create", "acme") == {"tenant": "acme", "created": True}
    assert not told("tenants", "create", "acme")["created"]
    storage = open_storage(Settings(home=home))
    enrol(storage.of("acme"))
    assert [entry.kind for entry in storage.audit.entries(tenant="acme")] == ["tenant_created"]
    assert list(storage.audit.entries(tenant="default")) == []
    storage.close()
    assert {each["name"]: each["people"] for each in told("tenants", "list")} == {"acme": 1, "default": 0}
    assert "acme" in run.invoke(application, ["tenants", "list"]).output
    wrong = run.invoke(application, ["tenants", "create", "No Name"])
    assert wrong.exit_code == 2
    assert "NAME" in wrong.output


def test_revoking_carries_everything_over_each_time(home: Path) -> None:
    told("tenants", "create", "acme")
    storage = open_storage(Settings(home=home))
    acme = storage.of("acme")
    enrol(acme, templates=3)
    first = told("tenants", "revoke", "acme")
    assert first == {"tenant": "acme", "generation": 2, "templates": 3, "worthless": 0, "pending": False}
    assert told("tenants", "revoke", "acme")["generation"] == 3
    assert "3 templates were carried over" in run.invoke(application, ["tenants", "revoke", "acme"]).output
    assert acme.transforms().generations() == [4]
    with acme.begin() as work:
        assert {row.transform for row in work.all_templates()} == {4}
    storage.close()


def test_people_are_those_of_the_tenant_that_is_named(home: Path) -> None:
    told("tenants", "create", "acme")
    storage = open_storage(Settings(home=home))
    user_id = str(enrol(storage.of("acme")))
    storage.close()
    assert told("users", "list")["total"] == 0
    assert told("users", "list", "--tenant", "acme")["total"] == 1
    assert told("users", "show", user_id, "--tenant", "acme")["user_id"] == user_id
    assert run.invoke(application, ["users", "show", user_id]).exit_code == 1
    missing = run.invoke(application, ["users", "purge", "--user", user_id, "--yes", "--json"])
    assert json.loads(missing.output)["not_found"] == [user_id]
    assert told("users", "purge", "--all", "--yes")["erased"] == 0
    assert told("users", "purge", "--all", "--yes", "--tenant", "acme")["erased"] == 1


def test_the_gallery_is_examined_tenant_by_tenant(home: Path) -> None:
    told("tenants", "create", "acme")
    storage = open_storage(Settings(home=home))
    enrol(storage.of("acme"))
    storage.close()
    lacking = [told("evaluate", "gallery", *words)["other_model"] for words in ((), ("--tenant", "acme"))]
    assert lacking == [0, 1]


@pytest.mark.parametrize(
    "words",
    [("tenants", "revoke"), ("users", "list", "--tenant"), ("evaluate", "gallery", "--tenant")],
    ids=lambda words: words[0],
)
def test_a_tenant_that_is_none_is_told(words: tuple[str, ...]) -> None:
    answer = run.invoke(application, [*words, "nowhere"])
    assert isinstance(answer.exception, UnknownTenant)
    assert "nowhere" in str(answer.exception)
