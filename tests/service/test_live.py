"""The live door over a real WebSocket, to a real server, with a drawn face."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from embeddings.image import ImageLimits, PictureFormat, decode, encode
from embeddings.types import Pixels
from overlays.style import style
from service.bootstrap import Application
from service.live import MOST_A_SECOND
from service.workflows.live import LIMITS, Live
from tests.drawn_faces import crowd
from tests.story.server import Service, running_service

SIDE = 160
EMPTY = crowd(320, 240, [])


def frame(left: int = 80, top: int = 40) -> bytes:
    return encode(crowd(320, 240, [(left, top, SIDE)]), PictureFormat.JPEG)


def inner(pixels: Pixels, left: int = 80, top: int = 40) -> Pixels:
    """The drawn face's eyes, nose and mouth."""
    return pixels[top + 65 : top + 135, left + 48 : left + 112]


def seen(data: bytes) -> Pixels:
    return decode(data, ImageLimits()).pixels


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("live") / "home", FACEWARDEN_LIVE_CONNECTIONS="2") as running:
        yield running


@contextmanager
def socket(service: Service, query: str = "?style=solid", origin: str | None = None) -> Iterator[ClientConnection]:
    url = service.base_url.replace("http", "ws", 1) + f"/v1/live{query}"
    with connect(url, origin=None if origin is None else Origin(origin)) as opened:
        yield opened


def answer(opened: ClientConnection) -> Pixels:
    data = opened.recv(timeout=60)
    assert isinstance(data, bytes)
    return seen(data)


def reason(opened: ClientConnection) -> tuple[int, str]:
    """Why it was closed, after all answers that came before."""
    with suppress(ConnectionClosed):
        while True:
            opened.recv(timeout=60)
    return opened.close_code or 0, opened.close_reason or ""


def test_the_first_frame_is_covered_and_a_face_that_goes_missing_stays_covered(service: Service) -> None:
    with socket(service) as opened:
        opened.send(frame())
        assert inner(answer(opened)).std() < 5
        opened.send(encode(EMPTY, PictureFormat.JPEG))
        hidden = answer(opened)
        assert inner(hidden).mean() < 60
        assert np.abs(hidden[:, -20:].astype(int) - EMPTY[:, -20:]).mean() < 6


def test_the_style_changes_while_it_runs_and_a_wrong_one_changes_nothing(service: Service) -> None:
    with socket(service) as opened:
        opened.send(frame())
        assert inner(answer(opened)).max() < 60
        opened.send('{"style": "pixelate"}')
        assert json.loads(opened.recv(timeout=60)) == {"style": ["pixelate"], "hides": True}
        opened.send(frame())
        assert inner(answer(opened)).max() > 100
        for wrong in ('{"style": "none"}', "hello", '["solid"]', '{"style": 4}', '{"solid.\\ud800": "x"}', "{" * 5000):
            opened.send(wrong)
            assert json.loads(opened.recv(timeout=60))["code"] in {"unknown_style", "invalid_field"}
        opened.send(frame())
        assert inner(answer(opened)).max() > 100


def test_the_newest_frame_wins(service: Service) -> None:
    with socket(service) as opened:
        pictures = [encode(crowd(640, 480, [(200, 100, SIDE)]) // 12 * 12, PictureFormat.JPEG) for _ in range(24)]
        last = encode(np.full((480, 640, 3), 250, np.uint8), PictureFormat.JPEG)
        for picture in pictures:
            opened.send(picture)
        opened.send(last)
        answers = [answer(opened)]
        while answers[-1][:40, :40].mean() < 240:
            answers.append(answer(opened))
        assert len(answers) < len(pictures)


@pytest.mark.parametrize("garbage", [b"", b"\xff\xd8\xff", b"GIF89a", bytes(5000), b"<svg onload=alert(1)>"])
def test_garbage_ends_the_connection_with_a_code(service: Service, garbage: bytes) -> None:
    with socket(service) as opened:
        opened.send(garbage)
        code, told = reason(opened)
        assert code == 1008
        assert told in {"empty_image", "broken_image", "unsupported_format"}


def test_limits_of_size_and_rate(service: Service) -> None:
    large = encode(np.zeros((1100, 1000, 3), np.uint8), PictureFormat.PNG)
    with socket(service) as opened:
        opened.send(large)
        assert reason(opened) == (1008, "too_many_pixels")
    with socket(service) as opened:
        opened.send(bytes(LIMITS.max_bytes + 1))
        assert reason(opened)[0] == 1009
    with socket(service) as opened:
        small = encode(crowd(32, 32, []), PictureFormat.JPEG)
        try:
            for _ in range(20 * MOST_A_SECOND):
                opened.send(small)
        except ConnectionClosed:
            pass
        assert reason(opened) == (1008, "live_too_fast")


def test_there_are_only_so_many_connections_and_a_place_is_free_again(service: Service) -> None:
    with socket(service) as first, socket(service) as second:
        for each in (first, second):
            each.send(frame())
            answer(each)
        with socket(service) as third:
            assert reason(third) == (1013, "live_full")
    with socket(service) as again:
        again.send(frame())
        assert inner(answer(again)).max() < 60


def test_a_style_that_is_unknown_from_the_start(service: Service) -> None:
    with socket(service, "?style=none") as opened:
        assert reason(opened) == (1008, "unknown_style")


def test_another_web_page_and_another_name_are_kept_out(service: Service) -> None:
    with pytest.raises(InvalidStatus) as refused, socket(service, origin="https://example.org"):
        pass
    assert refused.value.response.status_code == 403
    with socket(service, origin=service.base_url) as opened:
        opened.send(frame())
        answer(opened)


def test_nothing_of_it_is_logged_but_the_door_and_its_code(service: Service) -> None:
    with socket(service) as opened:
        opened.send(b"GIF89a secret")
        reason(opened)
    lines = [json.loads(line) for line in service.log.read_text().splitlines() if line.startswith("{")]
    told = [line for line in lines if line["event"] == "socket" and line.get("code") == "unsupported_format"]
    assert told
    assert all(line["route"] == "/v1/live" for line in told)
    assert "secret" not in service.log.read_text()


def test_a_frame_that_fails_is_black_and_one_of_another_size_begins_anew(application: Application) -> None:
    class Failing:
        name, title, hides, needs, looks = "failing", "", True, frozenset[str](), dict[str, object]()

        def draw(self, pixels: object, subjects: object) -> Pixels:
            raise RuntimeError(pixels, subjects)

    camera = Live(application.pipeline, [Failing()])  # type: ignore[list-item]
    assert seen(camera(frame(), 0.0)).max() < 10
    camera.wear([style("solid")])
    larger = encode(crowd(640, 480, [(300, 200, SIDE)]), PictureFormat.JPEG)
    shown = seen(camera(larger, 0.1))
    assert inner(shown, 300, 200).max() < 60
    assert shown[40:150, 80:200].mean() > 100  # where the face of the smaller frame was
