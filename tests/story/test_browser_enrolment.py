"""An enrolment by movements in a real browser: the steps, then the poses to either side, then a record."""

from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from tests.evaluation_data import folder
from tests.story.browser import chromium, visit
from tests.story.moving_camera import PATIENCE, decided, encoded, play
from tests.story.server import running_service
from tests.story.test_browser_challenge import ENROLLED, MOVES, RESTS, UNHURRIED

POSES = {"slightly_left": (58, 61), "slightly_right": (318, 323)}
"""Where `turning_live.mp4` is 6 to 12 degrees aside."""
SHOWN = {ENROLLED, *(n for start, end in (*RESTS, *MOVES.values(), *POSES.values()) for n in range(start, end))}
WATCH = """
() => {
  window.asked = [];
  new MutationObserver((records) => {
    for (const { target } of records) if (target.className === "moves") window.asked.push(target.dataset.step);
  }).observe(document, { subtree: true, attributes: true, attributeFilter: ["data-step"] });
}
"""


@pytest.fixture
def film() -> Path:
    chromium()
    return folder("webcam") / "turning_live.mp4"


def test_who_makes_the_movements_is_enrolled_from_slightly_aside_too(tmp_path: Path, film: Path) -> None:
    pictures = encoded(film, SHOWN)
    with (
        running_service(tmp_path / "home", command=UNHURRIED, FACEWARDEN_ENROLMENT_REQUIRES="live") as service,
        visit(service.base_url) as watched,
    ):
        photo = {"image": pictures[ENROLLED]}
        refused = httpx.post(f"{service.base_url}/v1/users", files=photo, data={"consent": "true"}, timeout=60)
        assert refused.json()["code"] == "liveness_required"
        page = watched.page
        play(page, pictures, RESTS, {**MOVES, **POSES})
        page.reload()
        page.evaluate(WATCH)
        page.click("#register .camera")
        expect(page.locator("#register .hint")).to_have_attribute("data-tone", "good", timeout=PATIENCE)
        page.check("#register input[value=login]")

        def begin() -> None:
            page.evaluate("() => { window.asked = []; }")  # of the last try alone
            page.click("#register .go")
            expect(page.locator("#register .notice")).to_be_hidden()

        assert decided(page, "#register", begin) is None
        expect(page.locator("#register .done h3")).to_have_text("You are registered.")
        user_id = page.locator("#register code.id").inner_text()
        asked = [step for step in page.evaluate("window.asked") if step]
        assert asked[-2:] == ["slightly_left", "slightly_right"]
        assert set(asked[:-2]) <= MOVES.keys()
        login = httpx.post(f"{service.base_url}/v1/login", files=photo, data={"user_id": user_id}, timeout=60)
        assert login.status_code == 200, login.text
        assert watched.complaints == []
