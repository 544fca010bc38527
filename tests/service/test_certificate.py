"""The certificate that is made for a network of one's own."""

import ipaddress
import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import verification

from service.certificate import AUTHORITY_LIFE, LIFE, LOCAL_NAMES, LocalCertificate, local_certificate, usable
from service.errors import UnsafeSettings

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOSTS = (*LOCAL_NAMES, "192.168.1.20", "camera.local", "fd00::7")


def loaded(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def accepted(found: LocalCertificate, name: str, at: datetime = NOON, leaf: x509.Certificate | None = None) -> bool:
    """Whether a client that trusts the authority accepts the certificate for a name."""
    subject: x509.DNSName | x509.IPAddress
    try:
        subject = x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        subject = x509.DNSName(name)
    store = verification.Store([loaded(found.authority)])
    verifier = verification.PolicyBuilder().store(store).time(at).build_server_verifier(subject)
    try:
        verifier.verify(leaf or loaded(found.certificate), [])
    except verification.VerificationError:
        return False
    return True


def test_a_client_that_trusts_the_authority_accepts_every_name_and_no_other(tmp_path: Path) -> None:
    found = local_certificate(tmp_path / "tls", HOSTS, NOON)
    assert [name for name in HOSTS if not accepted(found, name)] == []
    assert not accepted(found, "other.local")
    assert not accepted(found, "192.168.1.21")
    assert not accepted(found, "localhost", NOON + LIFE + timedelta(seconds=1))
    assert usable(found.certificate, found.key) == (found.certificate, found.key)


def test_keys_are_their_owners_alone(tmp_path: Path) -> None:
    local_certificate(tmp_path / "tls", HOSTS, NOON)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "tls").iterdir()}
    assert modes == dict.fromkeys(("ca.pem", "ca.key", "server.pem", "server.key"), 0o600)
    assert stat.S_IMODE((tmp_path / "tls").stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["example.org", "8.8.8.8", "2001:db8::1", "com", "local.example.org", "mybox"])
def test_nothing_public_is_certified(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnsafeSettings, match=r"no local name.*FACEWARDEN_TLS_CERT"):
        local_certificate(tmp_path / "tls", [name], NOON)


@pytest.mark.parametrize("name", ["example.org", "8.8.8.8"])
def test_a_stolen_authority_opens_no_public_site(tmp_path: Path, name: str) -> None:
    """Signed by hand with its key, as a thief would; the same for a private name shows that it could succeed."""
    found = local_certificate(tmp_path / "tls", HOSTS, NOON)
    assert accepted(found, "stolen.local", leaf=forged(tmp_path / "tls", x509.DNSName("stolen.local")))
    victim = x509.IPAddress(ipaddress.ip_address(name)) if name[0].isdigit() else x509.DNSName(name)
    assert not accepted(found, name, leaf=forged(tmp_path / "tls", victim))


def forged(folder: Path, name: x509.GeneralName) -> x509.Certificate:
    authority = loaded(folder / "ca.pem")
    key = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    real = loaded(folder / "server.pem")
    builder = x509.CertificateBuilder(real.issuer, real.subject, real.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(NOON).not_valid_after(NOON + LIFE)
    for extension in real.extensions:
        value = extension.value
        alternative = x509.SubjectAlternativeName([name])
        builder = builder.add_extension(
            alternative if isinstance(value, x509.SubjectAlternativeName) else value, extension.critical
        )
    assert authority.subject == real.issuer
    return builder.sign(key, hashes.SHA256())


def test_it_stays_until_it_has_to_be_renewed_and_the_authority_stays_trusted(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    first = local_certificate(folder, HOSTS, NOON)
    leaf, authority = first.certificate.read_bytes(), first.authority.read_bytes()
    local_certificate(folder, HOSTS, NOON + timedelta(days=59))
    assert first.certificate.read_bytes() == leaf
    later = NOON + timedelta(days=61)
    assert local_certificate(folder, HOSTS, later).fingerprint == first.fingerprint
    assert first.certificate.read_bytes() != leaf
    assert accepted(first, "localhost", NOON + timedelta(days=140))
    more = local_certificate(folder, (*HOSTS, "10.0.0.9"), later)
    assert accepted(more, "10.0.0.9", later)
    assert first.authority.read_bytes() == authority
    last = local_certificate(folder, HOSTS, NOON + AUTHORITY_LIFE - LIFE)
    assert last.fingerprint != first.fingerprint
    assert accepted(last, "localhost", NOON + AUTHORITY_LIFE - timedelta(days=1))


@pytest.mark.parametrize("name", ["ca.pem", "ca.key", "server.pem", "server.key"])
def test_a_crash_between_two_files_is_mended_and_a_damaged_one_named(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "tls"
    found = local_certificate(folder, HOSTS, NOON)
    other = local_certificate(tmp_path / "other", HOSTS, NOON)
    (other.certificate.parent / name).replace(folder / name)
    assert accepted(local_certificate(folder, HOSTS, NOON), "localhost")
    ssl.create_default_context(cafile=found.authority).load_cert_chain(found.certificate, found.key)
    (folder / name).write_text("damaged")
    if name.startswith("server"):
        assert accepted(local_certificate(folder, HOSTS, NOON), "localhost")
    else:  # devices trust it: that another takes its place is for people to decide
        with pytest.raises(UnsafeSettings, match="damaged: remove the folder"):
            local_certificate(folder, HOSTS, NOON)


def test_a_key_that_others_may_read_is_not_used(tmp_path: Path) -> None:
    local_certificate(tmp_path / "tls", HOSTS, NOON)
    (tmp_path / "tls" / "ca.key").chmod(0o640)
    with pytest.raises(UnsafeSettings, match=r"ca\.key may be read by others: chmod 600 it"):
        local_certificate(tmp_path / "tls", HOSTS, NOON)


def test_a_given_pair_has_to_go_together_and_be_open(tmp_path: Path) -> None:
    one, other = (local_certificate(tmp_path / name, LOCAL_NAMES, NOON) for name in ("one", "other"))
    with pytest.raises(UnsafeSettings, match="not a certificate and its key"):
        usable(one.certificate, other.key)
    with pytest.raises(UnsafeSettings, match="No such file"):
        usable(one.certificate, tmp_path / "none.key")
    key = serialization.load_pem_private_key(one.key.read_bytes(), None)
    locked = serialization.BestAvailableEncryption(b"secret")
    encrypted = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)
    one.key.write_bytes(encrypted)
    with pytest.raises(UnsafeSettings, match="unencrypted"):
        usable(one.certificate, one.key)
