"""Signing in to another application by face: a real client library, a real browser before a fake camera."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from playwright.sync_api import Page, expect

from db.api_keys import Role
from facewarden.verifying import NotLoggedIn, Verifier
from service.databases import open_storage
from service.settings import Settings
from tests import databases
from tests.portraits import camera_stream, portraits
from tests.service.api_keys import key
from tests.story.browser import Watched, chromium, visit
from tests.story.server import Service, free_port, running_service

REFUSED = "Failed to load resource: the server responded with a status of 401 (Unauthorized)"


@dataclass(frozen=True)
class Stage:
    service: Service
    relying: str
    camera: Path
    user_id: str
    key: str
    """A verifier's."""

    def complaints(self, watched: Watched) -> list[str]:
        """But that the browser went to the application, as it should."""
        return [each for each in watched.complaints if each != f"request to {self.relying.removeprefix('http://')}"]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    chromium()
    place, people = tmp_path_factory.mktemp("oidc"), portraits()
    camera = camera_stream(people.obama, place / "somebody.mjpeg")
    with running_service(place / "home") as service:
        form, pictures = {"consent": "true"}, {"image": people.obama.read_bytes()}
        made = httpx.post(f"{service.base_url}/v1/users", data=form, files=pictures, timeout=60).json()
        with relying_application(place / "home", service) as relying:
            yield Stage(service, relying, camera, made["user_id"], verifying(place / "home"))


@contextmanager
def relying_application(home: Path, service: Service) -> Iterator[str]:
    here = f"http://127.0.0.1:{free_port()}"
    client = registered(home, "A relying application", f"{here}/back")
    arguments = [here.rpartition(":")[2], service.base_url, client["client_id"]]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.story.relying_app", *arguments],
        env={**os.environ, "SECRET": client["client_secret"]},
    )
    try:
        end = time.monotonic() + 60
        while time.monotonic() < end and process.poll() is None:
            try:
                httpx.get(f"{here}/readyz", timeout=5)
                break
            except httpx.TransportError:
                time.sleep(0.05)
        yield here
    finally:
        process.terminate()
        process.wait(20)


def verifying(home: Path) -> str:
    storage = open_storage(Settings(home=home))
    made = key(storage, Role.VERIFIER)
    storage.close()
    return made


def registered(home: Path, name: str, uri: str) -> dict[str, str]:
    """By the command line, while the service runs."""
    command = [sys.executable, "-m", "service.cli.main", "clients", "add", name, "--redirect-uri", uri, "--json"]
    environment = {**os.environ, "FACEWARDEN_HOME": str(home), **databases.environment(home)}
    done = subprocess.run(command, env=environment, capture_output=True, check=True, text=True)
    made: dict[str, str] = json.loads(done.stdout)
    return made


def begin(stage: Stage, page: Page, **parameters: str) -> None:
    page.goto(f"{stage.relying}/start?{urlencode(parameters)}")


def came_back(stage: Stage, page: Page) -> dict[str, Any]:
    page.wait_for_url(f"{stage.relying}/back?**")
    told: dict[str, Any] = json.loads(page.locator("body").inner_text())
    return told


def sign_in(page: Page) -> None:
    page.click("#sign-in .camera")
    page.wait_for_selector("#sign-in[data-state=camera]")
    page.click("#sign-in .go")


def active(stage: Stage, token: str) -> bool:
    headers = {"Authorization": f"Bearer {stage.key}"}
    answer = httpx.post(f"{stage.service.base_url}/oauth/introspect", headers=headers, data={"token": token})
    found: bool = answer.json()["active"]
    return found


def test_a_face_signs_in_to_an_application(stage: Stage) -> None:
    with visit(stage.service.base_url, stage.camera) as watched:
        page = watched.page
        begin(stage, page, acr_values="live photo", max_age="60")
        expect(page.locator("h1")).to_have_text("Sign in to A relying application")
        sign_in(page)
        told = came_back(stage, page)
        claims = told["claims"]
        assert (claims["iss"], claims["acr"], claims["amr"]) == (stage.service.base_url, "photo", ["face"])
        assert told["info"] == {"sub": claims["sub"]}
        assert stage.user_id not in json.dumps(told)
        assert Verifier(stage.service.base_url, claims["aud"])(told["id_token"]).user_id == claims["sub"]
        with pytest.raises(NotLoggedIn):
            Verifier(stage.service.base_url, "another application")(told["id_token"])
        assert active(stage, told["access_token"])
        begin(stage, page)
        sign_in(page)
        assert came_back(stage, page)["claims"]["sub"] == claims["sub"]
        log = stage.service.log.read_text(encoding="utf-8")
        assert '"route": "/oauth/token"' in log
        assert not [each for each in ("code=", claims["sub"], told["access_token"], told["id_token"]) if each in log]
        assert stage.complaints(watched) == []
        mine = [each["name"] for each in page.context.cookies()]
        assert mine == ["relying"], "the service keeps nothing in the browser"


def test_who_is_not_recognised_or_would_rather_not_gives_the_application_nothing(stage: Stage) -> None:
    with visit(stage.service.base_url) as watched:
        page = watched.page
        begin(stage, page)
        page.set_input_files("#sign-in input[type=file]", portraits().biden)
        page.click("#sign-in .go")
        expect(page.locator("#sign-in .notice")).to_have_attribute("data-code", "not_recognised")
        assert page.url.startswith(stage.service.base_url)
        page.click("#sign-in .decline")
        assert came_back(stage, page) == {"error": "access_denied"}
        assert stage.complaints(watched) == [REFUSED]


@pytest.mark.parametrize(
    ("asked", "error"),
    [({"prompt": "none"}, "login_required"), ({"acr_values": "live+key"}, "unmet_authentication_requirements")],
)
def test_what_cannot_be_is_told_without_a_camera(stage: Stage, asked: dict[str, str], error: str) -> None:
    with visit(stage.service.base_url) as watched:
        begin(stage, watched.page, **asked)
        assert came_back(stage, watched.page) == {"error": error}


def test_nobody_is_sent_to_an_address_of_somebody_elses(stage: Stage) -> None:
    with visit(stage.service.base_url) as watched:
        page = watched.page
        begin(stage, page)
        page.goto(page.url.replace("%2Fback", "%2Felsewhere"))
        expect(page.locator("h1")).to_have_text("This sign-in cannot go on")
        assert page.locator("script").count() == 0


@pytest.mark.parametrize("width", [320, 1440])
def test_the_page_is_no_wider_than_the_window(stage: Stage, width: int) -> None:
    with visit(stage.service.base_url, width=width) as watched:
        begin(stage, watched.page)
        assert watched.page.evaluate("document.documentElement.scrollWidth") <= width
        assert stage.complaints(watched) == []
