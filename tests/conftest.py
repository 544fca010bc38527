"""As in the command line: matrix products of one thread each, or many tests at once take turns at every core."""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import settings

from db.storage import Storage
from service.settings import Settings
from tests import databases, postgres
from tests.db.people import Clock, open_in


def pytest_configure(config: pytest.Config) -> None:
    settings.register_profile("facewarden", deadline=None)  # how long an example takes tells how busy the machine is
    settings.load_profile("facewarden")
    if databases.SERVER is None:
        return
    # A test that is skipped half-way leaves its storage open.
    config.addinivalue_line("filterwarnings", "ignore:.* was deleted while still open:ResourceWarning")
    for part, (name, given) in enumerate((("data_url", "database_url"), ("keys_url", "keystore_url"))):
        setattr(Settings, name, _on_server(part, given))


def _on_server(part: int, given: str) -> property:
    """Every home's databases are on the server, unless a test says where they are."""
    return property(lambda chosen: getattr(chosen, given) or databases.urls(chosen.home)[part])


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL server: that of all tests, or one of its own."""
    if databases.SERVER is not None:
        yield databases.SERVER
        return
    bin_folder = postgres.programs()
    if bin_folder is None:
        pytest.skip("no PostgreSQL server is installed (scripts/test --postgres installs Debian's)")
    with postgres.server(bin_folder) as url:
        yield url


@pytest.fixture(autouse=databases.SERVER is not None)
def _on_the_server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Tests about files, or that open those of a home, are skipped; what a test made is dropped."""
    if request.node.get_closest_marker("files") is not None:
        pytest.skip("is about files of SQLite's")

    def skip(path: str | Path, *_: object, **__: object) -> NoReturn:
        pytest.skip(f"is about a file of SQLite's, {Path(path).name}")

    before = databases.made()
    monkeypatch.setattr(sqlite3, "connect", skip)
    yield
    databases.drop(databases.SERVER or "", databases.made() - before)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def storage(tmp_path: Path, clock: Clock) -> Iterator[Storage]:
    """Empty, and by that clock."""
    opened = open_in(tmp_path, clock)
    yield opened
    opened.close()
