"""The page in a real browser before a fake camera: register, log in, be refused."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.evaluation_data import folder
from tests.portraits import camera_stream, portraits
from tests.story.browser import chromium, visit
from tests.story.server import Service, running_service

REFUSED = "Failed to load resource: the server responded with a status of 401 (Unauthorized)"


@dataclass(frozen=True, slots=True)
class Cast:
    """Camera streams of somebody and of a stranger."""

    somebody: Path
    stranger: Path


def filmed(_: Path) -> Cast:
    films = folder("webcam")
    return Cast(films / "talking_bbaf2n.mjpeg", films / "talking_brbk7n.mjpeg")


def portrayed(place: Path) -> Cast:
    people = portraits()
    return Cast(
        camera_stream(people.obama, place / "somebody.mjpeg"),
        camera_stream(people.biden, place / "stranger.mjpeg"),
    )


@pytest.fixture(params=[filmed, portrayed], ids=["films", "portraits"])
def cast(request: pytest.FixtureRequest, tmp_path: Path) -> Cast:
    chromium()
    make: Callable[[Path], Cast] = request.param
    return make(tmp_path)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with running_service(tmp_path / "home") as running:
        yield running


def use_camera(page: Page, door: str) -> None:
    page.click(f"#{door} .camera")
    page.wait_for_selector(f"#{door}[data-state=camera]")


def register(page: Page) -> str:
    use_camera(page, "register")
    page.check("#register input[value=login]")
    page.click("#register .go")
    expect(page.locator("#register .done h3")).to_have_text("You are registered.")
    return page.locator("#register code.id").inner_text()


def log_in(page: Page) -> None:
    use_camera(page, "login")
    page.click("#login .go")


def test_somebody_registers_and_logs_in_and_a_stranger_does_not(service: Service, cast: Cast) -> None:
    with visit(service.base_url, cast.somebody) as watched:
        user_id = register(watched.page)
        log_in(watched.page)
        expect(watched.page.locator("#login .done h3")).to_have_text("It is you.")
        expect(watched.page.locator("#login dd.id")).to_have_text(user_id)
        assert watched.complaints == []

    with visit(service.base_url, cast.stranger) as watched:
        log_in(watched.page)
        expect(watched.page.locator("#login .notice")).to_have_attribute("data-code", "not_recognised")
        expect(watched.page.locator("#login .notice strong")).to_have_text("Not recognised")
        assert set(watched.complaints) == {REFUSED}


def test_who_is_in_can_erase_themselves(service: Service, cast: Cast) -> None:
    with visit(service.base_url, cast.somebody) as watched:
        page = watched.page
        register(page)
        log_in(page)
        page.click("#login .erase")
        page.click("#erase button[value=erase]")
        expect(page.locator("#erase [name=word]")).to_be_focused()  # nothing happens before the word is typed
        page.keyboard.type("Erase")
        page.keyboard.press("Enter")
        expect(page.locator("#login .done h3")).to_have_text("You are erased.")
        page.click("#login .done button")
        log_in(page)
        expect(page.locator("#login .notice")).to_have_attribute("data-code", "not_recognised")


def test_consent_is_asked_before_anything_is_sent(service: Service, cast: Cast) -> None:
    with visit(service.base_url, cast.somebody) as watched:
        posted: list[str] = []
        watched.page.on("request", lambda request: posted.append(request.url))
        use_camera(watched.page, "register")
        watched.page.click("#register .go")
        expect(watched.page.locator("#register .notice")).to_have_attribute("data-code", "consent_required")
        assert not [url for url in posted if url.endswith("/v1/users")]
