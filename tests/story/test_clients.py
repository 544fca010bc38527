"""Whose failures count, and where keys are read from, at the real service."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from tests.story.server import running_service

KEY = "a key of more than 24 characters"


@pytest.fixture(scope="module", params=["127.0.0.1", "192.0.2.200"], ids=["trusted", "not trusted"])
def client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Of a service that makes everybody wait after one failure, behind a proxy at that address."""
    home: Path = tmp_path_factory.mktemp("clients") / "home"
    settings = {"FACEWARDEN_TRUSTED_PROXIES": request.param, "FACEWARDEN_FREE_FAILURES": "1", "FACEWARDEN_API_KEY": KEY}
    with running_service(home, **settings) as service, httpx.Client(base_url=service.base_url) as client:
        client.params = {"trusted": request.param == "127.0.0.1"}
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
