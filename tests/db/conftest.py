from collections.abc import Iterator
from pathlib import Path

import pytest

from db.storage import Storage
from tests.db.people import open_in


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    opened = open_in(tmp_path)
    yield opened
    opened.close()
