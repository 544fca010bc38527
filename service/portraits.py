"""Portraits to try the service on: those of the published source package of face_recognition (MIT).

They are fetched from the package index, checked, and unpacked outside of version control; the package is neither
installed nor imported.
"""

import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from platformdirs import user_cache_path

from service.errors import ServiceError

PACKAGE: Final = "face_recognition==1.3.0"
SHA256: Final = "5e5efdd1686aa566af0d3cc1313b131e4b197657a8ffd03669e6d3fad92705ec"
INSIDE: Final = "tests/test_images/"
NAMES: Final = (
    "obama.jpg",
    "obama2.jpg",
    "obama3.jpg",
    "biden.jpg",
    "obama_partial_face.jpg",
    "obama_partial_face2.jpg",
)


class PortraitsUnavailable(ServiceError):
    """The package index cannot be reached, or gave something else."""

    code: ClassVar[str] = "portraits_unavailable"


@dataclass(frozen=True, slots=True)
class Portraits:
    """Paths of JPEG files: three photos of one man, one of another, two that show half a face."""

    obama: Path
    obama2: Path
    obama3: Path
    biden: Path
    partial: Path
    partial2: Path


def default_folder() -> Path:
    """`.cache/portraits` in a clone (git ignores it), else a folder of the user's cache directory."""
    root = Path(__file__).resolve().parents[1]
    if (root / "pyproject.toml").is_file():
        return root / ".cache" / "portraits"
    return user_cache_path("facewarden", appauthor=False) / "portraits"


def fetch(folder: Path | None = None) -> Portraits:
    """The portraits, fetched into `folder` where they are not there yet. Raises PortraitsUnavailable."""
    folder = folder or default_folder()
    paths = [folder / name for name in NAMES]
    if not all(path.is_file() for path in paths):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as temporary:
            for name, content in _unpack(_download(Path(temporary))).items():
                unfinished = Path(temporary) / name
                unfinished.write_bytes(content)
                unfinished.replace(folder / name)
    return Portraits(*paths)


def _download(folder: Path) -> Path:
    """The source package in `folder`. pip runs its set-up script for the metadata, hence only after checking it."""
    pinned = folder / "requirements.txt"
    pinned.write_text(f"{PACKAGE} --hash=sha256:{SHA256}\n", encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    source = [
        "--no-binary",
        ":all:",
        "--no-build-isolation",
        "--require-hashes",
        "--dest",
        str(folder),
        "-r",
        str(pinned),
    ]
    try:
        done = subprocess.run([*pip, *source], capture_output=True, check=False, timeout=300)  # noqa: S603 - fixed words
    except subprocess.TimeoutExpired:
        raise PortraitsUnavailable("the package index does not answer") from None
    found = list(folder.glob("*.tar.gz"))
    if b"DO NOT MATCH THE HASHES" in done.stderr:
        raise PortraitsUnavailable(f"the package index gave another {PACKAGE}")
    if done.returncode or len(found) != 1:
        raise PortraitsUnavailable(f"pip could not fetch {PACKAGE}")
    return found[0]


def _unpack(archive: Path) -> dict[str, bytes]:
    found = {}
    with tarfile.open(archive) as tar:
        for member in tar:
            name = Path(member.name).name
            if member.isfile() and INSIDE in member.name and name in NAMES:
                file = tar.extractfile(member)
                assert file is not None  # noqa: S101 - a regular file has content
                found[name] = file.read()
    if len(found) != len(NAMES):
        raise PortraitsUnavailable(f"{PACKAGE} lacks its test pictures")
    return found
