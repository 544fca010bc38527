"""Several processes and several nodes over one database know the same people."""

import json
import shutil
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import httpx
import pytest

from service.databases import open_storage
from service.settings import Settings
from tests.databases import on_server
from tests.portraits import Portraits, portraits
from tests.service.api_keys import keys_in
from tests.story.churn import Client, Countdown
from tests.story.server import Service, running_service
from tests.story.test_kill_mixed import SETTINGS as CHURN
from tests.story.test_kill_mixed import check

LIGHT: Final = {
    "FACEWARDEN_EMBEDDER": "onnx",
    "FACEWARDEN_ATTRIBUTES": "none",
    "FACEWARDEN_FREE_FAILURES": "10",
}
TRIES: Final = 200
PATIENCE: Final = 10
Ask = Callable[..., httpx.Response]


@pytest.fixture(scope="module")
def people() -> Portraits:
    return portraits()


def photos(*paths: Path) -> list[tuple[str, tuple[str, bytes, str]]]:
    return [("image", (path.name, path.read_bytes(), "image/jpeg")) for path in paths]


def known_to_both(first: Ask, second: Ask, people: Portraits) -> None:
    """Enrolled through one, logged in through the other, erased through one, refused by both."""
    for one, other in ((first, second), (second, first)):
        answer = one("POST", "/v1/users", files=photos(people.obama, people.obama2), data={"consent": "true"})
        assert answer.status_code == 201, answer.text
        claim = {"user_id": answer.json()["user_id"]}
        again = other("POST", "/v1/users", files=photos(people.obama3), data={"consent": "true"})
        assert again.json()["code"] == "already_enrolled"
        for data in ({}, claim):
            session = other("POST", "/v1/login", files=photos(people.obama3), data=data)
            assert session.status_code == 200, session.text
            assert session.json()["user_id"] == claim["user_id"]
        bearer = {"Authorization": f"Bearer {session.json()['token']}"}
        assert one("DELETE", "/v1/me", headers=bearer).status_code in {200, 202}
        for each in (other, one):
            assert each("GET", "/v1/me", headers=bearer).status_code == 401
            for data in ({}, claim):
                refused = each("POST", "/v1/login", files=photos(people.obama3), data=data)
                assert refused.json()["code"] == "not_recognised"


def through(service: Service, wanted: int) -> Ask:
    """Asks one process of several: connections are opened until it is that one that takes one."""

    def ask(method: str, path: str, **request: object) -> httpx.Response:
        for _ in range(TRIES):
            with httpx.Client(base_url=service.base_url, timeout=60) as client:
                if answered_by(service, client.get("/healthz")) == wanted:
                    answer = client.request(method, path, **request)  # type: ignore[arg-type]
                    assert answered_by(service, answer) == wanted
                    return answer
        raise AssertionError(f"process {wanted} took none of {TRIES} connections")

    return ask


def answered_by(service: Service, answer: httpx.Response) -> int:
    """The process that says in the log that it answered this."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        for line in service.log.read_text().splitlines():
            if answer.headers["x-request-id"] in line:
                return int(json.loads(line)["process"])
        time.sleep(0.005)
    raise AssertionError("the log tells of no such request")


def processes(service: Service, count: int) -> list[int]:
    """All of them."""
    found: set[int] = set()
    for _ in range(TRIES):
        found.add(answered_by(service, httpx.get(service.base_url + "/healthz", timeout=60)))
        if len(found) == count:
            return sorted(found)
    raise AssertionError(f"only {found} took a connection")


def test_two_workers_know_the_same_people(tmp_path: Path, people: Portraits) -> None:
    with running_service(tmp_path / "home", ("--workers", "2"), command=(), **LIGHT) as service:
        first, second = processes(service, 2)
        known_to_both(through(service, first), through(service, second), people)
    assert service.process.returncode == 0
    assert '"error"' not in service.log.read_text()
    storage = open_storage(Settings(home=tmp_path / "home"))
    assert storage.audit.verify()[1] == []
    storage.close()


def test_two_workers_take_no_film_that_one_of_them_would_not_know(tmp_path: Path) -> None:
    with running_service(tmp_path / "home", ("--workers", "2"), command=(), **LIGHT) as service:
        for process in processes(service, 2):
            answer = through(service, process)("POST", "/v1/overlays/films", files={"film": ("a.mp4", b"any")})
            assert (answer.status_code, answer.json()["code"]) == (503, "films_in_one_process")


def test_two_nodes_know_the_same_people_and_one_that_is_killed_harms_nothing(
    tmp_path: Path, people: Portraits, postgres_server: str
) -> None:
    homes = [tmp_path / "one", tmp_path / "two"]
    data, keys = on_server(postgres_server, homes[0])
    where = {"database_url": data, "keystore_url": keys}
    there = {"FACEWARDEN_DATABASE_URL": data, "FACEWARDEN_KEYSTORE_URL": keys}
    there["FACEWARDEN_PUBLIC_URL"] = "https://faces.example"  # else each is the issuer of its own tokens
    storage = open_storage(Settings(home=homes[0], database_url=data, keystore_url=keys))
    api_keys = keys_in(storage)
    storage.close()
    homes[1].mkdir(mode=0o700)
    shutil.copy2(homes[0] / "master.key", homes[1] / "master.key")

    with ExitStack() as stack:
        nodes = [stack.enter_context(running_service(home, command=(), **LIGHT, **there)) for home in homes]
        known_to_both(asking(stack, nodes[0]), asking(stack, nodes[1]), people)

    pictures = [path.read_bytes() for path in (people.obama, people.obama2, people.biden)]
    with ExitStack() as stack:
        nodes = [stack.enter_context(running_service(home, command=(), **CHURN, **there)) for home in homes]
        countdowns = [Countdown(30), Countdown(60)]
        clients = [
            Client(node.base_url, pictures, number, countdowns[number % 2], api_keys)
            for number, node in enumerate(nodes * 2)
        ]
        threads = stack.enter_context(ThreadPoolExecutor(len(clients)))
        running = [threads.submit(client.run) for client in clients]
        assert countdowns[0].reached.wait(120)
        nodes[0].process.send_signal(signal.SIGKILL)
        assert countdowns[1].reached.wait(120)  # the other one goes on
        nodes[1].process.send_signal(signal.SIGKILL)
        for each in running:
            each.result()
    known = [person for client in clients for person in client.people]
    assert check(homes[1], known, 1, **where) > 0


def asking(stack: ExitStack, node: Service) -> Ask:
    return stack.enter_context(httpx.Client(base_url=node.base_url, timeout=60)).request
