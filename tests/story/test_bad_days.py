"""Bad days of a whole service: a full disk, a locked database, damaged records, a folder that may only be read."""

import io
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from uuid import UUID

import httpx
import pytest
from typer.testing import CliRunner

from db.errors import RecordUnreadable, StorageUnavailable
from service.bootstrap import Application, build
from service.cli.main import application as command_line
from service.databases import open_storage
from service.errors import NotRecognised, UnsafeSettings
from service.logs import JsonLines, configure_logging
from service.settings import Settings
from service.workflows.enrol import Enrolled, EnrolRequest
from service.workflows.login import LoginRequest
from service.workflows.people import By
from tests.db.damage import REGIONS, flip, raw
from tests.portraits import portraits
from tests.story.disks import filled, make_read_only, small_disk
from tests.story.server import Service, running_service

LIGHT: Final = {
    "FACEWARDEN_EMBEDDER": "onnx",
    "FACEWARDEN_ATTRIBUTES": "none",
    "FACEWARDEN_ALLOW_DUPLICATES": "true",
    "FACEWARDEN_FREE_FAILURES": "10",
}


class Caller:
    """What a client does with one portrait."""

    def __init__(self, service: Service) -> None:
        self._client = httpx.Client(base_url=service.base_url, timeout=60)
        self._files = {"image": ("face.jpg", portraits().obama.read_bytes(), "image/jpeg")}

    def __enter__(self) -> "Caller":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def enrol(self) -> httpx.Response:
        return self._client.post("/v1/users", files=self._files, data={"consent": "true"})

    def login(self, user_id: str) -> httpx.Response:
        return self._client.post("/v1/login", files=self._files, data={"user_id": user_id})

    def analyze(self) -> httpx.Response:
        return self._client.post("/v1/analyze", files=self._files)

    def me(self, token: str, method: str = "GET") -> httpx.Response:
        return self._client.request(method, "/v1/me", headers={"Authorization": f"Bearer {token}"})

    def ready(self) -> httpx.Response:
        return self._client.get("/readyz")


def refused(answer: httpx.Response) -> bool:
    """By a clear error, without saying more than that."""
    assert answer.status_code == 503, answer.text
    assert answer.json()["code"] == "storage_unavailable"
    assert "sqlite" not in answer.text.lower()
    return True


def reasons(service: Service) -> set[str]:
    lines = [json.loads(line) for line in service.log.read_text().splitlines() if line[:1] + line[-1:] == "{}"]
    return {line["reason"] for line in lines if line["event"] == "request_failed"}


def whole(home: Path, people: set[str]) -> None:
    """What is stored is these people, all readable, and an unbroken log."""
    storage = open_storage(Settings(home=home))
    try:
        with storage.begin() as work:
            assert {str(each) for each in work.user_ids()} == people
            assert work.unreadable_ids() == set()
        assert storage.audit.verify()[1] == []
    finally:
        storage.close()


@pytest.mark.files
def test_on_a_full_disk_what_only_reads_goes_on_and_nothing_is_lost(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        home = disk / "home"
        with running_service(home, command=(), **LIGHT) as service, Caller(service) as caller:
            user_id = caller.enrol().json()["user_id"]
            token = caller.login(user_id).json()["token"]
            with filled(disk):
                assert refused(caller.enrol())
                assert refused(caller.login(user_id))
                assert refused(caller.me(token, "DELETE"))
                assert caller.me(token).json()["user_id"] == user_id
                assert caller.analyze().status_code == 200
                assert caller.ready().status_code == 200
            assert any("disk" in reason for reason in reasons(service))
            assert caller.login(user_id).status_code == 200
            other = caller.enrol().json()["user_id"]
            assert caller.me(token, "DELETE").status_code in {200, 202}
        whole(home, {other})


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """By another process."""
    hold = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('BEGIN IMMEDIATE'); print(); input()"
    with subprocess.Popen(
        [sys.executable, "-u", "-c", hold, str(database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert holder.stdout.readline()
        try:
            yield
        finally:
            holder.stdin.write(b"\n")
            holder.stdin.close()
            holder.wait(10)


@pytest.mark.files
def test_a_lock_of_ten_seconds_is_told_and_a_short_one_waited_for(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with running_service(home, command=(), **LIGHT) as service, Caller(service) as caller:
        user_id = caller.enrol().json()["user_id"]
        token = caller.login(user_id).json()["token"]
        answers: list[httpx.Response] = []
        with locked(home / "facewarden.db"):
            tries = [lambda: caller.login(user_id), caller.enrol]
            threads = [threading.Thread(target=lambda each=each: answers.append(each())) for each in tries]
            for thread in threads:
                thread.start()
            assert caller.me(token).json()["user_id"] == user_id
            assert caller.ready().status_code == 200
            for thread in threads:
                thread.join()
        assert [refused(answer) for answer in answers] == [True, True]
        assert reasons(service) == {"another program holds it locked (SQLITE_BUSY)"}
        with locked(home / "facewarden.db"):
            waiting = threading.Thread(target=lambda: answers.append(caller.login(user_id)))
            waiting.start()
            waiting.join(1)
            assert waiting.is_alive()
        waiting.join()
        assert answers[-1].status_code == 200
    whole(home, {user_id})


# Damaged records


def light(home: Path) -> Settings:
    return Settings(home=home, embedder="onnx", attributes=(), allow_duplicates=True)


@contextmanager
def built(home: Path) -> Iterator[Application]:
    application = build(light(home))
    try:
        yield application
    finally:
        application.close()


@contextmanager
def logged() -> Iterator[io.StringIO]:
    """What the service logs meanwhile."""
    output, logger = io.StringIO(), logging.getLogger("facewarden")
    handler = logging.StreamHandler(output)
    handler.setFormatter(JsonLines())
    logger.addHandler(handler)
    try:
        yield output
    finally:
        logger.removeHandler(handler)


@pytest.mark.files
def test_damage_to_some_stops_neither_the_start_nor_anybody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, face, other = tmp_path / "home", portraits().obama.read_bytes(), portraits().biden.read_bytes()
    damages = ["template", "key", "metadata", "factor", "recovery"]
    with built(home) as application:
        request = EnrolRequest([face], consent=True, label="a note", passphrase="correct horse")
        made = {name: application.enrol(request) for name in damages}
        fine = application.enrol(EnrolRequest([other], consent=True))
    for name, enrolled in made.items():
        damage(home, name, enrolled.user_id)

    with logged() as output, built(home) as application:
        (told,) = [json.loads(line) for line in output.getvalue().splitlines()]
        assert (told["event"], told["level"], told["people"]) == ("people_unreadable", "error", 2)
        assert not any(str(each.user_id) in output.getvalue() for each in made.values())
        for claim in (None, fine.user_id):
            assert application.login(LoginRequest([other], claim)).user_id == fine.user_id
        check_logins(application, made, face, other)
        listed = {person.user_id: person.readable for person in application.people.listing(0, 10)}
        assert listed == {**{each.user_id: False for each in made.values()}, fine.user_id: True}

    for name in [name for name in os.environ if name.startswith("FACEWARDEN_")]:
        monkeypatch.delenv(name)
    typed = {"FACEWARDEN_HOME": str(home), "FACEWARDEN_EMBEDDER": "onnx"}
    shown = CliRunner().invoke(command_line, ["users", "list", "--unreadable", "--json"], env=typed).output
    assert {each["user_id"] for each in json.loads(shown)["people"]} == {str(each.user_id) for each in made.values()}
    shown = CliRunner().invoke(command_line, ["users", "list"], env=typed).output
    assert sum("unreadable" in line for line in shown.splitlines()) == len(damages) + 1
    with built(home) as application:
        note = made.pop("metadata")
        token = application.recover(note.user_id, note.recovery_code, None).issued.token
        with pytest.raises(RecordUnreadable):
            application.me.show(token)
        assert application.me.erase(token).erased == 1
        assert application.people.erase([each.user_id for each in made.values()], by=By.OPERATOR).erased == len(made)
        assert application.login(LoginRequest([other])).user_id == fine.user_id
        assert application.gallery.unreadable == frozenset()
    whole(home, {str(fine.user_id)})


def damage(home: Path, name: str, user_id: UUID) -> None:
    if name == "key":
        flip(home / "keys.db", "person_key", "wrapped", user_id, REGIONS["payload"])
    elif name == "template":
        flip(home / "facewarden.db", "template", "sealed", user_id, REGIONS["payload"])
    else:
        with raw(home / "facewarden.db") as database:
            statement = "UPDATE detail SET sealed = substr(sealed, 1, 40) WHERE user_id = ? AND kind = ?"
            assert database.execute(statement, (user_id.hex, name)).rowcount == 1


def check_logins(application: Application, made: dict[str, Enrolled], face: bytes, other: bytes) -> None:
    """Only the right face is told that the record is damaged, and only where it could be compared."""
    for name, enrolled in made.items():
        request = LoginRequest([face], enrolled.user_id, passphrase="correct horse")
        if name == "recovery":
            assert application.login(request).user_id == enrolled.user_id
        else:
            with pytest.raises(NotRecognised if name in {"template", "key"} else RecordUnreadable):
                application.login(request)
        with pytest.raises(NotRecognised):
            application.login(LoginRequest([other], enrolled.user_id, passphrase="correct horse"))
    for name in ("recovery", "key"):
        with pytest.raises(NotRecognised):
            application.recover(made[name].user_id, made[name].recovery_code, None)
    for name in ("template", "factor"):
        assert application.recover(made[name].user_id, made[name].recovery_code, None).issued.token


# Folders


@pytest.mark.files
def test_a_disk_that_may_only_be_read_is_told_at_the_start(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        home = disk / "home"
        open_storage(Settings(home=home)).close()
        make_read_only(disk)
        with pytest.raises(StorageUnavailable, match="Read-only file system"):
            open_storage(Settings(home=disk / "new"))
        with pytest.raises(UnsafeSettings, match="FACEWARDEN_LOG_FILE"):
            configure_logging("info", disk / "log" / "facewarden.log")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("FACEWARDEN_")}
        for command in ("serve", "users list"):
            done = subprocess.run(
                [sys.executable, "-m", "service.cli.main", *command.split()],
                env=environment | {"FACEWARDEN_HOME": str(home)},
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
            *_, line = done.stderr.splitlines()
            assert done.returncode == 1
            assert line.startswith("facewarden: The database does not answer: ")
            assert "Read-only" in line
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        open_storage(Settings(home=home)).close()
