"""What the stories of the page that hides faces share: what they choose, save and find in it."""

import base64
import time
from collections.abc import Callable

import numpy as np
from playwright.sync_api import Download, Page, expect

from embeddings.image import ImageLimits, decode
from embeddings.pipeline import FacePipeline
from embeddings.quality import QualityLimits
from embeddings.types import Box, Pixels
from tests.drawn_faces import crowd

SIZE = (900, 600)
FACES = [(60, 120, 300), (540, 180, 240)]
READY = "#hide[data-state=ready] .stage:not([data-busy])"
MATROSKA = b"\x1aE\xdf\xa3"
PATIENCE_S = 30.0


def nets() -> FacePipeline:
    return FacePipeline.load(ImageLimits(), QualityLimits())


def found(page: Page, count: int) -> None:
    """Waits for so many faces, and until they are drawn over."""
    expect(page.locator(".spot.face")).to_have_count(count)
    page.wait_for_selector(READY)


def result_after(page: Page, act: Callable[[], object]) -> None:
    """Waits until what `act` chooses has been drawn."""
    before = page.locator(".after").get_attribute("src")
    act()
    expect(page.locator(".after")).not_to_have_attribute("src", before or "")
    page.wait_for_selector(READY)


def downloaded(page: Page, link: str) -> tuple[Download, bytes]:
    with page.expect_download() as download:
        page.click(link)
    return download.value, download.value.path().read_bytes()


def pixels_of(picture: bytes) -> Pixels:
    return decode(picture, ImageLimits()).pixels


def seen(pipeline: FacePipeline, picture: bytes) -> list[Box]:
    return [face.face.box for face in pipeline.analyse(picture).faces]


def changed(picture: bytes, place: tuple[int, int, int]) -> bool:
    """Whether the drawn face there looks different from how it was drawn."""
    left, top, side = place
    part = (slice(top + side // 3, top + side * 2 // 3), slice(left + side // 3, left + side * 2 // 3))
    difference = pixels_of(picture)[part].astype(int) - crowd(*SIZE, FACES)[part]
    return bool(np.abs(difference).mean() > 20)


def share_of(picture: bytes, colour: tuple[int, int, int]) -> float:
    """How much of a picture has nearly that colour."""
    away = np.abs(pixels_of(picture).astype(int) - colour).max(axis=2)
    return float((away < 40).mean())


def shown(page: Page) -> bytes:
    """The frame that the live page shows."""
    address = page.evaluate("document.querySelector('.veiled').toDataURL('image/jpeg', 0.95)")
    return base64.b64decode(address.partition(",")[2])


def until(page: Page, holds: Callable[[], bool]) -> None:
    """For what the page shows in pixels alone. Raises TimeoutError."""
    end = time.monotonic() + PATIENCE_S
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError
        page.wait_for_timeout(50)
