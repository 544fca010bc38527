"""The whole story with marked people: what is marked comes out nowhere but where it belongs."""

import base64
import json
import os
import sqlite3
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import httpx
import numpy as np
import pytest
from typer.testing import CliRunner

from db.api_keys import Role
from service.cli.main import application as command_line
from tests.markers import SPELLINGS, Marker, spellings
from tests.portraits import portraits
from tests.story.server import api_key, running_service

REFERENCE: Final = "Mérkéd-Räference-5Bd8"
OVERSEEN: Final = "answers about people"
LABEL: Final = "Mérkéd-Läbel-☃-7Q2x"
FILE_NAME: Final = "marked-file-name-91Xc.jpg"
PASSPHRASE: Final = "marked päss phrase 4Kd8"
NEW_PASSPHRASE: Final = "marked next phrase 8Wm2"
WRONG_PASSPHRASE: Final = "marked wrong phrase 5Tz3"
WRONG_CODE: Final = "MARKD-WRONG-CODE0-AAAAA-BBBBB-CCCCC"
COMMENT: Final = b"marked-comment-in-the-picture-3Vn6"
HEADER: Final = "marked-header-2Lp5"
NONSENSE: Final = "marked-nonsense-0Hs4"
NOISE: Final = np.random.default_rng(20260301).integers(0, 256, (24, 24, 3), np.uint8)
LIGHT: Final = {
    "FACEWARDEN_EMBEDDER": "onnx",
    "FACEWARDEN_ALLOW_DUPLICATES": "true",
    "FACEWARDEN_LOG_LEVEL": "debug",
}
KEY_FOR: Final = {
    "/v1/users": Role.ENROLLER,
    "/v1/login": Role.VERIFIER,
    "/v1/recover": Role.VERIFIER,
    "/v1/analyze": Role.VERIFIER,
}
"""Which key opens what is not an admin's."""
KEY_PREFIX: Final = "fw_12345678_"
REFUSED: Final = 4
"""For any status between 400 and 499."""
DATABASES: Final = ("facewarden.db", "keys.db")


@dataclass(frozen=True)
class Story:
    """What came out, by place, and what was put in."""

    places: dict[str, bytes]
    markers: list[Marker]


def marked_png() -> bytes:
    """A portrait with a patch of noise, without loss, and a text chunk."""
    picture = cv2.imread(str(portraits().obama))
    assert picture is not None
    picture[:24, :24] = NOISE
    encoded = cv2.imencode(".png", picture)[1].tobytes()
    content = b"Comment\0" + COMMENT
    chunk = b"tEXt" + content
    whole = struct.pack(">I", len(content)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return encoded[:33] + whole + encoded[33:]  # behind the header chunk


def marked_jpeg(path: Path) -> bytes:
    content = path.read_bytes()
    return content[:2] + b"\xff\xfe" + struct.pack(">H", len(COMMENT) + 2) + COMMENT + content[2:]


class Marked:
    """A client whose every word is marked; keeps what the service says of errors and to operators."""

    def __init__(self, base_url: str, keys: Mapping[Role, str]) -> None:
        self.keys = keys
        self._http = httpx.Client(base_url=base_url, timeout=60, headers={"User-Agent": HEADER, "Referer": HEADER})
        self.errors: list[bytes] = []
        self.admin: list[bytes] = []
        self.overseen: list[bytes] = []
        self.tokens: list[str] = []
        self.made = ""

    def __enter__(self) -> "Marked":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def send(self, method: str, path: str, status: int, *, token: str | None = None, **how: Any) -> Any:
        shown = self.keys[KEY_FOR.get(path, Role.ADMIN)] if token is None else token
        headers = {"Authorization": f"Bearer {shown}", **how.pop("headers", {})}
        answer = self._http.request(method, path, headers=headers, **how)
        assert answer.status_code // (1 if status > REFUSED else 100) == status, (path, answer.text)
        seen = b"\n".join([str(dict(answer.headers)).encode(), answer.content])
        if path.startswith("/v1/admin/people"):
            self.overseen.append(seen)
        elif path.startswith(("/v1/admin", "/metrics")):
            self.admin.append(seen)
        if answer.status_code >= 400:
            self.errors.append(seen)
            return None
        return json.loads(answer.content) if answer.content.startswith(b"{") else answer.content

    def pictured(self, path: str, status: int, picture: bytes, **data: str) -> Any:
        return self.send("POST", path, status, files={"image": (FILE_NAME, picture)}, data=data)

    def login(self, picture: bytes, **data: str) -> str:
        token = str(self.pictured("/v1/login", 200, picture, **data)["token"])
        self.tokens.append(token)
        return token


def ordinary(client: Marked) -> tuple[list[str], list[str], list[Marker]]:
    """What people do; their IDs, their recovery codes and their vectors."""
    png, jpeg = marked_png(), marked_jpeg(portraits().biden)
    agreed = {"consent": "true", "uses": "login,attributes,overlays"}
    one = client.pictured("/v1/users", 201, png, label=LABEL, passphrase=PASSPHRASE, reference=REFERENCE, **agreed)
    encoded = base64.b64encode(jpeg).decode()
    other = client.send("POST", "/v1/users", 201, json={"image": encoded, "consent": True, "label": LABEL})
    token = client.login(png, user_id=one["user_id"], passphrase=PASSPHRASE)
    client.pictured("/v1/login", 401, png, user_id=one["user_id"], passphrase=WRONG_PASSPHRASE)
    client.pictured("/v1/login", 401, jpeg, user_id=one["user_id"])
    assert client.send("GET", "/v1/me", 200, token=token)["metadata"] == {"label": LABEL, "reference": REFERENCE}
    exports = [client.send("GET", "/v1/me/export", 200, token=token)]
    client.send("DELETE", "/v1/me/consent/attributes", 200, token=token)
    client.send("POST", "/v1/me/passphrase", 204, token=token, json={"passphrase": NEW_PASSPHRASE})
    code = client.send("POST", "/v1/me/recovery-code", 200, token=token)["recovery_code"]
    wrong = {"user_id": one["user_id"], "recovery_code": WRONG_CODE}
    client.send("POST", "/v1/recover", 401, json=wrong)
    again = client.send("POST", "/v1/recover", 200, json=wrong | {"recovery_code": code})
    client.tokens.append(again["token"])
    client.pictured("/v1/analyze", 200, png)
    client.pictured("/v1/overlays", 200, png, style="blur")
    leaving = client.login(jpeg)
    exports.append(client.send("GET", "/v1/me/export", 200, token=leaving))
    client.send("DELETE", "/v1/me", 200, token=leaving)
    codes = [one["recovery_code"], other["recovery_code"], code, again["recovery_code"]]
    return [one["user_id"], other["user_id"]], codes, [_vector(each) for each in exports]


def _vector(export: dict[str, Any]) -> Marker:
    (template,) = export["templates"]
    return Marker.vector("vector", np.frombuffer(base64.b64decode(template["vector"]), "<f4"))


def mistakes(client: Marked, user_id: str) -> None:
    """Requests that are refused, with what is marked wherever it could be repeated."""
    png = marked_png()
    enrol = {"consent": "true", "label": LABEL}
    client.pictured("/v1/users", REFUSED, png, label=LABEL)
    client.pictured("/v1/users", REFUSED, png, **enrol, reference=REFERENCE)
    client.pictured("/v1/users", REFUSED, png, **enrol, captured_at=NONSENSE)
    client.pictured("/v1/users", REFUSED, png, **enrol, passphrase="4Kd8")
    client.pictured("/v1/users", REFUSED, png, **enrol, uses=NONSENSE)
    client.pictured("/v1/users", REFUSED, png[:2000], **enrol)
    client.pictured("/v1/login", REFUSED, png, user_id=NONSENSE)
    client.pictured("/v1/overlays", REFUSED, png, style=NONSENSE)
    client.send("POST", "/v1/users", REFUSED, json={"image": LABEL, "consent": True})
    client.send(
        "POST",
        "/v1/users",
        REFUSED,
        content=b'{"label": "' + LABEL.encode(),
        headers={"Content-Type": "application/json"},
    )
    client.send("POST", "/v1/recover", REFUSED, json={"user_id": user_id, "recovery_code": [PASSPHRASE]})
    client.send("GET", f"/v1/{NONSENSE}", REFUSED)
    client.send("GET", f"/{LABEL}", REFUSED)
    client.send("PUT", f"/v1/users?label={LABEL}", REFUSED)
    client.send("GET", "/v1/me", REFUSED, token=NONSENSE)
    client.send("DELETE", f"/v1/me/consent/{NONSENSE}", REFUSED)
    client.send("GET", f"/v1/admin/audit?user_id={NONSENSE}", REFUSED)


def operator(client: Marked, user_id: str) -> None:
    log = "audit?limit=1000", "audit?newest=true", f"audit?user_id={user_id}", "audit/state"
    for path in ("stats?span=day", *log, "settings", "models", "key", "performance", "people", f"people/{user_id}"):
        client.send("GET", f"/v1/admin/{path}", 200)
    client.send("POST", "/v1/admin/people/find", 200, json={"reference": REFERENCE})
    client.send("POST", "/v1/admin/people/find", REFUSED, json={"reference": LABEL})
    client.send("POST", "/v1/admin/people/erase", 200, json={"user_id": user_id, "preview": True})
    client.send("POST", "/v1/admin/people/erase", REFUSED, json={"user_id": user_id, "confirm": NONSENSE})
    client.send("POST", "/v1/admin/unlock", 200, json={"user_id": user_id})
    made = client.send("POST", "/v1/admin/api-keys", 201, json={"role": "auditor", "name": "marked"})
    client.made = made["key"]
    client.send("GET", "/v1/admin/stats", 200, token=made["key"])
    client.send("GET", "/v1/admin/api-keys", 200)
    client.send("DELETE", f"/v1/admin/api-keys/{made['prefix']}", 204)
    client.send("GET", "/v1/admin/stats", 401, token=made["key"])
    client.send("DELETE", f"/v1/admin/api-keys/{made['key']}", REFUSED)
    client.send("GET", f"/v1/admin/api-keys/{client.keys[Role.ADMIN]}", REFUSED)
    client.send("GET", "/metrics", 200)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    home = tmp_path_factory.mktemp("leaks") / "home"
    with running_service(home, command=(), **LIGHT) as service:
        with Marked(service.base_url, {role: api_key(home, role) for role in Role}) as client:
            user_ids, codes, vectors = ordinary(client)
            mistakes(client, user_ids[0])
            operator(client, user_ids[0])
        running = {path.name: path.read_bytes() for path in home.iterdir()}
    places = {f"{name} while it ran": content for name, content in running.items()}
    places |= {path.name: path.read_bytes() for path in home.iterdir()}
    places |= {
        "log and standard error": service.log.read_bytes(),
        "errors": b"\n".join(client.errors),
        "answers to operators": b"\n".join(client.admin),
        OVERSEEN: b"\n".join(client.overseen),
        "audit export": exported(home),
    }
    keys = [Marker.text("API key", key[len(KEY_PREFIX) :]) for key in client.keys.values()]
    keys.append(Marker.text("new API key", client.made[len(KEY_PREFIX) :], "answers to operators"))
    return Story(places, marked(home, user_ids, codes, client.tokens) + vectors + keys)


def exported(home: Path) -> bytes:
    """What `facewarden audit export` writes and prints."""
    file = home.parent / "audit.jsonl"
    unset = {name: None for name in os.environ if name.startswith("FACEWARDEN_")}
    done = CliRunner().invoke(command_line, ["audit", "export", str(file)], env=unset | {"FACEWARDEN_HOME": str(home)})
    assert done.exit_code == 0, done.output
    return file.read_bytes() + done.output.encode()


def marked(home: Path, user_ids: list[str], codes: list[str], tokens: list[str]) -> list[Marker]:
    ends = [end + when for end in ("", "-wal", "-shm") for when in ("", " while it ran")]
    files = [name + end for name in DATABASES for end in ends]
    texts = {
        "label": LABEL,
        "reference": REFERENCE,
        "file name": FILE_NAME,
        "passphrase": PASSPHRASE,
        "next passphrase": NEW_PASSPHRASE,
        "wrong passphrase": WRONG_PASSPHRASE,
        "wrong code": WRONG_CODE,
        "header": HEADER,
        "nonsense": NONSENSE,
    }
    made = [Marker.text(name, text) for name, text in texts.items()]
    made += [Marker.text("recovery code", code) for code in codes]
    made += [Marker.text("recovery code without dashes", code.replace("-", "")) for code in codes]
    made += [Marker.text("token", part) for token in tokens for part in token.split(".")[1:]]
    for user_id in user_ids:
        # The files must say whose a record is, and admins are told who is enrolled; nothing else does.
        made.append(
            Marker("user ID", [user_id.encode(), user_id.replace("-", "").encode()], frozenset([*files, OVERSEEN]))
        )
    png = marked_png()
    pixels = [NOISE[row, start : start + 8].tobytes() for row in range(24) for start in (0, 8, 16)]
    pixels += [NOISE[row, start : start + 8, ::-1].tobytes() for row in range(24) for start in (0, 8, 16)]
    made += [
        Marker("picture's comment", [COMMENT]),
        Marker("pixels", pixels),
        Marker("picture file", [png[start : start + 24] for start in range(2000, len(png) - 24, len(png) // 40)]),
    ]
    key = (home / "master.key").read_bytes().strip()
    kept = frozenset({"master.key", "master.key while it ran"})
    return [*made, Marker("master key", [key, base64.b64decode(key)], kept)]


def test_nothing_marked_is_anywhere_it_does_not_belong(story: Story) -> None:
    leaks = {
        (marker.name, place): found
        for marker in story.markers
        for place, content in story.places.items()
        if place not in marker.allowed and (found := marker.found(content))
    }
    assert leaks == {}


@pytest.mark.files
def test_the_story_left_something_in_every_place(story: Story) -> None:
    assert {name for name in story.places if name.startswith("facewarden.db")} >= {"facewarden.db"}
    assert all(content for name, content in story.places.items() if not name.endswith(("-wal", "-shm")))
    log = story.places["log and standard error"].splitlines()
    lines = [json.loads(line) for line in log if line.startswith(b"{")]
    assert len([line for line in lines if line["event"] == "request"]) > 30
    assert {"invalid_field", "not_recognised", "token_invalid"} <= {line.get("code") for line in lines}
    found = {marker.name for marker in story.markers for place in marker.allowed if place in story.places}
    assert found == {"user ID", "master key", "new API key"}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_search_would_find_each_marker(story: Story, tmp_path: Path, spelling: str) -> None:
    """Each is put into a database, as text and as bytes, and between other words into a log, in this spelling."""
    sought = 0
    for marker in story.markers:
        spelt = [each for name, each in spellings(marker.pieces[0]) if name == spelling]
        for number, each in enumerate(spelt):
            sought += 1
            surrounded = b'{"event": "x", "value": "' + each + b'"}'
            assert spelling in marker.found(surrounded)
            path = tmp_path / f"{sought}-{number}.db"
            with sqlite3.connect(path) as database:
                database.execute("CREATE TABLE leak (id INTEGER, told BLOB)")
                database.execute("INSERT INTO leak VALUES (1, ?)", (b"before" + each + b"behind",))
            database.close()
            assert spelling in marker.found(path.read_bytes())
    assert sought >= len(story.markers) - 40
    assert sought > 10


def test_the_search_would_find_what_is_encoded_in_the_middle_of_something_else(story: Story) -> None:
    for marker in story.markers:
        for before in (b"", b"a", b"ab", b"abc"):
            told = base64.b64encode(before + marker.pieces[0] + b" and more")
            assert marker.found(told), marker.name
            assert marker.found((before + marker.pieces[0]).hex().encode())


@pytest.mark.files
def test_the_database_really_holds_who_it_is_about(story: Story) -> None:
    there = [marker for marker in story.markers if marker.name == "user ID"]
    assert there[0].found(story.places["facewarden.db"])
    assert not there[1].found(story.places["facewarden.db"]), "erased"
    assert not there[1].found(story.places["keys.db"]), "erased"
