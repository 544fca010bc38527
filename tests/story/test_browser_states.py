"""What a person reads when something is not there: a camera, a permission, a network, a quick service, a session; and
that a narrow window is wide enough."""

import signal
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest
from playwright.sync_api import Page, expect

from service.portraits import Portraits
from service.routes.page import PAGES
from tests.portraits import portraits
from tests.story.browser import chromium, visit
from tests.story.server import Service, running_service

TAKEN = """void (navigator.mediaDevices.getUserMedia = async () => {
  throw new DOMException("Could not start video source", "NotReadableError");
})"""
"""As Chromium answers where another program holds the camera, which no fake camera can be made to."""
SLOWLY = """(() => {
  const read = createImageBitmap;
  globalThis.createImageBitmap = async (file) => {
    await new Promise((resolve) => setTimeout(resolve, 1500));
    return read(file);
  };
})()"""
"""As a photo of many megapixels, which the browser reads before the service can."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    chromium()
    with running_service(tmp_path_factory.mktemp("states") / "home", FACEWARDEN_ALLOWED_HOSTS="0.0.0.0") as running:
        yield running


@pytest.fixture(scope="module")
def people() -> Portraits:
    return portraits()


def says(page: Page, door: str, title: str) -> None:
    expect(page.locator(f"#{door} .notice strong")).to_have_text(title)
    expect(page.locator(f"#{door} .notice p")).not_to_be_empty()
    expect(page.locator(f"#{door} .camera")).to_be_enabled()


@pytest.mark.parametrize("width", [320, 768, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_window(service: Service, width: int, scheme: str) -> None:
    for path in PAGES:
        with visit(service.base_url, path=path, scheme=scheme, width=width) as watched:
            assert watched.page.evaluate("document.documentElement.scrollWidth") <= width, path
            assert watched.complaints == []


@pytest.mark.parametrize("door", ["register", "login"])
def test_no_camera(service: Service, door: str) -> None:
    with visit(service.base_url) as watched:
        watched.page.click(f"#{door} .camera")
        says(watched.page, door, "No camera was found")
        expect(watched.page.locator(f"#{door} .notice")).to_contain_text("choose a photo instead")


def test_a_camera_in_use(service: Service) -> None:
    with visit(service.base_url) as watched:
        watched.page.evaluate(TAKEN)
        watched.page.click("#register .camera")
        says(watched.page, "register", "The camera is in use")


def test_a_camera_that_is_not_allowed(service: Service) -> None:
    with visit(service.base_url) as watched:
        watched.page.evaluate(TAKEN.replace("NotReadableError", "NotAllowedError"))
        watched.page.click("#register .camera")
        says(watched.page, "register", "The camera is not allowed here")


def test_an_address_that_is_not_secure(service: Service) -> None:
    """Of this machine under a name that browsers do not count as local."""
    with visit(service.base_url.replace("127.0.0.1", "0.0.0.0")) as watched:
        assert watched.page.evaluate("isSecureContext") is False
        watched.page.click("#register .camera")
        says(watched.page, "register", "The camera needs a secure address")


def test_no_network(service: Service, people: Portraits) -> None:
    with visit(service.base_url) as watched:
        page = watched.page
        page.set_input_files("#login input[type=file]", people.obama)
        page.context.set_offline(True)
        page.click("#login form:visible .go")
        says(page, "login", "You are offline")
        page.context.set_offline(False)
        page.click("#login form:visible .go")
        expect(page.locator("#login .notice")).to_have_attribute("data-code", "not_recognised")


def test_a_photo_that_is_long_in_reading(service: Service, people: Portraits, tmp_path: Path) -> None:
    """It is the one meant by who presses the button at once, and not by who chose another one meanwhile."""
    large = tmp_path / "large.bmp"
    cv2.imwrite(str(large), cv2.imread(str(people.obama)))  # type: ignore[arg-type] # None only of no picture
    with visit(service.base_url) as watched:
        page = watched.page
        page.evaluate(SLOWLY)
        page.set_input_files("#login input[type=file]", large)
        page.click("#login form:visible .go", timeout=1000)
        expect(page.locator("#login .notice")).to_have_attribute("data-code", "not_recognised")
        page.set_input_files("#login input[type=file]", [large, large])
        page.set_input_files("#login input[type=file]", people.obama)
        expect(page.locator("#login .shots img")).to_have_count(1)
        page.wait_for_timeout(2000)
        expect(page.locator("#login .shots img")).to_have_count(1)


def test_a_slow_service(service: Service, people: Portraits) -> None:
    with visit(service.base_url) as watched:
        page = watched.page
        page.set_input_files("#login input[type=file]", people.obama)
        service.process.send_signal(signal.SIGSTOP)
        try:
            page.click("#login form:visible .go")
            expect(page.locator("#login .hint")).to_contain_text("slow just now")
        finally:
            service.process.send_signal(signal.SIGCONT)
        expect(page.locator("#login .notice")).to_be_visible()
        expect(page.locator("#login .hint")).to_be_empty()


def test_a_session_ends_and_takes_what_it_showed_with_it(people: Portraits, tmp_path: Path) -> None:
    with running_service(tmp_path / "home") as service, visit(service.base_url) as watched:
        page = watched.page
        page.clock.install()
        page.reload()
        user_id = entered(page, people)
        expect(page.locator("#login .done dl")).to_contain_text("1 in 10,000")
        page.clock.fast_forward("24:00:00")
        expect(page.locator("#login .done h3")).to_have_text("Your session has ended.")
        expect(page.locator("#login .done")).not_to_contain_text(user_id)
        page.click("#login .done button")
        expect(page.locator("#login form:visible [name=user_id]")).to_have_value(user_id)


def test_a_token_is_given_back_at_logout(people: Portraits, tmp_path: Path) -> None:
    with running_service(tmp_path / "home") as service, visit(service.base_url) as watched:
        page = watched.page
        with page.expect_response("**/v1/me") as shown:
            entered(page, people)
        token = shown.value.request.all_headers()["authorization"]
        page.click("#login .leave")
        expect(page.locator("#login .hint")).to_contain_text("opens nothing any more")
        answer = page.request.get(service.base_url + "/v1/me", headers={"Authorization": token})
        assert answer.status == 401
        assert answer.json()["code"] == "token_invalid"


def entered(page: Page, people: Portraits) -> str:
    """Registers and logs in; the ID."""
    page.set_input_files("#register input[type=file]", people.obama)
    page.check("#register input[value=login]")
    page.click("#register .go")
    expect(page.locator("#register .done h3")).to_be_visible()
    user_id = page.locator("#register code.id").inner_text()
    page.click("#register .done > button")
    page.set_input_files("#login input[type=file]", people.obama2)
    page.click("#login form:visible .go")
    expect(page.locator("#login dd.id")).to_have_text(user_id)
    return user_id
