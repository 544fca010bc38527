"""`/v1/overlays/films` of a real server, with drawn faces."""

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from embeddings.film import Film
from tests.films import film, passing
from tests.story.server import Service, running_service

COUNT = 10
LARGEST = 300_000


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    home = tmp_path_factory.mktemp("films") / "home"
    with running_service(
        home,
        FACEWARDEN_MAX_FILM_BYTES=str(LARGEST),
        FACEWARDEN_FILM_JOBS="2",
        FACEWARDEN_MAX_REQUEST_BYTES="200000",
    ) as running:
        yield running


@pytest.fixture
def client(service: Service) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service.base_url, timeout=60) as made:
        yield made


def begin(client: httpx.Client, data: bytes, **fields: str) -> httpx.Response:
    return client.post("/v1/overlays/films", files={"film": ("mine.mp4", data)}, data=fields)


def job(begun: httpx.Response) -> tuple[str, dict[str, str]]:
    assert begun.status_code == 202
    told = begun.json()
    return f"/v1/overlays/films/{told['id']}", {"X-Job-Secret": told["secret"]}


def ended(client: httpx.Client, path: str, secret: dict[str, str]) -> dict[str, Any]:
    end = time.monotonic() + 90
    while time.monotonic() < end:
        told: dict[str, Any] = client.get(path, headers=secret).json()
        if told["state"] not in {"waiting", "working"}:
            return told
        time.sleep(0.05)
    raise AssertionError("the film took too long")


def test_a_film_goes_in_and_comes_back_hidden_once(client: httpx.Client, service: Service) -> None:
    data = film(passing(COUNT), sound=True, title="Secret wedding")
    path, secret = job(begin(client, data, style="solid"))
    assert secret["X-Job-Secret"] not in path
    assert ended(client, path, secret)["state"] == "done"
    answer = client.get(f"{path}/film", headers=secret)
    assert answer.headers["content-type"] == "video/webm"
    assert answer.headers["cache-control"] == "no-store"
    assert (answer.headers["x-hides"], answer.headers["x-frames"]) == ("true", str(COUNT))
    assert b"Secret" not in answer.content
    finished = Film(answer.content)
    assert not finished.audio
    pictures = [frame.pixels for frame in finished.frames()]
    assert len(pictures) == COUNT
    assert all(each is not None and each[105:155].min(axis=2).min() < 60 for each in pictures)
    assert client.get(f"{path}/film", headers=secret).json()["code"] == "unknown_job"
    assert secret["X-Job-Secret"] not in service.log.read_text()


def test_without_the_secret_there_is_no_job(client: httpx.Client) -> None:
    path, secret = job(begin(client, film(passing(COUNT)), check="false"))
    for headers in ({}, {"X-Job-Secret": "guess"}):
        for method, where in (("GET", path), ("GET", f"{path}/film"), ("DELETE", path)):
            assert client.request(method, where, headers=headers).json()["code"] == "unknown_job"
    assert client.delete(path, headers=secret).status_code == 204
    assert client.get(path, headers=secret).status_code == 404


def test_what_is_wrong_is_told_with_a_code(client: httpx.Client) -> None:
    tiny = film(passing(2))
    assert begin(client, tiny, style="none").json()["code"] == "unknown_style"
    assert begin(client, tiny, codec="h265").json()["code"] == "invalid_field"
    assert begin(client, tiny, only="0" * 32).json()["field"] == "only"
    assert begin(client, bytes(LARGEST + 1)).json()["code"] == "request_too_large"
    path, secret = job(begin(client, b"GIF89a" + bytes(100)))
    told = ended(client, path, secret)
    assert (told["state"], told["code"]) == ("failed", "unsupported_film")
    assert client.get(f"{path}/film", headers=secret).status_code == 415
    client.delete(path, headers=secret)


def test_a_film_may_be_larger_than_other_requests_and_others_may_not(client: httpx.Client) -> None:
    padded = film(passing(2)) + bytes(220_000)
    path, secret = job(begin(client, padded, check="false"))
    client.delete(path, headers=secret)
    other = client.post("/v1/overlays", files={"image": ("mine.jpg", padded)})
    assert other.json()["code"] == "request_too_large"


def test_only_so_many_films_at_once(client: httpx.Client) -> None:
    open_jobs = [job(begin(client, film(passing(COUNT)), check="false")) for _ in range(2)]
    assert begin(client, film(passing(2))).json()["code"] == "jobs_full"
    for path, secret in open_jobs:
        client.delete(path, headers=secret)
