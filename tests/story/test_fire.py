"""A bad hour: bodies of every shape, clients that crawl, many connections at once; twice, and memory stays."""

import base64
import json
import os
import socket
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from db.api_keys import Role
from embeddings.image import PictureFormat, encode
from tests.drawn_faces import drawn_face
from tests.story.server import Service, api_key, running_service
from tests.story.test_hostile import GROWTH_MB, resident_mb

LONG: Final = os.environ.get("FACEWARDEN_TEST_LONG") == "1"
BODIES: Final = 2000 if LONG else 200
AT_ONCE: Final = 200 if LONG else 40
SLOW: Final = 40
MARK: Final = "m4rk3d"
SETTINGS: Final = {"FACEWARDEN_EMBEDDER": "onnx", "FACEWARDEN_ATTRIBUTES": "none", "FACEWARDEN_FREE_FAILURES": "10"}
ROUTES: Final = (
    "/v1/login", "/v1/users", "/v1/analyze", "/v1/overlays", "/v1/overlays/faces", "/v1/overlays/films", "/v1/recover",
    "/v1/me/photos", "/v1/me/passphrase", "/v1/admin/unlock", "/v1/admin/api-keys", "/oauth/sign-in", "/oauth/token",
    "/v1/challenges", "/v1/challenges/00000000-0000-4000-8000-000000000000", "/v1/admin/people/find",
    "/oauth/introspect",
)  # fmt: skip
NAMES: Final = (
    "image", "images", "film", "consent", "user_id", "label", "reference", "captured_at", "attributes", "uses", "style",
    "faces", "add", "keep", "except", "only", "seed", "check", "strict", "format", "quality", "codec", "role", "name",
    "expires_days", "recovery_code", "passphrase", "solid.color", "nonce", "purpose", "told", "challenge_id",
)  # fmt: skip
PNG: Final = encode(drawn_face(24), PictureFormat.PNG)
VALUES: Final = st.sampled_from(
    [b"", b"true", b"0", b"-1", b"1e999", b"nan", b"0,0,10,10", b"1e9,1e9,1,1", b"enrolled", b"blur", b"none", b"\x00",
     b"\xff\xfe", MARK.encode(), b"a" * 5000, b"00000000-0000-0000-0000-000000000000", PNG, PNG[:40], b"GIF89a"]
) | st.binary(max_size=60)  # fmt: skip
HEADERS: Final = st.sampled_from(
    [b"", b"\r\nContent-Type: image/png", b"\r\nContent-Transfer-Encoding: base64", b"\r\nContent-Disposition: x",
     b"\r\nX: " + b"a" * 5000, b"\r\n: ", b"\r\nContent-Type: multipart/mixed; boundary=b"]
)  # fmt: skip


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Mostly well-formed: what is not is refused before anything looks at it."""
    parts = []
    for _ in range(draw(st.integers(0, 5))):
        name = draw(st.sampled_from(NAMES).map(str.encode) | st.binary(max_size=8))
        file = draw(st.sampled_from([b"", b'; filename="a.png"', b'; filename=""', b"; filename*=UTF-8''%ff"]))
        head = b'Content-Disposition: form-data; name="' + name + b'"' + file + draw(HEADERS)
        parts.append(b"--b\r\n" + head + b"\r\n\r\n" + draw(VALUES) + b"\r\n")
    whole = b"".join(parts) + draw(st.sampled_from([b"--b--\r\n", b"--b--", b"--b", b"", b"--b--\r\nmore"]))
    return whole[: draw(st.integers(0, len(whole)))] if draw(st.integers(0, 9)) == 0 else whole


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fire") / "home"


@pytest.fixture(scope="module")
def service(home: Path) -> Iterator[Service]:
    with running_service(home, command=(), **SETTINGS) as running:
        yield running


def fine(answer: httpx.Response) -> bool:
    """Answered, refused with a code, or told to come back."""
    if answer.status_code < 400:
        return True
    told = answer.json()
    assert "json" in answer.headers["content-type"]
    return answer.status_code < 500 or (answer.status_code == 503 and told["code"] in {"busy", "jobs_full"})


def send_bodies(service: Service, admin: str, verifier: str, count: int) -> None:
    shown = [None, admin, verifier]
    with httpx.Client(base_url=service.base_url, timeout=60) as client:

        @settings(
            max_examples=count,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(st.sampled_from(ROUTES), bodies(), st.sampled_from(shown))
        def send(route: str, body: bytes, key: str | None) -> None:
            headers = {"Content-Type": "multipart/form-data; boundary=b"}
            if key is not None:
                headers["Authorization"] = f"Bearer {key}"
            answer = client.post(route, content=body, headers=headers)
            assert fine(answer), (route, body, answer.text)

        send()


def crawl(service: Service) -> None:
    """Heads that never end, bodies that stop, sockets that say nothing: others are served all the while."""
    where = urlsplit(service.base_url)
    begun = f"POST /v1/login HTTP/1.1\r\nHost: localhost\r\nX-A: {MARK}".encode()
    whole = begun + b"\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
    with ExitStack() as stack:
        opened = []
        for head in (b"", begun, whole):
            for _ in range(SLOW):
                made = stack.enter_context(socket.create_connection((where.hostname, where.port), timeout=30))
                made.sendall(head)
                opened.append(made)
        for _ in range(4):
            stack.enter_context(connect(f"ws://{where.netloc}/v1/live"))
        for number in range(5):
            for made in opened:
                with suppress(ConnectionError):
                    made.sendall(b"a")
            answer = httpx.post(service.base_url + "/v1/analyze", files={"image": PNG}, timeout=60)
            assert fine(answer), number
            assert answer.status_code != 503
            assert httpx.get(service.base_url + "/readyz", timeout=30).status_code == 200


def storm(service: Service, admin: str, many: int) -> Counter[int]:
    """Connections at once, each with a picture for another route."""
    picture = encode(drawn_face(240), PictureFormat.JPEG)
    encoded = base64.b64encode(picture).decode()
    statuses: Counter[int] = Counter()

    def one(number: int) -> int:
        route = ROUTES[number % 7]
        headers = {"Authorization": f"Bearer {admin}"} if number % 2 else {}
        with httpx.Client(base_url=service.base_url, timeout=240) as client:
            if route.endswith("films"):
                answer = client.post(route, files={"film": picture}, headers=headers)
            elif number % 3:
                answer = client.post(route, files={"image": picture}, headers=headers)
            else:
                answer = client.post(route, json={"image": encoded, "label": MARK}, headers=headers)
        assert fine(answer), answer.text
        return answer.status_code

    with ThreadPoolExecutor(many) as threads:
        statuses.update(threads.map(one, range(many)))
    return statuses


def recovered(service: Service) -> None:
    end = time.monotonic() + 60
    while httpx.post(service.base_url + "/v1/analyze", files={"image": PNG}, timeout=60).status_code == 503:
        assert time.monotonic() < end
        time.sleep(0.2)


@pytest.mark.long
def test_two_rounds_of_everything_break_nothing_tell_nothing_and_leave_nothing(service: Service, home: Path) -> None:
    admin, verifier = api_key(home, Role.ADMIN), api_key(home, Role.VERIFIER)
    resident = []
    for _ in range(2):
        send_bodies(service, admin, verifier, BODIES)
        crawl(service)
        statuses = storm(service, admin, AT_ONCE)
        assert sum(statuses.values()) == AT_ONCE
        assert statuses[200] > 0
        recovered(service)
        resident.append(resident_mb(service))
    assert resident[1] - resident[0] <= GROWTH_MB, resident
    log = service.log.read_text()
    assert "Traceback" not in log
    for told in (MARK, admin, verifier, admin[-20:], base64.b64encode(PNG[:30]).decode()[:40]):
        assert told not in log
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    assert {line["event"] for line in lines} <= {"request", "socket", "library"}
    failed = [line for line in lines if line.get("level") == "error" and line.get("status") != 503]
    assert failed == []


@pytest.mark.skipif(not LONG, reason="waits for half a minute")
def test_a_socket_that_sends_nothing_is_told_why_it_ends(service: Service) -> None:
    where = urlsplit(service.base_url)
    with connect(f"ws://{where.netloc}/v1/live") as opened, pytest.raises(ConnectionClosed) as ended:
        opened.recv(timeout=90)
    assert ended.value.rcvd is not None
    assert ended.value.rcvd.reason == "live_idle"
