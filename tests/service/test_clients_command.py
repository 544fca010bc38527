"""`facewarden clients`, typed as an operator would."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from service.cli.main import application
from service.errors import UnknownClient
from service.workflows.clients import ClientRegistry
from tests.db.people import open_in

run = CliRunner()
pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClientRegistry]:
    storage = open_in(tmp_path_factory.mktemp("registry"))
    yield ClientRegistry(storage)
    storage.close()


def add(*arguments: str) -> dict[str, str | None]:
    answer = run.invoke(application, ["clients", "add", *arguments, "--json"], catch_exceptions=False)
    assert answer.exit_code == 0, answer.output
    made: dict[str, str | None] = json.loads(answer.output)
    return made


def listed() -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(run.invoke(application, ["clients", "list", "--json"]).output)
    return found


def test_a_secret_is_told_once_and_kept_nowhere(home: Path) -> None:
    made = add("Notes", "--redirect-uri", "https://notes.example/back", "--redirect-uri", "https://notes.example/b")
    public = add("Phone", "--redirect-uri", "org.example.phone:/back", "--public")
    assert made["client_secret"]
    assert public["client_secret"] is None
    assert [(each["client_id"], each["public"]) for each in listed()] == [
        (made["client_id"], False),
        (public["client_id"], True),
    ]
    assert listed()[0]["redirect_uris"] == ["https://notes.example/back", "https://notes.example/b"]
    assert "kept hashed" in run.invoke(application, ["clients", "list"]).output
    secret = made["client_secret"].encode()
    assert not [path for path in home.iterdir() if secret in path.read_bytes()]
    answer = run.invoke(application, ["clients", "add", "More", "--redirect-uri", "https://more.example/"])
    assert "not shown again" in answer.output


def test_who_is_removed_is_gone() -> None:
    made = add("Notes", "--redirect-uri", "http://127.0.0.1:3000/back")
    answer = run.invoke(application, ["clients", "remove", str(made["client_id"])])
    assert answer.output == "removed\n"
    assert listed() == []
    with pytest.raises(UnknownClient):
        run.invoke(application, ["clients", "remove", str(made["client_id"])], catch_exceptions=False)


@pytest.mark.parametrize(
    "uri",
    [
        "http://notes.example/back",
        "https://notes.example/back#there",
        "https://notes.example/#",
        "https://somebody@notes.example/",
        "https:///back",
        "https://[/",
        "javascript:alert(1)",
        "data:text/html,x",
        "myapp:/back",
        "org.example.app://host/back",
        "org.example.app:back",
        "//notes.example/back",
        "/back",
        "https://notes.example/a b",
        "https://notes.example/é",
        'https://notes.example/"',
        "https://notes.example\\@elsewhere.example/",
        "https://notes.example/\nhttps://elsewhere.example/",
        "",
    ],
)
def test_an_address_that_no_browser_should_be_sent_to_is_refused(registry: ClientRegistry, uri: str) -> None:
    with pytest.raises(ValueError, match="redirect URI"):
        registry.add("Notes", [uri], public=True)
    assert registry.listing() == []


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 81, "\x1b[31m"])
def test_a_name_that_cannot_be_shown_is_refused(registry: ClientRegistry, name: str) -> None:
    with pytest.raises(ValueError, match="a name is"):
        registry.add(name, ["https://notes.example/"], public=True)


def test_two_hosts_are_two_applications() -> None:
    uris = ["--redirect-uri", "https://a.example/", "--redirect-uri", "https://b.example/"]
    assert run.invoke(application, ["clients", "add", "Notes", *uris]).exit_code == 2
    assert run.invoke(application, ["clients", "add", "Notes", *uris[:2], "--tenant", "nobody"]).exit_code == 1
