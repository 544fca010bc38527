"""The page that hides faces, with a photo, in a real browser: where it comes from, what is drawn, what files tell."""

import base64
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from embeddings.image import PictureFormat, encode
from embeddings.pipeline import FacePipeline
from embeddings.types import Pixels
from tests.drawn_faces import crowd
from tests.story.browser import chromium, visit
from tests.story.hiding import (
    FACES,
    SIZE,
    changed,
    downloaded,
    found,
    nets,
    pixels_of,
    result_after,
    seen,
    share_of,
)
from tests.story.server import Service, running_service
from tests.story.telling import telling_jpeg, telling_png, telling_webp

RED, BLUE = (255, 0, 0), (0, 0, 255)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    chromium()
    with running_service(tmp_path_factory.mktemp("hiding") / "home") as running:
        yield running


@pytest.fixture(scope="module")
def pipeline() -> FacePipeline:
    return nets()


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
    found(page, len(FACES))


def pressed(page: Page, selector: str) -> None:
    result_after(page, page.locator(selector).click)


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
    face = page.locator(".spot.face").first
    expect(face).to_have_accessible_name("Face 1 of 2: hidden")
    face.focus()
    page.keyboard.press("Enter")
    expect(face).to_have_accessible_name("Face 1 of 2: shown")
    expect(page.locator(".result strong")).to_have_text("1 face hidden")
    content = downloaded(page, "#way-photo .download")[1]
    assert [changed(content, place) for place in FACES] == [False, True]  # the larger one is the first
    pressed(page, ".everyone")
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
    pressed(page, ".tile:has([value=hat])")
    expect(page.locator(".result strong")).to_have_text("2 faces hidden")
    assert downloaded(page, "#way-photo .download")[1] != plain
    pressed(page, ".tile:has([value=''])")
    expect(page.locator(".result strong")).to_have_text("2 faces decorated")
    expect(page.locator(".result")).to_contain_text("This hides nobody")


def test_nothing_is_wider_than_a_small_phone(service: Service, photo: Path) -> None:
    with visit(service.base_url, path="/hide", width=320) as watched:
        choose(watched.page, photo)
        assert watched.page.evaluate("document.documentElement.scrollWidth") <= 320


OPENED = """() => {
  const picture = document.querySelector(".before");
  const { naturalWidth: width, naturalHeight: height } = picture;
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  canvas.getContext("2d").drawImage(picture, 0, 0);
  return canvas.toDataURL("image/png").split(",")[1];
}"""
COPY = """async (picture) => {
  const bytes = Uint8Array.from(atob(picture), (letter) => letter.charCodeAt(0));
  await navigator.clipboard.write([new ClipboardItem({ "image/png": new Blob([bytes], { type: "image/png" }) })]);
}"""


def test_a_picture_is_pasted_and_the_result_copied(page: Page, pipeline: FacePipeline) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    original = encode(crowd(*SIZE, FACES), PictureFormat.PNG)
    page.evaluate(COPY, base64.b64encode(original).decode())
    page.keyboard.press("Control+V")
    found(page, len(FACES))
    page.click(".copy")
    expect(page.locator(".result")).to_contain_text("Copied as PNG")
    page.keyboard.press("Control+V")
    expect(page.locator(".spot.face")).to_have_count(0)
    expect(page.locator(".result strong")).to_have_text("No face was drawn on")
    copied = base64.b64decode(page.evaluate(OPENED))
    assert pixels_of(copied).shape == pixels_of(original).shape
    assert (len(seen(pipeline, original)), seen(pipeline, copied)) == (len(FACES), [])


def drop(page: Page, file: Path, at: tuple[float, float]) -> None:
    """As from another program, by the browser's own events."""
    devtools = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(file)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        devtools.send("Input.dispatchDragEvent", {"type": kind, "x": at[0], "y": at[1], "data": data})


def test_a_picture_is_dropped_beside_the_stage_as_well(page: Page, photo: Path) -> None:
    for selector in (".stage", ".gallery"):
        area = page.locator(selector).bounding_box()
        assert area is not None
        drop(page, photo, (area["x"] + 40, area["y"] + 40))
        found(page, len(FACES))
        assert page.url.endswith("/hide"), "the browser would have gone to the file"
        expect(page.locator(".stage")).not_to_have_class("stage over")
        page.reload()


def test_looks_are_chosen_and_stay_chosen(page: Page, photo: Path) -> None:
    choose(page, photo)
    colour = page.get_by_label("Colour").first
    result_after(page, lambda: colour.fill("#ff0000"))
    whole = share_of(downloaded(page, "#way-photo .download")[1], RED)
    result_after(page, lambda: page.get_by_label("Covers").select_option("face"))
    inner = share_of(downloaded(page, "#way-photo .download")[1], RED)
    assert 0.1 < inner < whole * 0.9
    pressed(page, ".tile:has([value=crown])")
    assert share_of(downloaded(page, "#way-photo .download")[1], RED) > inner / 2
    expect(colour).to_have_value("#ff0000")
    expect(page.locator(".looks output").first).to_have_text("#ff0000")
    pressed(page, ".tile:has([value=blur])")
    strength = page.get_by_label("Strength")
    strength.focus()
    result_after(page, lambda: page.keyboard.press("Home"))
    expect(page.locator(".looks output").first).to_have_text(strength.get_attribute("min") or "")
    expect(page.locator(".result strong")).to_have_text("2 faces hidden")


def test_a_sticker_of_ones_own(page: Page, photo: Path, tmp_path: Path) -> None:
    sticker = tmp_path / "sticker.png"
    artwork = np.zeros((80, 80, 4), np.uint8)
    artwork[10:70, 10:70] = (*BLUE, 255)
    sticker.write_bytes(encode(artwork[..., :3], PictureFormat.PNG, alpha=artwork[..., 3]))
    choose(page, photo)
    with page.expect_file_chooser():
        page.click(".tile:has([value=sticker])")
    page.locator(".looks [type=file]").dispatch_event("cancel")
    expect(page.locator("[value=sticker]")).not_to_be_checked()
    with page.expect_file_chooser() as chooser:
        page.click(".tile:has([value=sticker])")
    result_after(page, lambda: chooser.value.set_files(sticker))
    expect(page.locator(".looks")).to_contain_text("Another picture")
    expect(page.locator(".result strong")).to_have_text("2 faces hidden")
    whole = downloaded(page, "#way-photo .download")[1]
    assert share_of(whole, BLUE) > 0.02
    result_after(page, lambda: page.get_by_label("Where").select_option("mouth"))
    assert 0 < share_of(downloaded(page, "#way-photo .download")[1], BLUE) < share_of(whole, BLUE) / 2
    page.click("#tab-live")
    expect(page.locator("[value=sticker]")).to_be_disabled()
    expect(page.locator("[value=sticker]")).not_to_be_checked()


def test_what_stops_a_search_is_said_and_the_next_one_works(service: Service, photo: Path, tmp_path: Path) -> None:
    """A damaged file, no network, and another way that is looked at meanwhile."""
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(photo.read_bytes()[:9000])
    with visit(service.base_url, path="/hide") as watched:
        page = watched.page
        page.set_input_files("#way-photo input[type=file]", broken)
        expect(page.locator(".notice strong")).to_have_text("The picture file is damaged")
        expect(page.locator("#hide")).to_have_attribute("data-state", "idle")
        expect(page.locator(".hint")).to_be_empty()
        page.context.set_offline(True)
        page.set_input_files("#way-photo input[type=file]", photo)
        expect(page.locator(".notice strong")).to_have_text("You are offline")
        page.context.set_offline(False)
        with page.expect_request("**/v1/overlays/faces"):
            page.get_by_role("button", name="Try again").click()
        page.evaluate("location.hash = 'film'")
        expect(page.locator("#hide")).to_have_attribute("data-way", "film")
        page.evaluate("location.hash = 'photo'")
        found(page, len(FACES))


def notes(page: Page) -> dict[str, str]:
    rows = page.locator(".report dd")
    return {row.get_attribute("data-kind") or "": row.inner_text() for row in rows.all()}


@pytest.mark.parametrize(("ending", "make"), [("png", telling_png), ("webp", telling_webp)])
def test_other_kinds_of_file_tell_as_much(
    page: Page, tmp_path: Path, ending: str, make: Callable[[Pixels], bytes]
) -> None:
    file = tmp_path / f"photo.{ending}"
    file.write_bytes(make(crowd(*SIZE, FACES)))
    choose(page, file)
    expect(page.locator(".report")).to_have_attribute("data-state", "gone")
    told = notes(page)
    assert told["place"] == "48.13743° N, 11.57549° E, 519 m"
    assert (told["device"], told["taken"]) == ("Warden Phone 7", "2026:08:02 18:21:07")
    assert {"thumbnail", "xmp", "trailing"} <= set(told)
    if ending == "png":
        comments = page.locator(".report [data-kind=comment]").all_inner_texts()
        assert comments == ["Author: Renée of next door", "bei Zoë im Garten", "Secret"]
        assert told["changed"] == "2026-08-02"
    download, content = downloaded(page, "#way-photo .download")
    assert download.suggested_filename == f"faces-hidden.{ending}"
    assert not [each for each in (b"Warden", b"of next door", b"im Garten", b"xmpmeta", b"a second") if each in content]


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
    for make, told in ((telling_jpeg, 8), (telling_png, 10), (telling_webp, 6)):
        content = base64.b64encode(make(crowd(200, 150, []))).decode()
        assert page.evaluate(PARSE, {"bytes": content, "cuts": 37}) == told


def test_a_photo_to_register_with_is_reported_on_too(service: Service, photo: Path) -> None:
    with visit(service.base_url) as watched:
        watched.page.set_input_files("#register input[type=file]", photo)
        expect(watched.page.locator("#register .privacy")).to_contain_text("48.13743° N")
        assert watched.complaints == []
