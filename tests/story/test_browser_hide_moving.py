"""The page that hides faces, with the camera live and with films, in a real browser."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from embeddings.film import Film
from embeddings.image import PictureFormat, encode
from embeddings.pipeline import FacePipeline
from tests.drawn_faces import crowd
from tests.films import film, passing
from tests.story.browser import chromium, visit
from tests.story.hiding import MATROSKA, downloaded, nets, seen, share_of, shown, until
from tests.story.server import Service, running_service
from tests.story.telling import jpeg

RED = (255, 0, 0)
TAKEN = """(reason) => void (navigator.mediaDevices.getUserMedia = async () => {
  throw new DOMException("Could not start video source", reason);
})"""
"""As Chromium answers where another program holds the camera or a person refuses; no fake camera can be made to."""
HELD = """() => {
  const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (asked) => {
    window.given = await real(asked);
    if (window.held) await new Promise((allow) => (window.allow = allow));
    return window.given;
  };
}"""
"""Keeps the stream of the fake camera within reach; with `held` it is asked about first."""
PULLED = "void given.getTracks().forEach((track) => { track.stop(); track.dispatchEvent(new Event('ended')); })"
"""As if the camera were pulled out."""
TELLS_OF_ITS_FRAMES = """
window.MediaRecorder = class extends MediaRecorder {
  constructor(...given) {
    super(...given);
    this.addEventListener("dataavailable", ({ data }) => data.size && (document.documentElement.dataset.recorded = ""));
  }
};
"""
"""How long a recorder takes to its first frame tells how busy the machine is."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    chromium()
    with running_service(tmp_path_factory.mktemp("moving") / "home") as running:
        yield running


@pytest.fixture(scope="module")
def pipeline() -> FacePipeline:
    return nets()


@pytest.fixture
def camera(tmp_path: Path) -> Path:
    """A stream of one drawn face that moves a little."""
    path = tmp_path / "camera.mjpeg"
    with path.open("wb") as stream:
        for number in range(20):
            stream.write(jpeg(crowd(640, 480, [(160 + 4 * (number % 10), 90, 300)])))
    return path


def started(page: Page) -> None:
    page.click("#way-live .go")
    page.wait_for_selector("#hide[data-state=live]")


def test_live_shows_covered_frames_alone_and_changes_style(
    service: Service, camera: Path, pipeline: FacePipeline
) -> None:
    assert seen(pipeline, jpeg(crowd(640, 480, [(160, 90, 300)])))
    with visit(service.base_url, camera, path="/hide#live") as watched:
        page = watched.page
        started(page)
        assert [seen(pipeline, shown(page)) for _ in range(3)] == [[], [], []]
        expect(page.locator(".rate")).to_contain_text("frames/s")
        page.get_by_label("Colour").fill("#ff0000")
        until(page, lambda: share_of(shown(page), RED) > 0.1)
        page.click(".tile:has([value=''])")
        expect(page.locator(".notice strong")).to_have_text("Live needs a style that hides")
        assert share_of(shown(page), RED) > 0.1, "the last style stays on"
        page.click(".tile:has([value=pixelate])")
        expect(page.locator(".veiled")).to_have_attribute("data-style", "pixelate")
        expect(page.locator(".notice")).to_be_hidden()
        expect(page.locator(".result strong")).to_have_text("Covered, live")
        uncovered = "[...document.querySelectorAll('video')].filter(video => video.srcObject).length"
        assert page.evaluate(uncovered) == 0
        page.click("#way-live .go")
        expect(page.locator("#hide")).to_have_attribute("data-state", "idle")
        assert watched.complaints == []


def test_a_clip_holds_covered_frames_alone(service: Service, camera: Path, pipeline: FacePipeline) -> None:
    with visit(service.base_url, camera, path="/hide#live") as watched:
        page = watched.page
        page.add_init_script(TELLS_OF_ITS_FRAMES)
        page.reload()
        started(page)
        page.click("#way-live .record")
        expect(page.locator("#way-live .record")).to_contain_text("Stop recording · 0:02")
        page.wait_for_selector("html[data-recorded]")
        page.click("#way-live .record")
        expect(page.locator(".result")).to_contain_text("The clip is ready")
        download, clip = downloaded(page, "#way-live .download")
        assert download.suggested_filename == "faces-hidden.webm"
        frames = [frame.pixels for frame in Film(clip).frames() if frame.pixels is not None]
        assert len(frames) > 2
        looked = [encode(frame, PictureFormat.PNG) for frame in frames[:: max(1, len(frames) // 4)]]
        assert [seen(pipeline, each) for each in looked] == [[]] * len(looked)
        assert watched.complaints == []


def test_live_says_why_there_is_no_camera(service: Service) -> None:
    with visit(service.base_url, path="/hide#live") as watched:
        page = watched.page
        page.click("#way-live .go")
        expect(page.locator(".notice strong")).to_have_text("No camera was found")
        expect(page.locator("[value=sticker]")).to_be_disabled()
        for reason, title in (
            ("NotReadableError", "The camera is in use"),
            ("NotAllowedError", "The camera is not allowed here"),
        ):
            page.evaluate(TAKEN, reason)
            page.click("#way-live .go")
            expect(page.locator(".notice strong")).to_have_text(title)
            expect(page.locator(".notice p")).not_to_be_empty()
            expect(page.locator("#way-live .go")).to_be_enabled()
            expect(page.locator("#hide")).to_have_attribute("data-state", "idle")


def test_a_camera_that_is_pulled_out_ends_it_and_leaves_the_clip(service: Service, camera: Path) -> None:
    with visit(service.base_url, camera, path="/hide#live") as watched:
        page = watched.page
        page.evaluate(HELD)
        started(page)
        page.click("#way-live .record")
        expect(page.locator("#way-live .record")).to_contain_text("0:01")
        page.evaluate(PULLED)
        expect(page.locator(".notice strong")).to_have_text("The camera was switched off")
        expect(page.locator("#hide")).to_have_attribute("data-state", "idle")
        expect(page.locator("#way-live .record")).to_be_disabled()
        assert downloaded(page, "#way-live .download")[1][:4] == MATROSKA
        page.get_by_role("button", name="Try again").click()
        page.wait_for_selector("#hide[data-state=live]")
        expect(page.locator(".notice")).to_be_hidden()
        assert watched.complaints == []


def test_a_connection_that_is_lost_comes_back(service: Service, camera: Path) -> None:
    cut, sockets = False, list[WebSocketRoute]()

    def through(socket: WebSocketRoute) -> None:
        if cut:
            socket.close()
            return
        socket.connect_to_server()
        sockets.append(socket)

    with visit(service.base_url, camera) as watched:
        page = watched.page
        page.route_web_socket(re.compile("/v1/live"), through)
        page.goto(service.base_url + "/hide#live")
        started(page)
        cut = True
        sockets[-1].close()
        expect(page.locator(".hint")).to_contain_text("Connection lost. Trying again in")
        cut = False
        page.wait_for_selector("#hide[data-state=live]")
        expect(page.locator(".hint")).to_be_empty()


@pytest.mark.parametrize(("way", "button"), [("live", "#way-live .go"), ("photo", "#way-photo .camera")])
def test_a_camera_that_is_allowed_too_late_stays_off(service: Service, camera: Path, way: str, button: str) -> None:
    """Somebody goes to another tab while the browser still asks."""
    with visit(service.base_url, camera, path=f"/hide#{way}") as watched:
        page = watched.page
        page.evaluate(HELD)
        page.evaluate("void (window.held = true)")
        page.click(button)
        until(page, lambda: bool(page.evaluate("typeof window.allow === 'function'")))
        page.click("#tab-film")
        page.evaluate("allow()")
        until(page, lambda: bool(page.evaluate("given.getTracks().every((track) => track.readyState === 'ended')")))
        expect(page.locator("#hide")).to_have_attribute("data-state", "idle")
        page.click(f"#tab-{way}")
        expect(page.locator(button)).to_be_enabled()
        assert watched.complaints == []


def test_a_film_comes_back_covered_whatever_is_looked_at_meanwhile(service: Service, tmp_path: Path) -> None:
    source = tmp_path / "film.mp4"
    source.write_bytes(film(passing(12)))
    with visit(service.base_url, path="/hide#film") as watched:
        page = watched.page
        page.set_input_files("#way-film input[type=file]", source)
        page.click("#way-film button.go")
        page.click("#tab-photo")
        expect(page.locator("#hide")).to_have_attribute("data-state", "idle")
        page.click("#tab-film")
        page.wait_for_selector("#hide[data-state=film]")
        expect(page.locator(".result strong")).to_contain_text("hidden in 12 frames")
        content = downloaded(page, "#way-film .download")[1]
        assert len(list(Film(content).frames())) == 12
        assert watched.complaints == []


def test_a_film_is_cancelled_while_it_is_sent_and_while_it_is_worked_on(service: Service, tmp_path: Path) -> None:
    source = tmp_path / "film.mp4"
    source.write_bytes(film(passing(150)) + b"\x00\x30\x00\x00free" + bytes(0x300000 - 8))
    with visit(service.base_url, path="/hide#film") as watched:
        page = watched.page
        step, cancel = page.locator(".film .step"), page.locator(".film .cancel")
        wire = page.context.new_cdp_session(page)
        slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 400_000}
        wire.send("Network.emulateNetworkConditions", slow)
        page.set_input_files("#way-film input[type=file]", source)
        page.click("#way-film button.go")
        expect(step).to_have_text(re.compile(r"Sending: [1-9]\d? %"))
        assert 0 < page.locator(".film progress").evaluate("bar => bar.value") < 100
        cancel.click()
        cancelled(page)
        wire.send("Network.emulateNetworkConditions", slow | {"uploadThroughput": -1})
        page.click("#way-film button.go")
        expect(step).to_have_text(re.compile(r"Finding faces: frame \d+ of 150"))
        with page.expect_response(lambda answer: answer.request.method == "DELETE") as ended:
            cancel.click()
        assert ended.value.status == 204
        cancelled(page)
        assert watched.complaints == []


def cancelled(page: Page) -> None:
    expect(page.locator(".film .step")).to_have_text("Cancelled. Nothing of it is kept.")
    expect(page.locator(".film .cancel")).to_be_disabled()
    expect(page.locator("#way-film button.go")).to_be_enabled()
    assert page.locator(".film progress").evaluate("bar => bar.value") == 0


def test_a_film_that_is_refused_says_so_even_on_the_return(service: Service, tmp_path: Path) -> None:
    large, other = tmp_path / "large.mp4", tmp_path / "other.mp4"
    with large.open("wb") as file:
        file.truncate(64 * 2**20 + 1)
    other.write_bytes(b"no film at all" * 100)
    with visit(service.base_url, path="/hide#film") as watched:
        page = watched.page
        page.set_input_files("#way-film input[type=file]", large)
        expect(page.locator(".notice")).to_have_attribute("data-code", "film_over")
        expect(page.locator("#way-film button.go")).to_be_disabled()
        page.set_input_files("#way-film input[type=file]", other)
        page.click("#way-film button.go")
        expect(page.locator(".notice")).to_have_attribute("data-code", "unsupported_film")
        page.click("#tab-live")
        expect(page.locator(".notice")).to_be_hidden()
        page.click("#tab-film")
        expect(page.locator(".notice strong")).to_have_text("This kind of film is not supported")
