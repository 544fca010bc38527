"""Chromium with a fake camera, watched for everything a page must not do."""

import atexit
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright, Request, expect, sync_playwright

QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
CAMERA = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)  # machines may be slow


@dataclass(slots=True)
class Watched:
    """`complaints`: console errors, page errors, broken policies, requests to other origins."""

    page: Page
    complaints: list[str] = field(default_factory=list)


def chromium() -> str:
    """The browser's path; skips the test where there is none."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    pytest.skip("Chromium is not installed")


@contextmanager
def visit(
    base_url: str, camera: Path | None = None, *, path: str = "/", scheme: str = "light", width: int = 1280
) -> Iterator[Watched]:
    """A page that shares nothing with others, before a camera that plays `camera` (.mjpeg), or without one."""
    with _browser(camera) as browser:
        context = browser.new_context(
            permissions=["camera"] if camera is not None else [],
            color_scheme="dark" if scheme == "dark" else "light",
            viewport={"width": width, "height": 900},
        )
        try:
            watched = Watched(context.new_page())
            watched.page.set_default_timeout(PATIENCE_MS)
            _watch(watched, base_url)
            watched.page.goto(base_url + path)
            yield watched
        finally:
            context.close()


@contextmanager
def _browser(camera: Path | None) -> Iterator[Browser]:
    """Each camera has a browser of its own; pages without one share theirs, which takes its time to start."""
    if camera is None:
        yield _without_camera()
        return
    browser = _launched(*CAMERA, f"--use-file-for-fake-video-capture={camera}")
    try:
        yield browser
    finally:
        browser.close()


@cache
def _playwright() -> Playwright:
    return sync_playwright().start()


@cache
def _without_camera() -> Browser:
    return _launched()


def _launched(*more: str) -> Browser:
    return _playwright().chromium.launch(executable_path=chromium(), args=[*QUIET, *more])


def close_browsers() -> None:
    """What is open; while it is, its event loop counts as running in this thread, and no other can."""
    if _without_camera.cache_info().currsize:
        _without_camera().close()
    if _playwright.cache_info().currsize:
        _playwright().stop()
    _without_camera.cache_clear()
    _playwright.cache_clear()


atexit.register(close_browsers)


def _watch(watched: Watched, base_url: str) -> None:
    def requested(request: Request) -> None:
        url = urlsplit(request.url)
        if url.scheme not in {"blob", "data"} and f"{url.scheme}://{url.netloc}" != base_url:
            watched.complaints.append(f"request to {url.netloc}")

    def said(message: ConsoleMessage) -> None:
        if message.type == "error":
            watched.complaints.append(message.text)

    page = watched.page
    page.on("request", requested)
    page.on("pageerror", lambda error: watched.complaints.append(str(error)))
    page.on("console", said)
