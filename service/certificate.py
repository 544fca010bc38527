"""TLS on a network of one's own: a certificate authority of this installation, and a certificate from it.

Browsers open cameras on secure origins only, and public authorities certify no private address. The authority is
constrained (RFC 5280, 4.2.1.10) to loopback and private addresses and names: whoever trusts it, and whoever steals its
key, gets no other site with it.
"""

import ipaddress
import os
import ssl
import stat
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from service.errors import UnsafeSettings

NAMES: Final = ("localhost", "local", "lan", "internal", "home.arpa", "test")
"""Top-level names that no public authority certifies (RFC 6761, 6762, 8375; .internal: ICANN 2024; .lan by custom)."""
NETWORKS: Final = (
    "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10",
    "::1/128", "fc00::/7", "fe80::/10",
)  # fmt: skip
"""Loopback, private (RFC 1918, 4193), link-local (RFC 3927, 4291) and shared addresses (RFC 6598)."""
LOCAL_NAMES: Final = ("localhost", "127.0.0.1", "::1")
AUTHORITY_LIFE: Final = timedelta(days=5 * 365)
LIFE: Final = timedelta(days=90)
RENEW_BEFORE: Final = timedelta(days=30)
BACKDATED: Final = timedelta(hours=1)
"""Clocks of two devices may differ by so much."""

Name = x509.DNSName | x509.IPAddress


@dataclass(frozen=True, slots=True)
class LocalCertificate:
    """PEM files: a certificate and its key, and the authority that devices have to trust, with the SHA-256 of that."""

    certificate: Path
    key: Path
    authority: Path
    fingerprint: str


def local_certificate(folder: Path, names: Iterable[str], now: datetime | None = None) -> LocalCertificate:
    """The one in `folder` for `names` (host names, addresses), made or renewed where it has to be.

    Raises UnsafeSettings for a name that is not local, and where the folder cannot be read or written.
    """
    wanted, moment = [_local(name) for name in names], now or datetime.now(UTC)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        authority = _authority(folder, moment)
        found = LocalCertificate(
            folder / "server.pem",
            folder / "server.key",
            folder / "ca.pem",
            authority[0].fingerprint(hashes.SHA256()).hex(":").upper(),
        )
        if not _serves(found, authority[0], wanted, moment):
            _issue(found, authority, wanted, moment)
    except OSError as error:
        raise UnsafeSettings(f"the certificate in {folder}: {error.strerror}") from None
    except (ValueError, TypeError):
        raise UnsafeSettings(
            f"the files in {folder} are damaged: remove the folder, and trust the next ca.pem"
        ) from None
    return found


def usable(certificate: Path, key: Path) -> tuple[Path, Path]:
    """The same two PEM files. Raises UnsafeSettings where they cannot be read or do not go together."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except (ssl.SSLError, ValueError):
        raise UnsafeSettings(
            f"{certificate} and {key} are not a certificate and its key, in PEM, unencrypted"
        ) from None
    except OSError as error:
        raise UnsafeSettings(f"{certificate} or {key}: {error.strerror}") from None
    return certificate, key


def _local(name: str) -> Name:
    plain = name.strip("[]").lower()
    try:
        address = ipaddress.ip_address(plain)
    except ValueError:
        if plain.rpartition(".")[2] in NAMES or plain.endswith(".home.arpa"):
            return x509.DNSName(plain)
    else:
        if any(address in ipaddress.ip_network(each) for each in NETWORKS):
            return x509.IPAddress(address)
    raise UnsafeSettings(f"{name} is no local name or address: give FACEWARDEN_TLS_CERT and FACEWARDEN_TLS_KEY for it")


Authority = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def _authority(folder: Path, now: datetime) -> Authority:
    """The one there, as long as it outlives what it is about to sign; else a new one."""
    certificate, key = folder / "ca.pem", folder / "ca.key"
    if key.exists() and certificate.exists():
        found, its_key = x509.load_pem_x509_certificate(certificate.read_bytes()), _read_key(key)
        if found.not_valid_after_utc > now + LIFE and found.public_key() == its_key.public_key():
            return found, its_key
    made = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"facewarden local authority {now:%Y-%m-%d}")])
    permitted: list[x509.GeneralName] = [x509.DNSName(each) for each in NAMES]
    permitted += [x509.IPAddress(ipaddress.ip_network(each)) for each in NETWORKS]
    builder = _builder(name, name, made.public_key(), now, AUTHORITY_LIFE)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
    builder = builder.add_extension(x509.NameConstraints(permitted, None), critical=True)
    signed = builder.sign(made, hashes.SHA256())
    _write_key(key, made)
    _write(certificate, signed.public_bytes(serialization.Encoding.PEM))
    return signed, made


def _issue(into: LocalCertificate, authority: Authority, names: Sequence[Name], now: datetime) -> None:
    certificate, key = authority
    made = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "facewarden")])
    builder = _builder(name, certificate.subject, made.public_key(), now, LIFE)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
    signed = builder.add_extension(issuer, critical=False).sign(key, hashes.SHA256())
    _write_key(into.key, made)
    _write(into.certificate, signed.public_bytes(serialization.Encoding.PEM))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _serves(found: LocalCertificate, authority: x509.Certificate, names: Sequence[Name], now: datetime) -> bool:
    """Whether the certificate there is this authority's, for these names, lives on, and goes with its key."""
    if not (found.certificate.exists() and found.key.exists()):
        return False
    with suppress(InvalidSignature, ValueError, TypeError):
        certificate = x509.load_pem_x509_certificate(found.certificate.read_bytes())
        certificate.verify_directly_issued_by(authority)
        there = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        lives = certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc - RENEW_BEFORE
        return lives and set(there) == set(names) and certificate.public_key() == _read_key(found.key).public_key()
    return False


def _read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise UnsafeSettings(f"{path} may be read by others: chmod 600 it")
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("not a key of this authority")
    return key


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    clear = serialization.NoEncryption()
    _write(path, key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, clear))


def _write(path: Path, content: bytes) -> None:
    """For its owner alone, whole or not at all."""
    unfinished = path.with_name(path.name + ".new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
