"""axe-core finds nothing on any page, in either theme, in the states that people meet; and nothing moves on load."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from service.portraits import Portraits
from service.routes.page import PAGES
from tests.portraits import camera_stream, portraits
from tests.story import axe
from tests.story.browser import chromium, visit
from tests.story.server import Service, running_service

SCHEMES = ("light", "dark")
WIDTHS = (320, 768, 1440)
SHIFTS = """
window.shifted = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifted += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    chromium()
    with running_service(tmp_path_factory.mktemp("accessible") / "home") as running:
        yield running


@pytest.fixture(scope="module")
def people() -> Portraits:
    axe.needed()
    return portraits()


def settled(page: Page) -> None:
    """The service has answered, and nothing glides any more."""
    page.emulate_media(reduced_motion="reduce")
    expect(page.locator("#service-state")).to_have_attribute("data-state", "up")


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("path", PAGES)
def test_nothing_is_wrong_with_a_page_as_it_opens(service: Service, path: str, scheme: str) -> None:
    axe.needed()
    with visit(service.base_url, path=path, scheme=scheme) as watched:
        settled(watched.page)
        assert axe.violations(watched.page) == []
        watched.page.set_viewport_size({"width": 320, "height": 700})
        assert axe.violations(watched.page) == []


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_moves_while_a_page_loads(service: Service, path: str, width: int) -> None:
    with visit(service.base_url, path=path, width=width) as watched:
        page = watched.page
        page.add_init_script(SHIFTS)
        page.reload()
        expect(page.locator("#service-state")).to_have_attribute("data-state", "up")
        page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert page.evaluate("window.shifted") == 0


def camera_on(page: Page, _: Portraits) -> None:
    page.click("#register .camera")
    expect(page.locator("#register .guide")).to_be_visible()
    expect(page.locator("#register .hint")).to_contain_text("your left")


def refused(page: Page, _: Portraits) -> None:
    page.click("#register .go")
    expect(page.locator("#register .notice")).to_be_visible()
    for drawer in page.locator("#register summary, #login summary").all():
        drawer.click()


def registered(page: Page, people: Portraits) -> None:
    page.set_input_files("#register input[type=file]", people.obama)
    page.check("#register input[value=login]")
    page.click("#register .go")
    expect(page.locator("#register .done h3")).to_be_visible()


def inside(page: Page, people: Portraits) -> None:
    registered(page, people)
    page.set_input_files("#login input[type=file]", people.obama2)
    page.click("#login form:visible .go")
    expect(page.locator("#login .done h3")).to_be_visible()
    for drawer in page.locator("#login .done summary").all():
        drawer.click()


def last_question(page: Page, people: Portraits) -> None:
    inside(page, people)
    page.click("#login .erase")
    expect(page.locator("#erase")).to_be_visible()


def recovering(page: Page, _: Portraits) -> None:
    page.click("#login .faceless")
    page.click("#login .recovery .go")
    expect(page.locator("#login .notice")).to_be_visible()


STATES: tuple[Callable[[Page, Portraits], None], ...] = (camera_on, refused, registered, last_question, recovering)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_nothing_is_wrong_in_the_states_of_the_doors(people: Portraits, tmp_path: Path, scheme: str) -> None:
    camera = camera_stream(people.obama, tmp_path / "ahead.mjpeg")
    with (
        running_service(tmp_path / "home", FACEWARDEN_ALLOW_DUPLICATES="1") as service,
        visit(service.base_url, camera, scheme=scheme) as watched,
    ):
        page = watched.page
        for reach in STATES:
            page.reload()
            settled(page)
            reach(page, people)
            assert axe.violations(page) == [], reach.__name__
            if reach is last_question:
                page.click("#erase .keep")
                assert axe.violations(page) == [], "the record"
                page.click("#login .erase")
                page.keyboard.type("erase")
                page.keyboard.press("Enter")
                expect(page.locator("#login .done h3")).to_have_text("You are erased.")
        assert watched.complaints == []
