"""Movements in a real browser: a person who makes them logs in, a photo and a recording do not."""

import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.evaluation_data import folder
from tests.story.browser import chromium, visit
from tests.story.moving_camera import PATIENCE, decided, encoded, play
from tests.story.server import Service, running_service

RESTS = [(28, 54)]
MOVES = {"turn_left": (56, 176), "turn_right": (216, 325), "look_down": (342, 418), "look_up": (430, 492)}
"""Where `turning_live.mp4` rests and turns, by `evaluation.liveness.pieces.cut`. At first its camera finds no focus."""
ENROLLED = 190
LOOPED = 20, 320
UNHURRIED = (sys.executable, "-m", "tests.story.unhurried")


@pytest.fixture(scope="module")
def film() -> Path:
    chromium()
    return folder("webcam") / "turning_live.mp4"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    home = tmp_path_factory.mktemp("challenge") / "home"
    with running_service(home, command=UNHURRIED, FACEWARDEN_LOGIN_REQUIRES="live") as running:
        yield running


def see(page: Page) -> None:
    """The camera is on, and the page saw one good face."""
    page.click("#login .camera")
    expect(page.locator("#login .hint")).to_have_attribute("data-tone", "good", timeout=PATIENCE)


def refused(page: Page, codes: set[str]) -> None:
    notice = page.locator("#login .notice")
    expect(notice).to_be_visible(timeout=PATIENCE)
    assert notice.get_attribute("data-code") in codes
    assert len(notice.locator("p").inner_text()) > 20  # what to do
    expect(notice.locator("button")).to_have_text("Use the recovery code")
    expect(page.locator("#login .done")).to_be_hidden()


def test_who_makes_the_movements_logs_in(service: Service, film: Path) -> None:
    shown = [number for start, end in (*RESTS, *MOVES.values()) for number in range(start, end)]
    pictures = encoded(film, {*shown, ENROLLED})
    photo = {"image": pictures[ENROLLED]}
    enrolled = httpx.post(f"{service.base_url}/v1/users", files=photo, data={"consent": "true"}, timeout=60)
    assert enrolled.status_code == 201, enrolled.text
    with visit(service.base_url) as watched:
        page = watched.page
        play(page, pictures, RESTS, MOVES)
        page.reload()
        see(page)

        def begin() -> None:
            page.click("#login .go")
            expect(page.locator("#login .moves .move")).to_be_visible(timeout=PATIENCE)

        assert decided(page, "#login", begin) is None
        expect(page.locator("#login .done h3")).to_have_text("It is you.")
        expect(page.locator("#login dd.id")).to_have_text(enrolled.json()["user_id"])
        assert watched.complaints == []


def test_a_looped_recording_does_not(service: Service, film: Path) -> None:
    with visit(service.base_url) as watched:
        page = watched.page
        play(page, encoded(film, range(*LOOPED)), RESTS, None)
        page.reload()
        see(page)
        page.click("#login .go")
        refused(page, {"wrong_movement", "too_early", "too_slow", "not_alive", "unclear", "face_lost"})


def test_a_photo_before_the_camera_does_not(service: Service, film: Path) -> None:
    with visit(service.base_url) as watched:
        page = watched.page
        play(page, encoded(film.parent / "static_photo_attack_dad1.mjpeg"), RESTS, None)
        page.reload()
        see(page)
        page.click("#login .go")
        refused(page, {"too_slow", "not_alive"})
