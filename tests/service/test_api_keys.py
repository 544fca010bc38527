"""API keys, made and revoked over HTTP and by command line, as operators do."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from db.api_keys import SHOWN, Role
from db.errors import UnknownTenant
from service.app import create_app
from service.bootstrap import Application, build
from service.cli.main import application as command_line
from service.databases import open_storage
from service.errors import UnknownApiKey, UnsafeSettings
from service.settings import Settings
from service.workflows.tenancy import create
from tests.service.api_keys import key
from tests.service.asgi_client import Answer, call

run = CliRunner()
KEYS = "/v1/admin/api-keys"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    built = build(Settings(home=tmp_path_factory.mktemp("keys") / "home"))
    create(built.storage, "acme")
    yield built
    built.close()


def ask(served: Application, shown: str | None, method: str, path: str, **fields: object) -> Answer:
    headers = [
        ("Host", "localhost"),
        ("Content-Type", "application/json"),
    ] + ([] if shown is None else [("Authorization", f"Bearer {shown}")])
    return call(create_app(served), method, path, headers, [json.dumps(fields).encode()])


def listed(served: Application, shown: str) -> dict[str, Any]:
    answer = ask(served, shown, "GET", KEYS)
    assert answer.status == 200
    return {each["prefix"]: each for each in json.loads(answer.body)["keys"]}


def test_a_key_is_shown_once_works_at_once_and_is_refused_once_it_is_revoked(served: Application) -> None:
    admin = key(served.storage, Role.ADMIN)
    answer = ask(served, admin, "POST", KEYS, role="auditor", name="Ann", expires_days="30")
    assert answer.status == 201
    made = json.loads(answer.body)
    assert SHOWN.fullmatch(made["key"])
    assert (made["role"], made["name"], made["last_used_at"]) == ("auditor", "Ann", None)
    assert ask(served, made["key"], "GET", "/v1/admin/stats").status == 200
    told = listed(served, admin)[made["prefix"]]
    assert told["last_used_at"] is not None
    assert "key" not in told
    assert made["key"].encode() not in ask(served, admin, "GET", KEYS).body
    assert ask(served, admin, "DELETE", f"{KEYS}/{made['prefix']}").status == 204
    assert ask(served, made["key"], "GET", "/v1/admin/stats").code == "api_key_required"
    again = ask(served, admin, "DELETE", f"{KEYS}/{made['prefix']}")
    assert (again.status, again.code) == (404, "unknown_api_key")


def test_an_admin_sees_makes_and_revokes_keys_of_the_own_tenant_alone(served: Application) -> None:
    acme, default = key(served.storage.of("acme"), Role.ADMIN), key(served.storage, Role.ADMIN)
    made = json.loads(ask(served, acme, "POST", KEYS, role="auditor", name="theirs", tenant="default").body)
    found = served.storage.api_keys.find(made["key"], served.storage.now())
    assert found is not None
    assert found.tenant == "acme"
    assert made["prefix"] in listed(served, acme)
    assert not listed(served, acme).keys() & listed(served, default).keys()
    for one, other in ((acme, default), (default, acme)):
        assert ask(served, one, "DELETE", f"{KEYS}/{other[:11]}").code == "unknown_api_key"
    assert ask(served, acme, "GET", KEYS).status == ask(served, default, "GET", KEYS).status == 200


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("role", {"name": "Ann"}),
        ("role", {"role": "owner", "name": "Ann"}),
        ("name", {"role": "admin"}),
        ("name", {"role": "admin", "name": "x" * 101}),
        ("name", {"role": "admin", "name": "two\nlines"}),
        ("expires_days", {"role": "admin", "name": "Ann", "expires_days": "0"}),
        ("expires_days", {"role": "admin", "name": "Ann", "expires_days": "3651"}),
    ],
)
def test_a_wrong_field_is_named(served: Application, field: str, fields: dict[str, str]) -> None:
    answer = ask(served, key(served.storage, Role.ADMIN), "POST", KEYS, **fields)
    assert (answer.status, json.loads(answer.body)["field"]) == (422, field)


def test_making_and_revoking_are_in_the_audit_log_with_whose_key_it_was_done(served: Application) -> None:
    admin, before = key(served.storage, Role.ADMIN), served.storage.audit.length()
    made = json.loads(ask(served, admin, "POST", KEYS, role="verifier", name="door", expires_days="7").body)
    ask(served, admin, "DELETE", f"{KEYS}/{made['prefix']}")
    one, other = served.storage.audit.entries(before)
    assert (one.kind, other.kind) == ("api_key_made", "api_key_revoked")
    assert one.details == {"key": made["prefix"], "role": "verifier", "days": 7, "by": admin[:11]}
    assert other.details == {"key": made["prefix"], "role": "verifier", "by": admin[:11]}


def test_an_applications_users_are_not_counted_by_its_address(served: Application) -> None:
    body = {"user_id": "00000000-0000-0000-0000-00000000000{}", "recovery_code": "wrong"}
    application = key(served.storage, Role.VERIFIER)

    def codes(shown: str | None, first: int) -> list[str]:
        claims = ({**body, "user_id": body["user_id"].format(number)} for number in range(first, first + 5))
        return [ask(served, shown, "POST", "/v1/recover", **claim).code for claim in claims]

    assert codes(application, 0) == ["not_recognised"] * 5
    assert codes(None, 0) == ["not_recognised"] * 5
    assert codes(None, 5) == ["locked"] * 5
    assert codes(application, 5) == ["not_recognised"] * 5


# The start


def test_a_public_address_without_an_admin_key_is_refused(tmp_path: Path) -> None:
    public = Settings(home=tmp_path / "home", host="192.0.2.1")
    with pytest.raises(UnsafeSettings, match=r"`facewarden keys api create --role admin --name NAME`"):
        build(public)
    storage = open_storage(public)
    key(storage, Role.ENROLLER)
    key(storage, Role.ADMIN, days=1)
    storage.close()
    with pytest.raises(UnsafeSettings, match="no admin key"):
        build(public, lambda: storage.now() + timedelta(days=1))
    build(public).close()


def test_on_loopback_none_is_needed(served: Application) -> None:
    assert served.settings.loopback
    assert served.settings.enrolment_is_open


# The command line


def told(*words: str) -> Any:
    answer = run.invoke(command_line, ["keys", "api", *words, "--json"])
    assert answer.exit_code == 0, answer.output
    return json.loads(answer.stdout)


@pytest.mark.usefixtures("home")
def test_the_first_admin_key_is_made_listed_and_revoked_by_command_line(home: Path) -> None:
    assert told("list") == []
    answer = run.invoke(command_line, ["keys", "api", "create", "--role", "admin", "--name", "first"])
    assert answer.stderr == "the key, shown this once:\n"
    shown = answer.stdout.strip()
    assert SHOWN.fullmatch(shown)
    storage = open_storage(Settings(home=home))
    found = storage.api_keys.find(shown, storage.now())
    assert found is not None
    assert (found.role, found.tenant, found.expires_at) == (Role.ADMIN, "default", None)
    storage.close()
    (listed,) = told("list")
    assert (listed["prefix"], listed["name"]) == (shown[:11], "first")
    assert shown[12:] not in run.invoke(command_line, ["keys", "api", "list"]).output
    assert told("revoke", shown[:11]) == {"revoked": shown[:11]}
    assert told("list") == []
    gone = run.invoke(command_line, ["keys", "api", "revoke", shown[:11]])
    assert isinstance(gone.exception, UnknownApiKey)
    storage = open_storage(Settings(home=home))
    assert [(entry.kind, entry.details["by"]) for entry in storage.audit.entries()] == [
        ("api_key_made", "operator"),
        ("api_key_revoked", "operator"),
    ]
    storage.close()


@pytest.mark.usefixtures("home")
def test_a_transcript_of_the_command_line(home: Path) -> None:
    storage = open_storage(Settings(home=home))
    create(storage, "acme")
    storage.close()
    words = ["keys", "api", "create", "--role", "verifier", "--name", "door [3]", "--tenant", "acme"]
    shown = run.invoke(command_line, [*words, "--expires-days", "30"]).stdout.strip()
    assert [each["tenant"] for each in told("list", "--tenant", "acme")] == ["acme"]
    assert told("list", "--tenant", "default") == []
    head, row = run.invoke(command_line, ["keys", "api", "list"], env={"COLUMNS": "160"}).output.splitlines()
    assert head.split() == ["key", "tenant", "role", "name", "made", "expires", "last", "used"]
    assert row.split()[:5] == [shown[:11], "acme", "verifier", "door", "[3]"]
    revoked = run.invoke(command_line, ["keys", "api", "revoke", shown[:11]])
    assert revoked.output == f"{shown[:11]} is revoked\n"
    for wrong in (["--name", ""], ["--expires-days", "0"], ["--role", "owner"]):
        assert run.invoke(command_line, [*words, *wrong]).exit_code == 2
    nowhere = run.invoke(command_line, [*words, "--tenant", "nowhere"])
    assert isinstance(nowhere.exception, UnknownTenant)
