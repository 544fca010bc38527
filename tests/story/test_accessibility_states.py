"""axe-core finds nothing in the states of the other pages, in either theme: faces hidden in a photo, a film and live;
every section and dialog of the operator's; the sign-in of other applications."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

from service.databases import open_storage
from service.settings import Settings
from service.workflows.clients import ClientRegistry
from tests.drawn_faces import crowd
from tests.films import film, passing
from tests.story import axe
from tests.story.browser import Watched, chromium, visit
from tests.story.operated import LIGHT, Operated, operated
from tests.story.server import Service, running_service
from tests.story.telling import jpeg, telling_jpeg

BACK = "https://app.example.org/back"
SCHEMES = pytest.mark.parametrize("scheme", ["light", "dark"])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    chromium()
    axe.needed()
    return tmp_path_factory.mktemp("states") / "home"


@pytest.fixture(scope="module")
def filled(home: Path) -> Operated:
    return operated(home, people=60)


@pytest.fixture(scope="module")
def application(home: Path, filled: Operated) -> str:
    """The ID of one that people sign in to."""
    assert filled.people
    with closing(open_storage(Settings(home=home))) as storage:
        return ClientRegistry(storage).add("An application", [BACK], public=True).client_id


@pytest.fixture(scope="module")
def service(home: Path, application: str) -> Iterator[Service]:
    assert application
    with running_service(home, command=(), **LIGHT) as running:
        yield running


def still(watched: Watched) -> Page:
    """Nothing glides, so that colours are what they will be."""
    watched.page.emulate_media(reduced_motion="reduce")
    return watched.page


def fine(page: Page, state: str) -> None:
    assert axe.violations(page) == [], state


@SCHEMES
def test_nothing_is_wrong_while_a_photo_is_worked_on(service: Service, tmp_path: Path, scheme: str) -> None:
    photo, broken = tmp_path / "photo.jpg", tmp_path / "broken.jpg"
    photo.write_bytes(telling_jpeg(crowd(900, 600, [(60, 120, 300), (540, 180, 240)])))
    broken.write_bytes(b"no picture")
    with visit(service.base_url, path="/hide", scheme=scheme) as watched:
        page = still(watched)
        page.set_input_files("#way-photo input[type=file]", photo)
        page.wait_for_selector("#hide[data-state=ready]")
        expect(page.locator(".result strong")).to_have_text("2 faces hidden")
        expect(page.locator(".report")).to_have_attribute("data-state", "gone")
        fine(page, "faces hidden")
        page.locator(".spot.face").first.click()
        expect(page.locator(".result strong")).to_have_text("1 face hidden")
        page.click(".tile:has([value=pixelate])")
        expect(page.locator(".tile:has([value=pixelate]) input")).to_be_checked()
        page.wait_for_selector("#hide[data-state=ready]")
        fine(page, "one shown, another style")
        page.click(".tools .box")
        fine(page, "drawing a box")
        page.set_input_files("#way-photo input[type=file]", broken)
        expect(page.locator("#hide .notice")).to_be_visible()
        fine(page, "a broken file")


@SCHEMES
def test_nothing_is_wrong_while_a_film_is_worked_on(service: Service, tmp_path: Path, scheme: str) -> None:
    source = tmp_path / "film.mp4"
    source.write_bytes(film(passing(12)))
    with visit(service.base_url, path="/hide#film", scheme=scheme) as watched:
        page = still(watched)
        expect(page.locator("#way-film")).to_be_visible()
        fine(page, "no film")
        page.set_input_files("#way-film input[type=file]", source)
        page.click("#way-film button.go")
        fine(page, "being worked on")
        page.wait_for_selector("#hide[data-state=film]")
        expect(page.locator(".result strong")).to_contain_text("hidden in 12 frames")
        fine(page, "a film covered")


@SCHEMES
def test_nothing_is_wrong_while_the_camera_is_covered_live(service: Service, tmp_path: Path, scheme: str) -> None:
    camera = tmp_path / "camera.mjpeg"
    camera.write_bytes(b"".join(jpeg(crowd(640, 480, [(160 + 4 * place, 90, 300)])) for place in range(10)))
    with visit(service.base_url, camera, path="/hide#live", scheme=scheme) as watched:
        page = still(watched)
        expect(page.locator("#way-live")).to_be_visible()
        page.click("#way-live .go")
        page.wait_for_selector("#hide[data-state=live]")
        expect(page.locator(".rate")).to_contain_text("frames/s")
        fine(page, "live")
        page.click("#way-live .record")
        fine(page, "recording")


@SCHEMES
def test_nothing_is_wrong_in_the_sections_of_the_operator(service: Service, filled: Operated, scheme: str) -> None:
    with visit(service.base_url, path="/operator", scheme=scheme) as watched:
        page = still(watched)
        page.fill("#key", "fw_wrong")
        page.click("#gate .go")
        expect(page.locator("#gate-notice")).to_be_visible()
        fine(page, "a wrong key")
        page.fill("#key", filled.admin)
        page.click("#gate .go")
        expect(page.locator("#panel-people tbody tr").first).to_be_visible()
        for tab in page.get_by_role("tab").all():
            tab.click()
            panel = page.get_by_role("tabpanel").locator("visible=true")
            if tab.get_attribute("href") == "#lookalikes":
                panel.locator(".run").click()
            expect(panel.locator(".frame, .sheet").locator("visible=true").first).to_be_visible()
            expect(panel.locator("[aria-busy=true]")).to_have_count(0)
            fine(page, tab.inner_text())
        assert page.get_by_role("tab").count() == 7


@SCHEMES
def test_nothing_is_wrong_in_the_dialogs_of_the_operator(service: Service, filled: Operated, scheme: str) -> None:
    with visit(service.base_url, path="/operator", scheme=scheme) as watched:
        page = still(watched)
        page.fill("#key", filled.admin)
        page.click("#gate .go")
        page.locator("tr:has(.tag) a.id").first.click()
        expect(page.locator("dialog.person .clear")).to_be_visible()
        fine(page, "somebody flagged")
        page.keyboard.press("Escape")
        expect(page.locator("dialog")).to_have_count(0)
        page.locator("td input").first.check()
        fine(page, "somebody chosen")
        page.click(".chosen .danger")
        expect(page.locator("dialog.erase .will")).to_be_visible()
        fine(page, "about to erase")
        page.click("dialog .cancel")
        page.click("#tab-keys")
        page.locator("#panel-keys .danger").first.click()
        expect(page.locator("dialog")).to_be_visible()
        fine(page, "about to revoke a key")
        page.keyboard.press("Escape")
        expect(page.locator("dialog")).to_have_count(0)
        page.locator("#panel-keys h2").click()  # out of every field
        page.keyboard.press("?")
        expect(page.locator("dialog")).to_be_visible()
        fine(page, "the keys of the keyboard")


@SCHEMES
def test_nothing_is_wrong_with_the_sign_in_of_other_applications(
    service: Service, application: str, tmp_path: Path, scheme: str
) -> None:
    asked = {"client_id": application, "redirect_uri": BACK, "response_type": "code", "scope": "openid", "state": "s"}
    asked |= {"code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "code_challenge_method": "S256"}
    picture = tmp_path / "nobody.jpg"
    picture.write_bytes(jpeg(crowd(640, 480, [(160, 90, 300)])))
    with visit(service.base_url, path=f"/oauth/authorize?{urlencode(asked)}", scheme=scheme) as watched:
        page = still(watched)
        expect(page.locator("#service-state")).to_have_attribute("data-state", "up")
        expect(page.locator("h1")).to_have_text("Sign in to An application")
        fine(page, "as it opens")
        page.click("#sign-in summary")
        page.click("#sign-in .go")
        expect(page.locator("#sign-in .notice")).to_be_visible()
        fine(page, "no picture yet")
        page.set_input_files("#sign-in input[type=file]", picture)
        page.click("#sign-in .go")
        expect(page.locator("#sign-in .notice")).to_have_attribute("data-code", "not_recognised")
        fine(page, "not recognised")
        page.goto(f"{service.base_url}/oauth/authorize?client_id=nobody")
        expect(page.locator("h1")).to_have_text("This sign-in cannot go on")
        fine(page, "refused")
        page.set_viewport_size({"width": 320, "height": 700})
        fine(page, "refused, on a phone")
