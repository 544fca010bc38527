"""The socket of challenges on a real service: who keeps to nothing gets a refusal, and nothing else suffers."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from websockets.sync.client import ClientConnection, connect

from tests.story.server import Service, running_service

NO_PICTURE = b"\xff\xd8 no picture"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    home = tmp_path_factory.mktemp("socket") / "home"
    with running_service(home, FACEWARDEN_CHALLENGE_AT_ONCE="true") as running:
        yield running


def asked(service: Service, **members: str) -> dict[str, Any]:
    body = {"purpose": "login", **members}
    opened: dict[str, Any] = httpx.post(f"{service.base_url}/v1/challenges", json=body, timeout=60).json()
    return opened


def line(service: Service, opened: dict[str, Any]) -> ClientConnection:
    return connect(f"{service.base_url.replace('http', 'ws', 1)}/v1/challenges/{opened['challenge_id']}")


@pytest.mark.parametrize(
    "said", ["", "[]", "{}", '{"nonce": 5}', "[" * 190, b"\x00", '{"nonce": "%s", "purpose": "entry"}', "x" * 5000]
)
def test_what_is_no_greeting_is_refused(service: Service, said: str | bytes) -> None:
    opened = asked(service)
    with line(service, opened) as socket:
        socket.send(said % opened["nonce"] if isinstance(said, str) and "%s" in said else said)
        assert json.loads(socket.recv(30))["problem"]["code"] == "malformed_body"


def test_a_frame_that_is_none_ends_the_challenge_and_it_cannot_be_begun_again(service: Service) -> None:
    opened = asked(service)
    with line(service, opened) as socket:
        socket.send(json.dumps({"nonce": opened["nonce"]}))
        assert json.loads(socket.recv(30)) == {"phase": "settling", "done": 0, "of": 3}
        socket.send(json.dumps({"at": 0}))
        socket.send(NO_PICTURE)
        assert json.loads(socket.recv(30))["code"] == "connection"
    with line(service, opened) as socket:
        socket.send(json.dumps({"nonce": opened["nonce"]}))
        assert json.loads(socket.recv(30))["problem"]["code"] == "challenge_invalid"
    assert opened["nonce"] not in service.log.read_text()


def test_all_at_once_where_it_is_allowed(service: Service) -> None:
    opened = asked(service, told="at_once")
    assert len(set(opened["steps"])) == 3
    where = f"{service.base_url}/v1/challenges/{opened['challenge_id']}"
    with line(service, opened) as socket:  # told at once, it is not answered step by step
        socket.send(json.dumps({"nonce": opened["nonce"]}))
        assert json.loads(socket.recv(30))["problem"]["code"] == "challenge_invalid"
    frames = [("image", NO_PICTURE)] * 2
    fields = {"nonce": opened["nonce"], "captured_at": ["0", "100"]}
    assert httpx.post(where, files=frames, data=fields, timeout=60).json() == {"phase": "failed", "code": "connection"}
    assert httpx.post(where, files=frames, data=fields, timeout=60).json()["code"] == "challenge_invalid"
