"""The page that hides faces, in a real browser: a photo, the camera live, a film, and what a file tells."""

import base64
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Download, Page, expect

from embeddings.image import ImageLimits, decode
from embeddings.pipeline import FacePipeline
from embeddings.quality import QualityLimits
from embeddings.types import Box
from tests.drawn_faces import crowd
from tests.films import film, passing
from tests.story.browser import chromium, visit
from tests.story.server import Service, running_service
from tests.story.telling import jpeg, telling_jpeg

SIZE = (900, 600)
FACES = [(60, 120, 300), (540, 180, 240)]
FOUND = ".spot.face"
READY = "#hide[data-state=ready]"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    chromium()
    with running_service(tmp_path_factory.mktemp("hiding") / "home") as running:
        yield running


@pytest.fixture(scope="module")
def pipeline() -> FacePipeline:
    return FacePipeline.load(ImageLimits(), QualityLimits())


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    path.write_bytes(telling_jpeg(crowd(*SIZE, FACES)))
    return path


@pytest.fixture
def page(service: Service) -> Iterator[Page]:
    with visit(service.base_url, path="/hide") as watched:
        yield watched.page
        assert watched.complaints == []


def choose(page: Page, photo: Path) -> None:
    page.set_input_files("#way-photo input[type=file]", photo)
    expect(page.locator(FOUND)).to_have_count(len(FACES))
    page.wait_for_selector(READY)


def result_after(page: Page, selector: str) -> None:
    """Waits until another choice has been drawn; `selector` is pressed for it."""
    before = page.locator(".after").get_attribute("src")
    page.locator(selector).click()
    expect(page.locator(".after")).not_to_have_attribute("src", before or "")
    page.wait_for_selector(READY)


def downloaded(page: Page, link: str) -> tuple[Download, bytes]:
    with page.expect_download() as download:
        page.click(link)
    return download.value, download.value.path().read_bytes()


def seen(pipeline: FacePipeline, picture: bytes) -> list[Box]:
    return [face.face.box for face in pipeline.analyse(picture).faces]


def changed(picture: bytes, place: tuple[int, int, int]) -> bool:
    """Whether the drawn face there looks different from how it was drawn."""
    left, top, side = place
    part = (slice(top + side // 3, top + side * 2 // 3), slice(left + side // 3, left + side * 2 // 3))
    difference = decode(picture, ImageLimits()).pixels[part].astype(int) - crowd(*SIZE, FACES)[part]
    return bool(np.abs(difference).mean() > 20)


def test_the_download_holds_no_face_and_tells_nothing(page: Page, photo: Path, pipeline: FacePipeline) -> None:
    choose(page, photo)
    expect(page.locator(".result strong")).to_have_text("2 faces hidden")
    expect(page.locator(".result")).to_contain_text("none of them can be found or matched")
    download, content = downloaded(page, "#way-photo .download")
    assert download.suggested_filename == "faces-hidden.jpg"
    assert len(seen(pipeline, photo.read_bytes())) == len(FACES)
    assert seen(pipeline, content) == []
    assert not [told for told in (b"Exif", b"Warden", b"Ada", b"xmpmeta", b"Photoshop") if told in content]


def test_the_report_tells_what_the_file_holds_and_that_it_is_gone(page: Page, photo: Path) -> None:
    choose(page, photo)
    report = page.locator(".report")
    for told in ("48.13743° N, 11.57549° E, 519 m", "Warden Phone 7", "2026:08:02 18:21:07", "at home with Ada"):
        expect(report).to_contain_text(told)
    for kind in ("thumbnail", "xmp", "iptc", "trailing"):
        expect(report.locator(f"[data-kind={kind}]")).to_have_count(1)
    assert report.locator("img").evaluate("image => image.decode().then(() => image.naturalWidth)") == 96
    expect(report).to_have_attribute("data-state", "gone")


def test_a_face_is_left_out_by_keyboard_and_taken_in_again(page: Page, photo: Path) -> None:
    choose(page, photo)
    face = page.locator(FOUND).first
    expect(face).to_have_accessible_name("Face 1 of 2: hidden")
    face.focus()
    page.keyboard.press("Enter")
    expect(face).to_have_accessible_name("Face 1 of 2: shown")
    expect(page.locator(".result strong")).to_have_text("1 face hidden")
    content = downloaded(page, "#way-photo .download")[1]
    assert [changed(content, place) for place in FACES] == [False, True]  # the larger one is the first
    result_after(page, ".everyone")
    expect(page.locator(".result strong")).to_have_text("2 faces hidden")


def test_a_box_is_drawn_by_hand_and_one_is_moved_by_keyboard(page: Page, photo: Path) -> None:
    choose(page, photo)
    page.click(".tools .box")
    area = page.locator(".sheet").bounding_box()
    assert area is not None
    page.mouse.move(area["x"] + area["width"] * 0.42, area["y"] + area["height"] * 0.75)
    page.mouse.down()
    page.mouse.move(area["x"] + area["width"] * 0.55, area["y"] + area["height"] * 0.95, steps=4)
    page.mouse.up()
    expect(page.locator(".result strong")).to_have_text("3 faces hidden")
    page.locator(".tools .box").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".spot.added")).to_have_count(2)
    added = page.locator(".spot.added:focus")
    was = added.evaluate("spot => parseFloat(spot.style.left)")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert added.evaluate("spot => parseFloat(spot.style.left)") == pytest.approx(was + 2, abs=0.01)
    page.keyboard.press("Delete")
    expect(page.locator(".spot.added")).to_have_count(1)
    page.click(".tools .box")
    page.locator(".spot.added").click()
    expect(page.locator(".spot.added")).to_have_count(0)


def test_before_and_after_are_compared_by_keyboard_and_by_drag(page: Page, photo: Path) -> None:
    choose(page, photo)
    cut = page.get_by_role("slider", name="How much is shown as it was")
    cut.focus()
    page.keyboard.press("Home")
    expect(cut).to_have_attribute("aria-valuenow", "0")
    page.keyboard.press("PageUp")
    page.keyboard.press("ArrowRight")
    expect(cut).to_have_attribute("aria-valuenow", "12")
    area, handle = page.locator(".sheet").bounding_box(), cut.bounding_box()
    assert area is not None
    assert handle is not None
    level = handle["y"] + handle["height"] - 40
    page.mouse.move(handle["x"] + handle["width"] / 2, level)
    page.mouse.down()
    page.mouse.move(area["x"] + area["width"] * 0.6, level, steps=3)
    page.mouse.up()
    expect(cut).to_have_attribute("aria-valuenow", "60")


def test_a_decoration_is_stacked_and_alone_hides_nobody(page: Page, photo: Path) -> None:
    choose(page, photo)
    plain = downloaded(page, "#way-photo .download")[1]
    result_after(page, ".tile:has([value=hat])")
    expect(page.locator(".result strong")).to_have_text("2 faces hidden")
    assert downloaded(page, "#way-photo .download")[1] != plain
    result_after(page, ".tile:has([value=''])")
    expect(page.locator(".result strong")).to_have_text("2 faces decorated")
    expect(page.locator(".result")).to_contain_text("This hides nobody")


def camera(path: Path) -> Path:
    """A stream of one drawn face that moves a little."""
    with path.open("wb") as stream:
        for number in range(20):
            stream.write(jpeg(crowd(640, 480, [(160 + 4 * (number % 10), 90, 300)])))
    return path


def shown(page: Page) -> bytes:
    address = page.evaluate("document.querySelector('.veiled').toDataURL('image/jpeg', 0.95)")
    return base64.b64decode(address.partition(",")[2])


TELLS_OF_ITS_FRAMES = """
window.MediaRecorder = class extends MediaRecorder {
  constructor(...given) {
    super(...given);
    this.addEventListener("dataavailable", ({ data }) => data.size && (document.documentElement.dataset.recorded = ""));
  }
};
"""
"""How long a recorder takes to its first frame tells how busy the machine is."""


def test_live_shows_covered_frames_alone_and_changes_style(
    service: Service, tmp_path: Path, pipeline: FacePipeline
) -> None:
    stream = camera(tmp_path / "camera.mjpeg")
    assert seen(pipeline, jpeg(crowd(640, 480, [(160, 90, 300)])))
    with visit(service.base_url, stream, path="/hide#live") as watched:
        page = watched.page
        page.add_init_script(TELLS_OF_ITS_FRAMES)
        page.reload()
        page.click("#way-live .go")
        page.wait_for_selector("#hide[data-state=live]")
        assert [seen(pipeline, shown(page)) for _ in range(3)] == [[], [], []]
        expect(page.locator(".rate")).to_contain_text("frames/s")
        page.click("#way-live .record")
        page.click(".tile:has([value=pixelate])")
        expect(page.locator(".veiled")).to_have_attribute("data-style", "pixelate")
        expect(page.locator(".result strong")).to_have_text("Covered, live")
        page.wait_for_selector("html[data-recorded]")
        page.click("#way-live .record")
        assert seen(pipeline, shown(page)) == []
        download, clip = downloaded(page, "#way-live .download")
        assert download.suggested_filename == "faces-hidden.webm"
        assert clip[:4] == b"\x1aE\xdf\xa3"
        uncovered = "[...document.querySelectorAll('video')].filter(video => video.srcObject).length"
        assert page.evaluate(uncovered) == 0
        page.click("#way-live .go")
        expect(page.locator("#hide")).to_have_attribute("data-state", "idle")
        assert watched.complaints == []


def test_live_says_why_there_is_no_camera_and_offers_to_try_again(service: Service) -> None:
    with visit(service.base_url, path="/hide#live") as watched:
        watched.page.click("#way-live .go")
        expect(watched.page.locator(".notice strong")).not_to_be_empty()
        expect(watched.page.locator("#way-live .go")).to_be_enabled()


def test_a_film_comes_back_covered(service: Service, tmp_path: Path) -> None:
    source = tmp_path / "film.mp4"
    source.write_bytes(film(passing(12)))
    with visit(service.base_url, path="/hide#film") as watched:
        page = watched.page
        page.set_input_files("#way-film input[type=file]", source)
        page.click("#way-film button.go")
        page.wait_for_selector("#hide[data-state=film]")
        expect(page.locator(".result strong")).to_contain_text("hidden in 12 frames")
        content = downloaded(page, "#way-film .download")[1]
        assert content[:4] == b"\x1aE\xdf\xa3"
        assert watched.complaints == []


def test_a_film_too_large_is_refused_before_it_is_sent(service: Service, tmp_path: Path) -> None:
    large = tmp_path / "large.mp4"
    with large.open("wb") as file:
        file.truncate(64 * 2**20 + 1)
    with visit(service.base_url, path="/hide#film") as watched:
        watched.page.set_input_files("#way-film input[type=file]", large)
        expect(watched.page.locator(".notice")).to_have_attribute("data-code", "film_over")
        expect(watched.page.locator("#way-film button.go")).to_be_disabled()


def test_nothing_is_wider_than_a_small_phone(service: Service, photo: Path) -> None:
    with visit(service.base_url, path="/hide", width=320) as watched:
        choose(watched.page, photo)
        assert watched.page.evaluate("document.documentElement.scrollWidth") <= 320


PARSE = """async ({ bytes, cuts }) => {
  const { inspect } = await import("/web/metadata.js");
  const file = Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0));
  for (let length = 0; length < file.length; length += cuts) inspect(file.slice(0, length));
  let state = 7;
  for (let round = 0; round < 300; round++) {
    const broken = file.slice();
    for (let i = 0; i < 20; i++) {
      state = (state * 1103515245 + 12345) % 2147483648;
      broken[state % Math.min(file.length, 2000)] = state >> 8;
    }
    inspect(broken);
  }
  return inspect(file).notes.length;
}"""


def test_a_broken_file_never_breaks_the_report(page: Page) -> None:
    content = telling_jpeg(crowd(200, 150, []))
    assert page.evaluate(PARSE, {"bytes": base64.b64encode(content).decode(), "cuts": 37}) == 8


def test_a_photo_to_register_with_is_reported_on_too(service: Service, photo: Path) -> None:
    with visit(service.base_url) as watched:
        watched.page.set_input_files("#register input[type=file]", photo)
        expect(watched.page.locator("#register .privacy")).to_contain_text("48.13743° N")
        assert watched.complaints == []
