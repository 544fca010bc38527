"""What an application imports, against the real service over HTTP: the README's example is what runs here."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import Depends, FastAPI

from facewarden.acr import is_as_sure
from facewarden.relying import LoggedIn, Person
from facewarden.verifying import Acr, KeysUnavailable, Verifier
from tests.portraits import portraits
from tests.service.asgi_client import Answer, call
from tests.story.server import Service, free_port, running_service

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
EXAMPLE = README.partition("<!-- relying -->\n```python\n")[2].partition("```")[0]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("relying") / "home") as running:
        yield running


@pytest.fixture(scope="module")
def person(service: Service) -> dict[str, Any]:
    """Somebody enrolled, and their session."""
    people = portraits()
    form = {"consent": "true", "attributes": "none"}
    httpx.post(f"{service.base_url}/v1/users", data=form, files={"image": people.obama.read_bytes()}, timeout=60)
    answer = httpx.post(f"{service.base_url}/v1/login", files={"image": people.obama3.read_bytes()}, timeout=60)
    session: dict[str, Any] = answer.json()
    return session


def application(service: str, acr: Acr = "photo") -> FastAPI:
    app = FastAPI()

    @app.get("/")
    def show(person: Person = Depends(LoggedIn(service, acr=acr))) -> dict[str, str]:  # noqa: B008 - how FastAPI has it
        return {"user_id": person.user_id, "acr": person.acr}

    return app


def get(app: FastAPI, authorization: str | None, path: str = "/") -> Answer:
    headers = [("Host", "localhost")]
    return call(app, "GET", path, [*headers, ("Authorization", authorization)] if authorization else headers)


def bearing(token: str) -> str:
    return f"Bearer {token}"


def test_the_example_of_the_readme_knows_who_has_logged_in(service: Service, person: dict[str, Any]) -> None:
    assert len([line for line in EXAMPLE.splitlines() if line.strip()]) <= 6
    code, replaced = re.subn(r"https://[\w.]+", service.base_url, EXAMPLE)
    assert replaced == 1
    made: dict[str, Any] = {}
    exec(compile(code, "README.md", "exec"), made)
    answer = get(made["app"], bearing(person["token"]), "/hello")
    assert (answer.status, answer.body.decode()) == (200, f'"Hello {person["user_id"]}"')
    assert get(made["app"], None, "/hello").status == 401


def test_what_is_no_token_of_the_service_is_refused(service: Service, person: dict[str, Any]) -> None:
    app = application(service.base_url)
    head, body, signature = person["token"].split(".")
    for token in ("x", f"{head}.{body}.", f"{head}.{body}.{'A' * len(signature)}", "a.b.c"):
        answer = get(app, bearing(token))
        assert (answer.status, answer.headers["www-authenticate"]) == (401, 'Bearer error="invalid_token"')
    for authorization in (None, person["token"], f"Basic {person['token']}"):
        answer = get(app, authorization)
        assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")


def test_a_photo_is_not_enough_where_somebody_alive_is_asked_for(service: Service, person: dict[str, Any]) -> None:
    answer = get(application(service.base_url, acr="live"), bearing(person["token"]))
    assert answer.status == 401
    wanted = 'Bearer error="insufficient_user_authentication", acr_values="live"'
    assert answer.headers["www-authenticate"] == wanted


def test_without_the_keys_nothing_is_said_of_a_token(person: dict[str, Any]) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    assert get(application(nowhere), bearing(person["token"])).status == 503
    with pytest.raises(KeysUnavailable):
        Verifier(nowhere)(person["token"])


def test_a_login_token_is_not_meant_for_one_application(service: Service, person: dict[str, Any]) -> None:
    app = FastAPI()

    @app.get("/")
    def show(_: Person = Depends(LoggedIn(service.base_url, "an-application"))) -> None:  # noqa: B008
        raise AssertionError

    assert get(app, bearing(person["token"])).status == 401


@pytest.mark.parametrize(
    ("acr", "wanted", "enough"),
    [
        ("photo", "photo", True),
        ("live", "photo", True),
        ("photo", "live", False),
        ("photo+passphrase", "photo", True),
        ("photo+passphrase", "live", False),
        ("live", "photo+passphrase", False),
        ("live+passphrase", "photo+passphrase", True),
        ("recovery", "photo", False),
        ("", "photo", False),
        ("unknown", "photo", False),
    ],
)
def test_what_a_login_shows_is_compared_with_what_is_asked_for(acr: str, wanted: str, enough: bool) -> None:
    assert is_as_sure(acr, wanted) is enough
