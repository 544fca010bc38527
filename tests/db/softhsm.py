"""A software token (SoftHSM2) in a folder, for what needs a hardware module."""

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

from db.key_file import KeyFile
from db.pkcs11_keys import IntoModule, Pkcs11Keys
from db.storage import Storage
from tests.databases import urls
from tests.db.people import Clock

TOKEN, PIN = "facewarden-test", "1234"
PLACES = (
    "/usr/lib/softhsm",
    "/usr/lib/*/softhsm",
    "/usr/lib64/softhsm",
    "/usr/local/lib/softhsm",
    "/opt/*/lib/softhsm",
)


def module() -> Path | None:
    """The library; None where it is not installed."""
    found = (path for place in PLACES for path in Path("/").glob(place[1:] + "/libsofthsm2.so"))
    return next(found, None)


def missing() -> str | None:
    """Why there is no token to be had; None where there is."""
    if importlib.util.find_spec("pkcs11") is None:
        return "python-pkcs11 is not installed (requirements-pkcs11.lock)"
    if module() is None or shutil.which("softhsm2-util") is None:
        return "SoftHSM2 is not installed (apt-get install softhsm2)"
    return None


def use(folder: Path) -> None:
    """The tokens in this folder are those of this process; only before the library is loaded."""
    os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")


def make(folder: Path) -> None:
    """A fresh token, described by a `softhsm2.conf` in `folder`."""
    (folder / "tokens").mkdir(parents=True)
    point(folder)
    command = ["softhsm2-util", "--init-token", "--free", "--label", TOKEN, "--pin", PIN, "--so-pin", "12345678"]
    environment = os.environ | {"SOFTHSM2_CONF": str(folder / "softhsm2.conf")}
    subprocess.run(command, check=True, capture_output=True, env=environment)


def point(folder: Path) -> None:
    """Writes the `softhsm2.conf` of a folder that a token was made in or copied to."""
    text = f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n"
    (folder / "softhsm2.conf").write_text(text)


def keys(label: str = "facewarden", *, pin: str = PIN, token: str = TOKEN) -> Pkcs11Keys:
    return Pkcs11Keys(module() or Path("none"), token, pin, label)


def open_with_token(home: Path, label: str = "facewarden") -> Storage:
    return Storage.open(*urls(home), IntoModule(keys(label), KeyFile(home / "master.key")), clock=Clock())
