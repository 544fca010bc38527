"""A backup's archive: a tar of a manifest, one database, and the tombstones there were. docs/format.md says it all."""

import hashlib
import hmac
import io
import json
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Final, Literal

from db.errors import BackupRefused, StorageUnavailable
from db.keys import digest_under

FORMAT: Final = "facewarden backup 1"
MANIFEST, DATABASE, ERASED = "manifest.json", "database", "erased"
MAX_MANIFEST_BYTES: Final = 65_536
DIGEST_BYTES: Final = 32
_PIECE: Final = 1 << 20

Kind = Literal["data", "keys"]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive says of itself. Moments are ISO 8601 with zone, digests hexadecimal SHA-256.

    `backup_id` is that of the archive made in the same moment; `expires_at`: only a keys archive has one.
    """

    format: str
    kind: str
    backup_id: str
    created_at: str
    expires_at: str | None
    people: int
    database: str
    erased: str

    def expired(self, now: datetime) -> bool:
        """A keys archive that does not say when it expires has."""
        if self.kind == "data":
            return False
        return self.expires_at is None or datetime.fromisoformat(self.expires_at) <= now

    def code(self, secret: bytes) -> str:
        """HMAC-SHA256 of it under the secret for backups, hexadecimal."""
        return digest_under(secret, json.dumps(asdict(self), sort_keys=True).encode()).hex()


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive whose manifest can be read; whether it is genuine, `check` says."""

    path: Path
    manifest: Manifest
    mac: str

    @classmethod
    def read(cls, path: Path) -> "Archive":
        """Raises BackupRefused for what is no archive."""
        with _members(path) as archive:
            content = json.loads(_member(archive, MANIFEST).read(MAX_MANIFEST_BYTES))
            mac = content.pop("mac")
            manifest = Manifest(**content)
            if manifest.format != FORMAT or manifest.kind not in {"data", "keys"} or not isinstance(mac, str):
                raise ValueError
            manifest.expired(datetime.fromisoformat(manifest.created_at))
        return cls(path, manifest, mac)

    def check(self, secret: bytes) -> None:
        """Raises BackupRefused unless this installation wrote it and nobody changed the manifest."""
        if not hmac.compare_digest(self.manifest.code(secret), self.mac):
            raise BackupRefused(f"{self.path} was changed, or comes from another installation")

    def erased(self) -> set[bytes]:
        """The tombstones. Raises BackupRefused where they are not those of the manifest."""
        with _members(self.path) as archive:
            content = _member(archive, ERASED).read()
        if hashlib.sha256(content).hexdigest() != self.manifest.erased or len(content) % DIGEST_BYTES:
            raise BackupRefused(f"{self.path} is damaged")
        return {content[start : start + DIGEST_BYTES] for start in range(0, len(content), DIGEST_BYTES)}

    def extract(self, target: Path) -> None:
        """Writes the database to a new file, flushed. Raises BackupRefused where it is not that of the manifest."""
        digest = hashlib.sha256()
        with _members(self.path) as archive, _new_file(target) as file:
            source = _member(archive, DATABASE)
            while piece := source.read(_PIECE):
                digest.update(piece)
                file.write(piece)
        if digest.hexdigest() != self.manifest.database:
            target.unlink()
            raise BackupRefused(f"{self.path} is damaged")


def write(target: Path, manifest: Manifest, secret: bytes, database: Path, erased: bytes) -> None:
    """Writes an archive to a new file, flushed. Raises StorageUnavailable."""
    told = json.dumps({**asdict(manifest), "mac": manifest.code(secret)}, indent=2).encode()
    with _new_file(target) as file, tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in ((MANIFEST, told), (ERASED, erased)):
            archive.addfile(_entry(name, len(content)), io.BytesIO(content))
        with database.open("rb") as source:
            archive.addfile(_entry(DATABASE, database.stat().st_size), source)


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _entry(name: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o600
    return entry


@contextmanager
def _new_file(path: Path) -> Iterator[IO[bytes]]:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise StorageUnavailable(f"{path} cannot be written: {error.strerror}") from None


@contextmanager
def _members(path: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(path, "r:") as archive:
            yield archive
    except OSError as error:
        raise BackupRefused(f"{path} cannot be read: {error.strerror}") from None
    except (tarfile.TarError, KeyError, ValueError, TypeError, AttributeError):
        raise BackupRefused(f"{path} is no archive of facewarden, or a damaged one") from None


def _member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    """Raises KeyError where there is no such file in it."""
    found = archive.extractfile(name)
    if found is None:
        raise KeyError(name)
    return found
