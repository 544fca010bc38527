"""Guided poses at the register door: each is taken by itself, can be skipped, and all are one moment."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from service.portraits import Portraits
from tests.portraits import camera_stream, portraits
from tests.story.browser import chromium, visit
from tests.story.server import Service, running_service


@pytest.fixture(scope="module")
def people() -> Portraits:
    chromium()
    return portraits()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("guide") / "home") as running:
        yield running


def turning(people: Portraits, place: Path) -> Path:
    """Looks ahead, then to his left, then to his right (12 degrees each, as the mesh tells), over and over."""
    looks = (people.obama, people.obama3, people.obama2)
    parts = [camera_stream(look, place / f"{i}.mjpeg", seconds=2.5).read_bytes() for i, look in enumerate(looks)]
    whole = place / "turning.mjpeg"
    whole.write_bytes(b"".join(parts))
    return whole


def open_camera(page: Page) -> None:
    page.click("#register .camera")
    expect(page.locator("#register .guide span")).to_have_text("Pose 1 of 3")


def test_three_poses_are_taken_by_themselves_and_sent_with_their_times(
    service: Service, people: Portraits, tmp_path: Path
) -> None:
    with visit(service.base_url, turning(people, tmp_path)) as watched:
        page = watched.page
        page.emulate_media(reduced_motion="reduce")
        open_camera(page)
        expect(page.locator("#register .hint")).to_have_text("3 poses are taken", timeout=60_000)
        expect(page.locator("#register .shots img")).to_have_count(3)
        assert page.locator("#register video").evaluate("video => video.srcObject") is None, "the camera is off"
        page.check("#register input[value=login]")
        page.click("#register .go")
        expect(page.locator("#register .done")).to_contain_text("3 rows of numbers")
        # these photos are of different years: that they count as one shows that their times were sent
        expect(page.locator("#register .done")).to_contain_text("what is taken in one go counts as one")
        assert watched.complaints == []


def test_a_pose_can_be_skipped_with_the_keyboard(service: Service, people: Portraits, tmp_path: Path) -> None:
    with visit(service.base_url, camera_stream(people.obama, tmp_path / "ahead.mjpeg")) as watched:
        page = watched.page
        open_camera(page)
        expect(page.locator("#register .guide span")).to_have_text("Pose 2 of 3")
        expect(page.locator("#register .hint")).to_contain_text("your left")
        page.locator("#register .guide button").focus()
        page.keyboard.press("Enter")
        expect(page.locator("#register .hint")).to_contain_text("your right")
        page.keyboard.press("Enter")
        expect(page.locator("#register .hint")).to_have_text("One pose is taken")
        expect(page.locator("#register .camera")).to_be_focused()
        expect(page.locator("#register .shots img")).to_have_count(1)
        assert watched.complaints == []
