"""The hostile uploads at every other door that takes a picture, a film or a frame, and at those that take none."""

import base64
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from db.api_keys import Role
from service.databases import open_storage
from service.settings import Settings
from service.workflows.clients import ClientRegistry
from tests.damaged_films import damaged
from tests.service.api_keys import keys_in
from tests.story.server import Service, running_service
from tests.story.test_hostile import FACE, FILES, GROWTH_MB, NO_FACE, SEVERAL_FACES, hostile, outcome, resident_mb

__all__ = ["hostile"]

LONG: Final = os.environ.get("FACEWARDEN_TEST_LONG") == "1"
EVERY: Final = 1 if LONG else 10
"""Each door gets every tenth file, from another one on; all of them with --long."""
SETTINGS: Final = {
    "FACEWARDEN_EMBEDDER": "onnx",
    "FACEWARDEN_ATTRIBUTES": "none",
    "FACEWARDEN_ALLOW_DUPLICATES": "true",
    "FACEWARDEN_CHALLENGE_AT_ONCE": "true",
}
PICTURES: Final = frozenset({FACE, NO_FACE, SEVERAL_FACES})
"""Files that can be read."""
ENROLLED: Final = "exif_gps_orientation_1.jpg"
BACK: Final = "https://app.example/back"
WITHOUT_PICTURES: Final = (
    "/v1/recover", "/v1/me/passphrase", "/v1/admin/unlock", "/v1/admin/api-keys", "/v1/admin/people/find",
    "/v1/admin/people/erase", "/v1/challenges", "/oauth/token", "/oauth/introspect",
)  # fmt: skip


@dataclass(frozen=True)
class Doors:
    """`user_id` and `person`: of somebody enrolled, and their token; `sign_in`: an application's request for them."""

    service: Service
    client: httpx.Client
    keys: dict[Role, str]
    user_id: str
    person: str
    sign_in: str

    def post(self, path: str, part: str, data: bytes, bearer: str | None = None, **fields: Any) -> httpx.Response:
        headers = {} if bearer is None else {"Authorization": f"Bearer {bearer}"}
        return self.client.post(path, files={part: ("a.jpg", data)}, data=fields, headers=headers)

    def line(self, path: str, bearer: str | None = None) -> Any:
        headers = {} if bearer is None else {"Authorization": f"Bearer {bearer}"}
        return connect(self.service.base_url.replace("http", "ws", 1) + path, additional_headers=headers)

    def challenge(self, **how: str) -> tuple[str, str]:
        headers = {"Authorization": f"Bearer {self.keys[Role.VERIFIER]}"}
        told = self.client.post("/v1/challenges", json={"purpose": "login", **how}, headers=headers).json()
        return f"/v1/challenges/{told['challenge_id']}", told["nonce"]


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory, hostile: Path) -> Iterator[Doors]:
    home = tmp_path_factory.mktemp("doors") / "home"
    with (
        running_service(home, command=(), **SETTINGS) as service,
        httpx.Client(base_url=service.base_url, timeout=120) as client,
    ):
        with closing(open_storage(Settings(home=home))) as storage:
            keys = keys_in(storage)
            application = ClientRegistry(storage).add("An application", [BACK], public=True)
        face = {"image": ("a.jpg", (hostile / ENROLLED).read_bytes())}
        user_id = client.post("/v1/users", files=face, data={"consent": "true"}).json()["user_id"]
        person = client.post("/v1/login", files=face).json()["token"]
        challenge = base64.urlsafe_b64encode(hashlib.sha256(b"v" * 43).digest()).rstrip(b"=").decode()
        query = urlencode(
            {
                "client_id": application.client_id,
                "redirect_uri": BACK,
                "response_type": "code",
                "scope": "openid",
                "code_challenge": challenge,
                "code_challenge_method": "S256",
            }
        )
        yield Doors(service, client, keys, user_id, person, f"/oauth/sign-in?{query}")


Send = Callable[[Doors, bytes], str]
"""Gives what came of it."""


def faces(doors: Doors, data: bytes) -> str:
    return outcome(doors.post("/v1/overlays/faces", "image", data))


def hidden(doors: Doors, data: bytes) -> str:
    return outcome(doors.post("/v1/overlays", "image", data, style="blur"))


def film(doors: Doors, data: bytes) -> str:
    begun = doors.post("/v1/overlays/films", "film", data, style="solid")
    if begun.status_code != 202:
        return outcome(begun)
    told = begun.json()
    path, secret = f"/v1/overlays/films/{told['id']}", {"X-Job-Secret": told["secret"]}
    while (now := doors.client.get(path, headers=secret).json())["state"] in {"waiting", "working"}:
        time.sleep(0.02)
    taken = outcome(doors.client.get(f"{path}/film", headers=secret))
    doors.client.delete(path, headers=secret)
    assert (now["state"] == "done") == (taken == "accepted")
    return taken


def own_photo(doors: Doors, data: bytes) -> str:
    return outcome(doors.post("/v1/me/photos", "image", data, doors.person))


def reception(doors: Doors, data: bytes) -> str:
    return outcome(doors.post("/v1/users", "image", data, doors.keys[Role.ENROLLER], consent="true"))


def operator(doors: Doors, data: bytes) -> str:
    return outcome(doors.post("/v1/users", "image", data, doors.keys[Role.ADMIN], consent="true"))


def sign_in(doors: Doors, data: bytes) -> str:
    return outcome(doors.post(doors.sign_in, "image", data, user_id=doors.user_id))


def posted_challenge(doors: Doors, data: bytes) -> str:
    path, nonce = doors.challenge(told="at_once")
    answer = doors.client.post(
        path,
        files=[("image", ("a.jpg", data))] * 2,
        data={"nonce": nonce, "captured_at": ["0", "100"]},
        headers={"Authorization": f"Bearer {doors.keys[Role.VERIFIER]}"},
    )
    return str(answer.json()["code"]) if answer.status_code == 200 else outcome(answer)


def challenge_socket(doors: Doors, data: bytes) -> str:
    path, nonce = doors.challenge()
    with doors.line(path, doors.keys[Role.VERIFIER]) as socket:
        socket.send(json.dumps({"nonce": nonce}))
        assert json.loads(socket.recv(60))["phase"] == "settling"
        socket.send(json.dumps({"at": 0}))
        socket.send(data)
        told = json.loads(socket.recv(60))
        return str(told.get("code") or told.get("problem", {}).get("code") or told["phase"])


def live_socket(doors: Doors, data: bytes) -> str:
    with doors.line("/v1/live?style=solid") as socket:
        socket.send(data)
        try:
            answer = socket.recv(60)
        except ConnectionClosed as ended:
            return "" if ended.rcvd is None else ended.rcvd.reason
    return "accepted" if answer[:2] == b"\xff\xd8" else "no picture"


ACCEPTED: Final = frozenset({"accepted"})
NO_FILM: Final = frozenset({"unsupported_film"})
CONNECTION: Final = frozenset({"connection"})
DOORS: Final[dict[str, tuple[Send, dict[str, frozenset[str]]]]] = {
    "/v1/overlays/faces": (faces, dict.fromkeys(PICTURES, ACCEPTED)),
    "/v1/overlays": (hidden, dict.fromkeys(PICTURES, ACCEPTED)),
    "/v1/overlays/films": (film, dict.fromkeys(FILES.values(), NO_FILM)),
    "/v1/me/photos": (own_photo, {FACE: frozenset({"accepted", "same_moment"})}),
    "/v1/users of a reception": (reception, {FACE: ACCEPTED}),
    "/v1/users of an operator": (operator, {FACE: ACCEPTED}),
    "/oauth/sign-in": (sign_in, {FACE: ACCEPTED}),
    "/v1/challenges/{id}": (posted_challenge, dict.fromkeys(FILES.values(), CONNECTION)),
    "/v1/challenges/{id} live": (
        challenge_socket,
        dict.fromkeys(FILES.values(), CONNECTION) | dict.fromkeys(PICTURES, frozenset({"settling"})),
    ),
    "/v1/live": (
        live_socket,
        {FACE: ACCEPTED, NO_FACE: ACCEPTED, SEVERAL_FACES: frozenset({"too_many_pixels"})},
    ),
}
"""For each what sends to it, and what comes of which kind of file: where it is not said, the code of that kind."""


@pytest.mark.long
@pytest.mark.parametrize("door", DOORS)
def test_every_file_gets_its_answer_and_memory_stays(door: str, doors: Doors, hostile: Path) -> None:
    send, told = DOORS[door]
    first = list(DOORS).index(door) if EVERY > 1 else 0
    names = sorted(FILES)[first::EVERY]
    resident, wrong = [], {}
    for _ in range(2):
        for name in names:
            got = send(doors, (hostile / name).read_bytes())
            if got not in told.get(FILES[name], {FILES[name]}):
                wrong[name] = got
        resident.append(resident_mb(doors.service))
    assert wrong == {}
    assert resident[1] - resident[0] <= GROWTH_MB
    log = doors.service.log.read_text()
    assert "Traceback" not in log
    assert '"level": "error"' not in log


@pytest.mark.long
def test_damaged_films_are_refused_or_hidden_and_memory_stays(doors: Doors) -> None:
    resident, ends = [], set[str]()
    for _ in range(2):
        ends |= {film(doors, data) for data in damaged(120 // EVERY)}
        resident.append(resident_mb(doors.service))
    assert ends <= {"accepted", "broken_film", "unsupported_film", "film_too_large"}
    assert ends >= {"accepted", "broken_film"}
    assert resident[1] - resident[0] <= GROWTH_MB
    assert "Traceback" not in doors.service.log.read_text()


@pytest.mark.long
def test_doors_that_take_no_picture_refuse_one_whoever_sends_it(doors: Doors, hostile: Path) -> None:
    bearers = (None, doors.person, *doors.keys.values())
    for number, name in enumerate(sorted(FILES)[::EVERY]):
        data = (hostile / name).read_bytes()
        for place, path in enumerate(WITHOUT_PICTURES):
            for bearer in bearers if EVERY == 1 else (bearers[(number + place) % len(bearers)],):
                assert refused(doors.post(path, "image", data, bearer)), (path, name)


def refused(answer: httpx.Response) -> bool:
    """As a problem, or as an error of OAuth's."""
    told = answer.json()
    return 400 <= answer.status_code < 500 and bool(told.get("code") or told.get("error"))
