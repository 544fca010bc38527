from collections.abc import Iterator
from pathlib import Path

import pytest

from service.bootstrap import Application, build
from service.settings import Settings


@pytest.fixture
def application(tmp_path: Path) -> Iterator[Application]:
    """The whole service, real models and real sealed databases, in a folder of its own."""
    built = build(Settings(home=tmp_path / "home"))
    yield built
    built.close()
