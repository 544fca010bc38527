"""TLS at the real service: a certificate of its own, and one that is given."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from service.certificate import local_certificate
from tests.story.server import Service, free_port, running_service

LIGHT = {"FACEWARDEN_EMBEDDER": "onnx", "FACEWARDEN_ATTRIBUTES": "none"}
HOST = "face.lan"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    home = tmp_path_factory.mktemp("tls") / "home"
    with running_service(home, command=(), FACEWARDEN_HTTPS="true", **LIGHT) as running:
        yield running


def home_of(service: Service) -> Path:
    return service.log.with_suffix("")


def trusting(authority: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=authority)


def test_who_trusts_the_authority_is_answered_over_tls(service: Service) -> None:
    authority = home_of(service) / "tls" / "ca.pem"
    for name in ("127.0.0.1", "localhost"):
        answer = httpx.get(service.base_url.replace("127.0.0.1", name) + "/readyz", verify=trusting(authority))
        assert answer.json() == {"status": "ok"}
        assert "strict-transport-security" not in answer.headers, "the name is every service's on this machine"
    told = service.log.read_text()
    assert f"facewarden: trust {authority} on the devices that come here; SHA-256 " in told
    assert f"facewarden: {service.base_url}/" in told


def test_who_does_not_trust_it_is_not_answered(service: Service) -> None:
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(service.base_url + "/readyz")
    with pytest.raises(httpx.TransportError):
        httpx.get(service.base_url.replace("https", "http") + "/readyz")


def test_a_handshake_without_forward_secrecy_is_refused(service: Service) -> None:
    old = trusting(home_of(service) / "tls" / "ca.pem")
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    assert httpx.get(service.base_url + "/readyz", verify=old).status_code == 200
    old.set_ciphers("AES128-SHA")  # without forward secrecy
    with pytest.raises(httpx.ConnectError):
        httpx.get(service.base_url + "/readyz", verify=old)


def test_a_page_over_tls_is_one_of_ours_and_one_over_http_elsewhere_is_not(service: Service) -> None:
    with httpx.Client(base_url=service.base_url, verify=trusting(home_of(service) / "tls" / "ca.pem")) as client:
        assert client.get("/v1/consent", headers={"Origin": service.base_url}).status_code == 200
        assert client.get("/v1/consent", headers={"Origin": "https://127.0.0.1"}).status_code == 403


def test_a_given_certificate_is_spoken_and_browsers_are_told_to_stay(tmp_path: Path) -> None:
    made = local_certificate(tmp_path / "site", ["127.0.0.1", HOST])
    settings = {"FACEWARDEN_TLS_CERT": str(made.certificate), "FACEWARDEN_TLS_KEY": str(made.key)}
    port = free_port()
    more = {"FACEWARDEN_ALLOWED_HOSTS": HOST, "FACEWARDEN_PORT": str(port)}
    with running_service(tmp_path / "home", command=(), **LIGHT, **settings, **more) as service:
        with httpx.Client(base_url=service.base_url, verify=trusting(made.authority)) as client:
            assert "strict-transport-security" not in client.get("/readyz").headers
            answer = client.get("/readyz", headers={"Host": f"{HOST}:{port}"}, extensions={"sni_hostname": HOST})
            assert answer.headers["strict-transport-security"] == "max-age=31536000"
        assert not (tmp_path / "home" / "tls").exists()
