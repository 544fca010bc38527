"""Whose failures count, and where keys are read from, at the real service."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from db.api_keys import Role
from tests.story.server import api_key, running_service


@dataclass(frozen=True)
class Client:
    """Of a service that makes everybody wait after one failure; `trusted`: through a proxy that it trusts."""

    http: httpx.Client
    trusted: bool
    application: str
    auditor: str

    def fail(self, *forwarded: str, **headers: str) -> str:
        """A recovery that opens nothing, of another ID each time."""
        sent = {"X-Forwarded-For": ", ".join(forwarded), **headers}
        answer = self.http.post("/v1/recover", json={"user_id": str(uuid4()), "recovery_code": "wrong"}, headers=sent)
        code: str = answer.json()["code"]
        return code


TRUSTED = ["127.0.0.1", "10.0.0.0/8, 127.0.0.0/24"]
NOT_TRUSTED = ["192.0.2.200", "127.0.1.0/24"]


@pytest.fixture(scope="module", params=[*TRUSTED, *NOT_TRUSTED])
def client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """The parameter is the proxy's address."""
    home: Path = tmp_path_factory.mktemp("clients") / "home"
    settings = {"FACEWARDEN_TRUSTED_PROXIES": request.param, "FACEWARDEN_FREE_FAILURES": "1"}
    with running_service(home, **settings) as service, httpx.Client(base_url=service.base_url) as http:
        yield Client(http, request.param in TRUSTED, api_key(home, Role.VERIFIER), api_key(home, Role.AUDITOR))


def test_clients_are_told_apart_by_a_trusted_proxy_only(client: Client) -> None:
    assert client.fail("198.51.100.1") == "not_recognised"
    assert client.fail("198.51.100.1") == "locked"
    assert client.fail("203.0.113.9", "198.51.100.1") == "locked"  # what a client puts in front itself
    assert client.fail("198.51.100.2") == ("not_recognised" if client.trusted else "locked")
    assert client.fail("198.51.100.1", Authorization=f"Bearer {client.application}") == "not_recognised"


def test_a_key_in_the_address_opens_nothing(client: Client) -> None:
    names = ("api_key", "key", "token", "access_token", "authorization")
    in_address = client.http.get("/v1/admin/stats", params=dict.fromkeys(names, client.auditor))
    in_header = client.http.get("/v1/admin/stats", headers={"Authorization": f"Bearer {client.auditor}"})
    assert (in_address.status_code, in_header.status_code) == (401, 200)


def test_the_last_address_that_is_no_proxy_counts(tmp_path: Path) -> None:
    settings = {"FACEWARDEN_TRUSTED_PROXIES": "127.0.0.1, 10.0.0.0/8", "FACEWARDEN_FREE_FAILURES": "1"}
    with (
        running_service(tmp_path / "home", command=(), **settings) as service,
        httpx.Client(base_url=service.base_url) as http,
    ):
        client = Client(http, trusted=True, application="", auditor="")
        assert client.fail("198.51.100.1", "10.1.2.3") == "not_recognised"
        assert client.fail("10.9.9.9", "198.51.100.1", "10.3.2.1") == "locked"
        assert client.fail("10.9.9.9", "198.51.100.2", "10.3.2.1") == "not_recognised"
        assert client.fail("198.51.100.1", "not an address", "198.51.100.2") == "locked"
        assert client.fail("2001:db8::1") == "not_recognised"
        assert client.fail("[2001:db8::1]:4711") == "locked"


def test_what_a_proxy_forwards_of_names_is_not_believed(client: Client) -> None:
    forged = {"X-Forwarded-Host": "rebound.example", "X-Forwarded-Proto": "https", "X-Forwarded-Port": "1"}
    assert client.http.get("/readyz", headers=forged).status_code == 200
    answer = client.http.get("/readyz", headers={"Host": "rebound.example", "X-Forwarded-Host": "127.0.0.1"})
    assert answer.json()["code"] == "forbidden_host"
    assert "strict-transport-security" not in client.http.get("/readyz", headers=forged).headers
