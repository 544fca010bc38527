"""Whose failures count, and where keys are read from, at the real service."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from tests.story.server import running_service

KEY = "a key of more than 24 characters"


TRUSTED = ["127.0.0.1", "10.0.0.0/8, 127.0.0.0/24"]
NOT_TRUSTED = ["192.0.2.200", "127.0.1.0/24"]


@pytest.fixture(scope="module", params=[*TRUSTED, *NOT_TRUSTED])
def client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Of a service that makes everybody wait after one failure, behind a proxy at that address."""
    home: Path = tmp_path_factory.mktemp("clients") / "home"
    settings = {"FACEWARDEN_TRUSTED_PROXIES": request.param, "FACEWARDEN_FREE_FAILURES": "1", "FACEWARDEN_API_KEY": KEY}
    with running_service(home, **settings) as service, httpx.Client(base_url=service.base_url) as client:
        client.params = {"trusted": request.param in TRUSTED}
        yield client


def fail(client: httpx.Client, *forwarded: str, **headers: str) -> str:
    """A recovery that opens nothing, of another ID each time."""
    sent = {"X-Forwarded-For": ", ".join(forwarded), **headers}
    answer = client.post("/v1/recover", json={"user_id": str(uuid4()), "recovery_code": "wrong"}, headers=sent)
    code: str = answer.json()["code"]
    return code


def test_clients_are_told_apart_by_a_trusted_proxy_only(client: httpx.Client) -> None:
    trusted = client.params["trusted"] == "true"
    assert fail(client, "198.51.100.1") == "not_recognised"
    assert fail(client, "198.51.100.1") == "locked"
    assert fail(client, "203.0.113.9", "198.51.100.1") == "locked"  # what a client puts in front itself
    assert fail(client, "198.51.100.2") == ("not_recognised" if trusted else "locked")
    assert fail(client, "198.51.100.1", Authorization=f"Bearer {KEY}") == "not_recognised"


def test_a_key_in_the_address_opens_nothing(client: httpx.Client) -> None:
    names = ("api_key", "key", "token", "access_token", "authorization")
    in_address = client.get("/v1/admin/stats", params=dict.fromkeys(names, KEY))
    in_header = client.get("/v1/admin/stats", headers={"Authorization": f"Bearer {KEY}"})
    assert (in_address.status_code, in_header.status_code) == (401, 200)


def test_the_last_address_that_is_no_proxy_counts(tmp_path: Path) -> None:
    settings = {"FACEWARDEN_TRUSTED_PROXIES": "127.0.0.1, 10.0.0.0/8", "FACEWARDEN_FREE_FAILURES": "1"}
    with (
        running_service(tmp_path / "home", command=(), **settings) as service,
        httpx.Client(base_url=service.base_url) as client,
    ):
        assert fail(client, "198.51.100.1", "10.1.2.3") == "not_recognised"
        assert fail(client, "10.9.9.9", "198.51.100.1", "10.3.2.1") == "locked"
        assert fail(client, "10.9.9.9", "198.51.100.2", "10.3.2.1") == "not_recognised"
        assert fail(client, "198.51.100.1", "not an address", "198.51.100.2") == "locked"
        assert fail(client, "2001:db8::1") == "not_recognised"
        assert fail(client, "[2001:db8::1]:4711") == "locked"


def test_what_a_proxy_forwards_of_names_is_not_believed(client: httpx.Client) -> None:
    forged = {"X-Forwarded-Host": "rebound.example", "X-Forwarded-Proto": "https", "X-Forwarded-Port": "1"}
    assert client.get("/readyz", headers=forged).status_code == 200
    answer = client.get("/readyz", headers={"Host": "rebound.example", "X-Forwarded-Host": "127.0.0.1"})
    assert answer.json()["code"] == "forbidden_host"
    assert "strict-transport-security" not in client.get("/readyz", headers=forged).headers
