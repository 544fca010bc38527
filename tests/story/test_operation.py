"""The service as an operator runs it: figures, readiness, stopping."""

import json
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from db.api_keys import Role
from tests.portraits import Portraits, portraits
from tests.story.server import Service, api_key, running_service

LIGHT = {"FACEWARDEN_EMBEDDER": "onnx", "FACEWARDEN_ATTRIBUTES": "none"}


@pytest.fixture(scope="module")
def people() -> Portraits:
    return portraits()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    home = tmp_path_factory.mktemp("operation") / "home"
    with running_service(home, command=(), FACEWARDEN_SWEEP_SECONDS="3600", **LIGHT) as running:
        yield running


@pytest.fixture
def client(service: Service) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service.base_url, timeout=60) as client:
        yield client


@pytest.fixture(scope="module")
def keys(service: Service) -> dict[Role, str]:
    return {role: api_key(service.log.with_suffix(""), role) for role in Role}


def scrape(client: httpx.Client) -> tuple[str, dict[tuple[str, ...], float]]:
    """The text, and our figures by name and label values."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    figures = {
        (
            sample.name.removeprefix("facewarden_"),
            *(sample.labels[name] for name in sorted(sample.labels)),
        ): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    return answer.text, figures


def picture(path: Path) -> dict[str, tuple[str, bytes]]:
    return {"image": (path.name, path.read_bytes())}


def test_the_figures_follow_what_happens_and_name_nobody(
    client: httpx.Client, people: Portraits, keys: dict[Role, str]
) -> None:
    bearer = {"Authorization": f"Bearer {keys[Role.ENROLLER]}"}
    before = scrape(client)[1]
    enrolled = client.post("/v1/users", files=picture(people.obama), data={"consent": "true"}, headers=bearer).json()
    user_id = enrolled["user_id"]
    session = client.post("/v1/login", files=picture(people.obama2), data={"user_id": user_id}).json()
    assert session["user_id"] == user_id
    assert client.post("/v1/login", files=picture(people.biden)).json()["code"] == "not_recognised"
    assert client.post("/v1/login", files=picture(people.biden), data={"user_id": user_id}).status_code == 401
    text, after = scrape(client)
    moved = {key: value - before.get(key, 0.0) for key, value in after.items() if value != before.get(key, 0.0)}
    expected = {
        ("requests_total", "POST", "/v1/users", "201"): 1,
        ("requests_total", "POST", "/v1/login", "200"): 1,
        ("requests_total", "POST", "/v1/login", "401"): 2,
        ("problems_total", "not_recognised", "/v1/login"): 2,
        ("login_decisions_total", "1:1", "accepted"): 1,
        ("login_decisions_total", "1:1", "unknown"): 1,
        ("login_decisions_total", "1:N", "unknown"): 1,
        ("enrolments_total", "none"): 1,
        ("index_people",): 1,
        ("request_seconds_count", "/v1/login"): 3,
    }
    expected |= {
        ("stage_seconds_count", "/v1/login", stage): 3
        for stage in ("body", "waiting", "picture", "search", "database", "work")
    }
    assert {key: moved.get(key) for key in expected} == expected
    assert after["process_resident_memory_bytes",] > 2**20
    assert after["queue_running",] == after["queue_waiting",] == 0
    address = "127.0.0.1"
    for secret in (
        user_id,
        user_id.replace("-", ""),
        session["token"],
        enrolled["recovery_code"],
        *keys.values(),
        address,
    ):
        assert secret not in text


def test_erasures_and_whom_failures_lock_out_are_counted(
    client: httpx.Client, people: Portraits, keys: dict[Role, str]
) -> None:
    bearer = {"Authorization": f"Bearer {keys[Role.VERIFIER]}"}
    nobody = {"user_id": "9b3f8a52-0c1d-4f0e-8a6e-3d2c1b0a9f8e"}
    for _ in range(5):  # with the key, so that the address of this test is not counted
        client.post("/v1/login", files=picture(people.biden), data=nobody, headers=bearer)
    assert client.post("/v1/login", files=picture(people.biden), data=nobody, headers=bearer).json()["code"] == "locked"
    answer = client.post("/v1/users", files=picture(people.biden), data={"consent": "true"})
    assert answer.status_code == 201, answer.text
    session = client.post("/v1/login", files=picture(people.biden), headers=bearer).json()
    client.delete("/v1/me", headers={"Authorization": f"Bearer {session['token']}"})
    figures = scrape(client)[1]
    assert figures["subjects_waiting",] == 1
    assert figures["subjects_stopped",] == 0
    assert figures["problems_total", "locked", "/v1/login"] == 1
    assert figures["erasures_total", "self"] == 1


@pytest.mark.parametrize(
    "headers", [{"X-Forwarded-For": "127.0.0.1"}, {"Via": "1.1 proxy"}, {"Forwarded": "for=127.0.0.1"}]
)
def test_a_proxy_on_this_machine_does_not_open_the_figures_to_others(
    client: httpx.Client, keys: dict[Role, str], headers: dict[str, str]
) -> None:
    refused = client.get("/metrics", headers=headers)
    assert refused.status_code == 401
    assert refused.json()["code"] == "api_key_required"
    answers = {
        role: client.get("/metrics", headers=headers | {"Authorization": f"Bearer {keys[role]}"}) for role in Role
    }
    may = {role for role, answer in answers.items() if answer.status_code == 200}
    assert may == {Role.ADMIN, Role.AUDITOR}


# Starting and stopping


def test_told_to_stop_it_answers_who_is_waiting_takes_nobody_new_and_ends_well(
    tmp_path: Path, people: Portraits
) -> None:
    frames = [("image", ("frame.jpg", people.biden.read_bytes())) for _ in range(8)]
    with running_service(tmp_path / "home", command=(), **LIGHT) as service:
        answers: list[httpx.Response] = []
        sending = threading.Thread(
            target=lambda: answers.append(httpx.post(service.base_url + "/v1/login", files=frames, timeout=60))
        )
        with httpx.Client(base_url=service.base_url, timeout=60) as watcher:
            sending.start()
            while scrape(watcher)[1]["queue_running",] == 0:
                assert sending.is_alive()
            service.process.send_signal(signal.SIGTERM)
        where = urlsplit(service.base_url)
        refused = False
        while not refused:
            try:
                socket.create_connection((where.hostname, where.port), timeout=5).close()
            except (ConnectionRefusedError, ConnectionResetError):
                refused = True
        sending.join()
        assert [(each.status_code, each.json()["code"]) for each in answers] == [(401, "not_recognised")]
        assert service.process.wait(30) == 0
    lines = [json.loads(line) for line in service.log.read_text().splitlines() if line.startswith("{")]
    assert [line["code"] for line in lines if line.get("route") == "/v1/login"] == ["not_recognised"]
