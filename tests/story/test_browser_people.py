"""What a person may do on the page besides a login: agree, keep a passphrase and a code, take along, take back."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from playwright.sync_api import Page, Route, expect
from sqlalchemy import create_engine, update

from db.storage import Storage
from db.tables import FailureRow
from service.bootstrap import tokens
from service.databases import Clock, open_storage, utc_now
from service.portraits import Portraits
from service.settings import Settings, read
from service.tokens import ACR_PHOTO, FRESH
from tests.portraits import portraits
from tests.story.browser import chromium, visit
from tests.story.server import Service, running_service

PASSPHRASE = "correct horse"
SHORT = "12345"
TWO_TEXTS = ('version = "1"\nlogin = "Know me."\n', 'version = "2"\nlogin = "Know me again."\noverlays = "Draw me."\n')


@pytest.fixture(scope="module")
def people() -> Portraits:
    chromium()
    return portraits()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, Path]]:
    home = tmp_path_factory.mktemp("people") / "home"
    with running_service(home) as running:
        yield running, home


@pytest.fixture
def home(shared: tuple[Service, Path]) -> Path:
    return shared[1]


@pytest.fixture
def service(shared: tuple[Service, Path]) -> Iterator[Service]:
    """Nobody is enrolled there, and nobody has failed."""
    running, home = shared
    yield running
    with opened(home) as storage:
        with storage.begin() as work:
            enrolled = work.user_ids()
            work.failures.forget(datetime.now(UTC) + timedelta(days=1))
            work.commit()
        storage.erase(list(enrolled))


@contextmanager
def opened(home: Path, now: Clock = utc_now) -> Iterator[Storage]:
    """What the service has open, in this process as well."""
    storage = open_storage(read({}, home=home), now)
    try:
        yield storage
    finally:
        storage.close()


def agree(page: Page, *uses: str) -> None:
    for use in uses or ("login",):
        page.check(f"#register input[value={use}]")


def register(page: Page, photo: Path, *uses: str, passphrase: str = "") -> tuple[str, str]:
    """The ID and the recovery code, as shown."""
    page.set_input_files("#register input[type=file]", photo)
    agree(page, *uses)
    if passphrase:
        page.click("#register summary:has-text('passphrase')")
        page.fill("#register-secret", passphrase)
    page.click("#register .go")
    expect(page.locator("#register .done h3")).to_have_text("You are registered.")
    return page.locator("#register code.id").inner_text(), page.locator("#register code.code").inner_text()


def log_in(page: Page, photo: Path, passphrase: str = "") -> None:
    expect(page.locator("#login form:visible .go")).to_be_visible()
    page.set_input_files("#login input[type=file]", photo)
    if passphrase:
        page.click("#login summary:has-text('passphrase')")
        page.fill("#login-secret", passphrase)
    page.click("#login form:visible .go")


def inside(page: Page, title: str = "It is you.") -> None:
    expect(page.locator("#login .done h3")).to_have_text(title)


def refused(page: Page, door: str, code: str) -> None:
    expect(page.locator(f"#{door} .notice")).to_have_attribute("data-code", code)


def drawer(page: Page, name: str) -> None:
    page.click(f"#login .done summary:has-text('{name}')")


def data_of(page: Page, place: Path) -> dict[str, Any]:
    """What the download holds."""
    drawer(page, "My data")
    with page.expect_download() as download:
        page.click("#login .download")
    download.value.save_as(place)
    found: dict[str, Any] = json.loads(place.read_text())
    return found


def test_the_text_shown_is_the_services_and_its_digest_is_kept(
    service: Service, people: Portraits, tmp_path: Path
) -> None:
    asked = httpx.get(service.base_url + "/v1/consent").json()
    with visit(service.base_url) as watched:
        page = watched.page
        expect(page.locator("#register .tick")).to_have_count(len(asked["uses"]))
        shown = {
            page.locator("#register .tick input").nth(i).get_attribute("value"): sentence
            for i, sentence in enumerate(page.locator("#register .tick .sentence").all_inner_texts())
        }
        assert shown == {each["use"]: each["text"] for each in asked["uses"]}
        assert page.locator("#register .tick input:checked").count() == 0, "agreement is given, not assumed"
        assert asked["version"] in page.locator("#register .version").inner_text()
        register(page, people.obama, "login", "overlays")
        log_in(page, people.obama2)
        inside(page)
        (line,) = data_of(page, tmp_path / "data.json")["consents"]
        assert watched.complaints == []
    text = "\n".join(f"{use}: {sentence}" for use, sentence in shown.items())
    assert line["digest"] == asked["digest"] == hashlib.sha256(text.encode()).hexdigest()
    assert line["uses"] == ["login", "overlays"]


def test_a_text_that_has_changed_is_shown_anew_and_a_passphrase_asked_for_where_needed(
    people: Portraits, tmp_path: Path
) -> None:
    first, second = (tmp_path / f"{number}.toml" for number in (1, 2))
    for file, text in zip((first, second), TWO_TEXTS, strict=True):
        file.write_text(text)
    with running_service(tmp_path / "home", FACEWARDEN_CONSENT_FILE=str(first)) as service:
        port = service.base_url.rpartition(":")[2]
        with visit(service.base_url) as watched:
            page = watched.page
            expect(page.locator("#register .sentence")).to_have_text(["Know me."])
            agree(page)
            page.set_input_files("#register input[type=file]", people.obama)
            service.process.terminate()
            service.process.wait(40)
            with running_service(
                tmp_path / "home",
                FACEWARDEN_CONSENT_FILE=str(second),
                FACEWARDEN_SECOND_FACTOR="required",
                FACEWARDEN_PORT=port,
            ):
                page.click("#register .go")
                refused(page, "register", "passphrase_required")
                expect(page.locator("#register-secret")).to_be_focused()
                page.keyboard.type(PASSPHRASE)
                page.click("#register .go")
                refused(page, "register", "consent_outdated")
                expect(page.locator("#register .sentence")).to_have_text(["Know me again.", "Draw me."])
                expect(page.locator("#register input[value=login]")).not_to_be_checked()
                expect(page.locator("#register input[value=login]")).to_be_focused()
                agree(page)
                page.click("#register .go")
                expect(page.locator("#register .done h3")).to_have_text("You are registered.")


def test_a_passphrase_is_asked_for_from_then_on(service: Service, people: Portraits) -> None:
    with visit(service.base_url) as watched:
        page = watched.page
        register(page, people.obama, passphrase=PASSPHRASE)
        log_in(page, people.obama2)
        refused(page, "login", "not_recognised")
        expect(page.locator("#login .notice")).to_contain_text("passphrase")
        log_in(page, people.obama2, PASSPHRASE)
        inside(page)
        drawer(page, "Passphrase")
        page.fill("#record-secret", SHORT)
        page.click("#login .set")
        refused(page, "login", "passphrase_too_short")
        page.click("#login .drop")
        expect(page.locator("#login .factor .is")).to_have_text("none")
        page.click("#login .leave")
        log_in(page, people.obama2)
        inside(page)


def test_the_code_opens_the_record_without_a_face_and_is_replaced(service: Service, people: Portraits) -> None:
    with visit(service.base_url) as watched:
        page = watched.page
        user_id, code = register(page, people.obama)
        page.click("#login .faceless")
        page.click("#login .recovery .go")
        refused(page, "login", "incomplete")
        recover(page, user_id, code.lower())
        inside(page, "You are in.")
        expect(page.locator("#login dd.id")).to_have_text(user_id)
        fresh = page.locator("#login .told code.code").inner_text()
        page.click("#login .leave")
        page.click("#login .faceless")
        recover(page, user_id, code)
        refused(page, "login", "not_recognised")
        recover(page, user_id, fresh)
        inside(page, "You are in.")
        drawer(page, "Recovery code")
        page.click("#login .renew")
        expect(page.locator("#login code.code")).to_have_count(1)
        assert page.locator("#login .renewal code.code").inner_text() not in {code, fresh}


def test_a_code_is_printed_alone_and_once(service: Service, people: Portraits) -> None:
    with visit(service.base_url) as watched:
        page = watched.page
        _, code = register(page, people.obama)
        page.click("#register .slip .link:has-text('Print')")
        page.emulate_media(media="print")
        expect(page.locator(".doors")).to_be_hidden()
        expect(page.get_by_text(code).locator("visible=true")).to_have_count(1)
        assert watched.complaints == []


def test_who_is_locked_out_sees_how_long_and_is_let_try_again(people: Portraits, tmp_path: Path) -> None:
    home = tmp_path / "home"
    with running_service(home, FACEWARDEN_FREE_FAILURES="1") as service, visit(service.base_url) as watched:
        page = watched.page
        page.clock.install()
        page.reload()
        go = page.locator("#login form:visible .go")
        log_in(page, people.biden)
        refused(page, "login", "not_recognised")
        go.click()
        refused(page, "login", "locked")
        expect(go).to_be_disabled()
        before = seconds(go.inner_text())
        page.clock.fast_forward(5_000)
        expect(go).not_to_have_text(f"Wait {before} s")
        assert 0 < seconds(go.inner_text()) <= before - 5
        page.clock.fast_forward(31_000)
        expect(go).to_be_enabled()
        expect(go).to_have_text("Log me in")
        expect(page.locator("#login .hint")).to_have_text("You can try again now")
        expect(page.locator("#login .notice")).to_be_hidden()


def test_a_stop_asks_for_what_still_opens(home: Path, service: Service, people: Portraits) -> None:
    with visit(service.base_url) as watched:
        page = watched.page
        user_id, code = register(page, people.obama, passphrase=PASSPHRASE)
        log_in(page, people.biden)
        refused(page, "login", "not_recognised")
        engine = create_engine(Settings(home=home).data_url)
        with engine.begin() as data:  # 49 more of these, and all of it long ago
            data.execute(update(FailureRow).values(failures=50, failed_at=datetime.now(UTC) - timedelta(days=2)))
        engine.dispose()
        page.click("#login form:visible .go")
        refused(page, "login", "stopped")
        expect(page.locator("#login-secret")).to_be_focused()
        page.click("#login .notice button:has-text('recovery code')")
        recover(page, user_id, code)
        inside(page, "You are in.")


def test_what_needs_a_fresh_login_says_so(home: Path, service: Service, people: Portraits) -> None:
    with visit(service.base_url) as watched:
        page = watched.page
        user_id, _ = register(page, people.obama)
        log_in(page, people.obama2)
        inside(page)
        old = aged(home, service.base_url, UUID(user_id))

        def later(route: Route) -> None:
            route.continue_(headers={**route.request.headers, "authorization": f"Bearer {old}"})

        page.route("**/v1/me/**", later)
        drawer(page, "Passphrase")
        page.fill("#record-secret", PASSPHRASE)
        page.click("#login .set")
        refused(page, "login", "token_not_fresh")
        page.unroute("**/v1/me/**")
        page.click("#login .notice button:has-text('Log in again')")
        expect(page.locator("#login form:visible [name=user_id]")).to_have_value(user_id)


def test_more_is_agreed_to_later_and_a_new_text_is_shown(service: Service, people: Portraits) -> None:
    with visit(service.base_url) as watched:
        page = watched.page
        register(page, people.obama, "login", "attributes")
        log_in(page, people.obama2)
        inside(page)
        drawer(page, "What I agreed to")
        expect(page.locator("#login .offer .tick")).to_have_count(1)
        page.click("#login .offer button")
        expect(page.locator("#login .offer [value=overlays]")).to_be_focused()
        page.check("#login .offer [value=overlays]")
        page.click("#login .offer button")
        expect(page.locator("#login .said")).to_contain_text("Noted")
        expect(page.locator("#login .uses li")).to_have_count(3)
        expect(page.locator("#login .offer")).to_be_hidden()

        def changed(route: Route) -> None:
            told = httpx.get(
                service.base_url + "/v1/me", headers={"Authorization": route.request.headers["authorization"]}
            )
            route.fulfill(json=told.json() | {"consent_digest": "0" * 64})

        page.route("**/v1/me", changed)
        page.click("#login [data-use=overlays] button")
        expect(page.locator("#login .offer .say")).to_contain_text("The text has changed")
        expect(page.locator("#login .offer .tick")).to_have_count(3)
        page.check("#login .offer [value=overlays]")
        page.click("#login .offer button")
        refused(page, "login", "consent_required")
        page.check("#login .offer [value=login]")
        page.click("#login .offer button")
        expect(page.locator("#login .uses li")).to_have_count(2)
        expect(page.locator("#login .done dl")).not_to_contain_text("years old")
        assert watched.complaints == []


def test_taking_back_erases_what_was_allowed(service: Service, people: Portraits, tmp_path: Path) -> None:
    with visit(service.base_url) as watched:
        page = watched.page
        user_id, _ = register(page, people.obama, "login", "attributes")
        log_in(page, people.obama2)
        inside(page)
        expect(page.locator("#login .done dl")).to_contain_text("years old")
        drawer(page, "What I agreed to")
        page.click("#login [data-use=attributes] button")
        expect(page.locator("#login .said")).to_contain_text("erased")
        expect(page.locator("#login .done dl")).not_to_contain_text("years old")
        expect(page.locator("#login .uses li")).to_have_count(1)
        held = data_of(page, tmp_path / "data.json")
        assert held["user_id"] == user_id
        assert held["attributes"] is None
        assert held["consents"][-1]["uses"] == ["login"]
        page.click("#login [data-use=login] button")
        page.click("#erase .keep")
        inside(page)
        page.click("#login [data-use=login] button")
        page.fill("#erase [name=word]", "erase")
        page.click("#erase button[value=erase]")
        inside(page, "You are erased.")
        assert page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]
        assert watched.complaints == []


def recover(page: Page, user_id: str, code: str) -> None:
    page.fill("#login .recovery [name=user_id]", user_id)
    page.fill("#login .recovery [name=code]", code)
    page.click("#login .recovery .go")


def seconds(text: str) -> int:
    return int(text.removeprefix("Wait ").removesuffix(" s"))


def aged(home: Path, base_url: str, user_id: UUID) -> str:
    """A token that the service over `home` would have issued a little too long ago."""
    then = datetime.now(UTC) - FRESH - timedelta(minutes=1)
    with opened(home, lambda: then) as storage:
        settings = read({}, home=home, public_url=base_url)
        return tokens(storage, settings, lambda: then).issue(user_id, ACR_PHOTO).token
