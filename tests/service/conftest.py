import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.bootstrap import Application, build
from service.settings import Settings
from tests.db.people import Clock
from tests.portraits import Portraits, portraits
from tests.service import oidc


@pytest.fixture
def application(tmp_path: Path) -> Iterator[Application]:
    """The whole service, real models and real sealed databases, in a folder of its own."""
    built = build(Settings(home=tmp_path / "home"))
    yield built
    built.close()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own for whatever reads settings from the environment, and no other setting in that."""
    for name in [name for name in os.environ if name.startswith("FACEWARDEN_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("FACEWARDEN_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(scope="module")
def people() -> Portraits:
    return portraits()


@pytest.fixture(scope="module")
def clock() -> Clock:
    """Stands still until it is set."""
    return Clock()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[oidc.House]:
    """With applications that people sign in to."""
    yield from oidc.opened(tmp_path_factory.mktemp("oidc") / "home")
