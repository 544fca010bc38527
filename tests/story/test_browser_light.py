"""Light from the screen in a real browser: a face that answers it logs in, the same film unlit does not, and nobody is
shown colours who did not say so. The light is drawn onto a film's frames: no face was before a real screen."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.evaluation_data import folder
from tests.story.browser import chromium, visit
from tests.story.moving_camera import PATIENCE, decided, encoded, play
from tests.story.server import Service, running_service
from tests.story.test_browser_challenge import ENROLLED, MOVES, RESTS, UNHURRIED, see

FACE = (167.0, 358.0, 237.0, 293.0)
"""Of `turning_live.mp4` at rest: centre, width, height, px."""
SHOWN = {ENROLLED, *(number for start, end in (*RESTS, *MOVES.values()) for number in range(start, end))}
WATCH = """
() => {
  window.changes = [];
  new MutationObserver((records) => {
    for (const { target } of records) if (target.className === "lamp") window.changes.push(Date.now());
  }).observe(document, { subtree: true, attributes: true, attributeFilter: ["data-colour"] });
}
"""


@pytest.fixture
def film() -> Path:
    chromium()
    return folder("webcam") / "turning_live.mp4"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with running_service(
        tmp_path / "home",
        command=UNHURRIED,
        FACEWARDEN_LOGIN_REQUIRES="live",
        FACEWARDEN_CHALLENGE_LIGHT="true",
    ) as running:
        yield running


def enrolled(service: Service, pictures: dict[int, bytes]) -> str:
    photo = {"image": pictures[ENROLLED]}
    answer = httpx.post(f"{service.base_url}/v1/users", files=photo, data={"consent": "true"}, timeout=60)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["user_id"])


def attempt(page: Page) -> str | None:
    def begin() -> None:
        page.click("#login .go")
        page.click(".warning .go", timeout=PATIENCE)
        expect(page.locator("#login .notice")).to_be_hidden()

    return decided(page, "#login", begin)


def test_a_face_that_answers_the_screen_logs_in_and_sees_two_colours_a_second(service: Service, film: Path) -> None:
    pictures = encoded(film, SHOWN)
    user_id = enrolled(service, pictures)
    with visit(service.base_url) as watched:
        page = watched.page
        play(page, pictures, RESTS, MOVES, face=FACE)
        page.reload()
        page.evaluate(WATCH)
        see(page)
        assert attempt(page) is None
        expect(page.locator("#login dd.id")).to_have_text(user_id)
        expect(page.locator(".lamp")).to_have_count(0)
        changes = page.evaluate("window.changes")
        gaps = [two - one for one, two in itertools.pairwise(changes)]
        assert len(changes) >= 10
        assert min(gaps) >= 495  # observed from outside, a moment after
        assert watched.complaints == []


def test_the_same_film_that_does_not_answer_is_refused_kindly(service: Service, film: Path) -> None:
    with visit(service.base_url) as watched:
        page = watched.page
        play(page, encoded(film, SHOWN), RESTS, MOVES)
        page.reload()
        see(page)
        assert attempt(page) == "light_unseen"
        expect(page.locator("#login .notice")).to_contain_text("The screen's light was not seen")
        expect(page.locator("#login .done")).to_be_hidden()
        expect(page.locator(".lamp")).to_have_count(0)


def test_who_declines_or_wants_less_motion_is_shown_no_colour(service: Service, film: Path) -> None:
    with visit(service.base_url) as watched:
        page = watched.page
        play(page, encoded(film, SHOWN), RESTS, MOVES, face=FACE)
        page.reload()
        page.evaluate(WATCH)
        see(page)
        page.click("#login .go")
        expect(page.locator(".warning")).to_contain_text("two a second at most")
        page.get_by_role("button", name="No colours", exact=True).click()
        notice = page.locator("#login .notice")
        expect(notice).to_have_attribute("data-code", "light_stopped")
        expect(notice.locator("button")).to_have_text("Use the recovery code")
        page.emulate_media(reduced_motion="reduce")
        page.click("#login .go")
        expect(notice).to_have_attribute("data-code", "light_refused")
        expect(page.locator("#login .moves")).to_have_count(0)
        assert page.evaluate("window.changes") == []
