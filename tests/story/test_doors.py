"""The guards around the real service, over real connections."""

import base64
import json
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.drawn_faces import drawn_face
from tests.story.server import Service, running_service

MIB = 2**20
MARK = "m4rk3d"
LOGIN = ("POST /v1/login", "Host: localhost", "Content-Type: application/json")
ROUTES = [
    ("GET", "/"), ("GET", "/web/app.js"), ("GET", "/openapi.json"), ("GET", "/healthz"), ("GET", "/readyz"),
    ("POST", "/v1/users"), ("POST", "/v1/login"), ("GET", "/v1/me"), ("DELETE", "/v1/me"), ("POST", "/v1/analyze"),
    ("POST", "/v1/overlays"), ("GET", "/no/such/address"),
]  # fmt: skip
everywhere = pytest.mark.parametrize(("method", "path"), ROUTES)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service(tmp_path_factory.mktemp("doors") / "home") as running:
        yield running


@pytest.fixture
def client(service: Service) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service.base_url, timeout=30) as client:
        yield client


def head(line: str, *headers: str) -> bytes:
    return "\r\n".join([f"{line} HTTP/1.1", *headers, "", ""]).encode()


def talk(service: Service, request: bytes, *, then: bytes = b"", times: int = 1) -> bytes:
    """Sends raw bytes and returns everything that comes back until the other side closes or falls silent."""
    where = urlsplit(service.base_url)
    answer = b""
    with socket.create_connection((where.hostname, where.port), timeout=30) as connection:
        try:
            connection.sendall(request)
            for _ in range(times if then else 0):
                connection.sendall(then)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the service has answered and hung up
        try:
            while b"\r\n\r\n" not in answer and (piece := connection.recv(65536)):
                answer += piece
        except ConnectionResetError:
            pass
    return answer


@everywhere
def test_a_rebound_name_meets_a_closed_door(client: httpx.Client, method: str, path: str) -> None:
    answer = client.request(method, path, headers={"Host": "rebound.example"})
    assert answer.status_code == 421
    assert answer.json()["code"] == "forbidden_host"


@everywhere
def test_another_web_page_meets_a_closed_door(client: httpx.Client, method: str, path: str) -> None:
    for told in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = client.request(method, path, headers=told)
        assert answer.status_code == 403
        assert answer.json()["code"] == "forbidden_origin"
        assert not [name for name in answer.headers if name.startswith("access-control")]


@everywhere
def test_every_answer_is_marked(client: httpx.Client, method: str, path: str) -> None:
    for told in ({}, {"Host": "rebound.example"}):
        answer = client.request(method, path, headers=told)
        assert answer.status_code < 500
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-request-id"]
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize("path", ["/", "/v1/live"])
def test_a_socket_from_another_page_is_refused(service: Service, path: str) -> None:
    upgrade = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
    key = f"Sec-WebSocket-Key: {base64.b64encode(bytes(16)).decode()}"
    answer = talk(service, head(f"GET {path}", "Host: 127.0.0.1", "Origin: https://evil.example", *upgrade, key))
    assert answer.startswith(b"HTTP/1.1 403 ")


def test_a_request_without_host_or_with_two_is_refused(service: Service) -> None:
    for hosts in ((), ("Host: 127.0.0.1", "Host: 127.0.0.1")):
        status = talk(service, head("GET /", *hosts)).split(b" ")[1]
        assert status in {b"400", b"421"}


def test_too_much_is_refused_declared_or_not(service: Service, client: httpx.Client) -> None:
    declared = head(*LOGIN, "Content-Length: 99999999")
    assert talk(service, declared).startswith(b"HTTP/1.1 413 ")
    start = head(*LOGIN, "Transfer-Encoding: chunked")
    answer = talk(service, start, then=f"{MIB:x}\r\n".encode() + b" " * MIB + b"\r\n", times=40)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 413 ")  # a reset may overtake the answer
    assert client.get("/readyz").status_code == 200
    assert "request_too_large" in service.log.read_text()


def test_clients_that_go_away_leave_nothing_behind(service: Service, client: httpx.Client) -> None:
    where = urlsplit(service.base_url)
    begun = head(*LOGIN, "Content-Length: 1000") + b"{"
    for _ in range(40):  # more than there are workers and places in the queue
        with socket.create_connection((where.hostname, where.port), timeout=30) as connection:
            connection.sendall(begun)
    assert client.post("/v1/login", json={"image": ""}).json()["code"] == "empty_image"


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux process limits")
def test_the_service_cannot_leave_a_core_file(service: Service) -> None:
    limits = Path(f"/proc/{service.process.pid}/limits").read_text()
    line = next(line for line in limits.splitlines() if line.startswith("Max core file size"))
    assert line.split()[4:6] == ["0", "0"]


def test_the_log_holds_nothing_that_was_sent(service: Service, client: httpx.Client) -> None:
    import cv2

    picture = cv2.imencode(".jpg", drawn_face(200))[1].tobytes()
    told = {"Authorization": f"Bearer {MARK}", "User-Agent": MARK, "X-Request-Id": MARK}
    client.post(
        "/v1/users", files={"image": (f"{MARK}.jpg", picture)}, data={"consent": MARK, "label": MARK}, headers=told
    )
    client.post("/v1/login", json={"image": base64.b64encode(picture).decode(), "user_id": MARK}, headers=told)
    told_without_key = {name: value for name, value in told.items() if name != "Authorization"}
    wrong = {"image": base64.b64encode(picture).decode(), "user_id": MARK}
    client.post("/v1/login", json=wrong, headers=told_without_key)
    client.post("/v1/overlays", files={"image": picture}, data={"style": MARK}, headers=told)
    client.get(f"/{MARK}?{MARK}={MARK}", headers=told)
    client.get("/v1/me", headers=told)
    client.request(MARK.upper(), "/", headers=told)
    written = service.log.read_text()
    assert MARK not in written.lower()
    lines = [line for line in written.splitlines() if line != f"facewarden: {service.base_url}/"]
    assert [line for line in lines if "127.0.0.1:" in line] == []
    requests = [json.loads(line) for line in lines if '"event": "request"' in line]
    assert {"invalid_field", "token_invalid", "not_found"} <= {line.get("code") for line in requests}
