"""As in the command line: matrix products of one thread each, or many tests at once take turns at every core."""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from service.settings import Settings
from tests import databases, postgres


def pytest_configure(config: pytest.Config) -> None:
    if databases.SERVER is not None:  # a test that is skipped half-way leaves its storage open
        config.addinivalue_line("filterwarnings", "ignore:.* was deleted while still open:ResourceWarning")


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
    """Every home's databases are on the server, and tests about files, or that open those of one, are skipped."""
    if request.node.get_closest_marker("files") is not None:
        pytest.skip("is about files of SQLite's")

    def url(part: int, given: str) -> property:
        return property(lambda chosen: getattr(chosen, given) or databases.urls(chosen.home)[part])

    def skip(path: str | Path, *_: object, **__: object) -> NoReturn:
        pytest.skip(f"is about a file of SQLite's, {Path(path).name}")

    monkeypatch.setattr(Settings, "data_url", url(0, "database_url"))
    monkeypatch.setattr(Settings, "keys_url", url(1, "keystore_url"))
    monkeypatch.setattr(sqlite3, "connect", skip)
    yield
    databases.drop_made(databases.SERVER or "")
