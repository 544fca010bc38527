"""Tests of one file share a browser."""

from collections.abc import Iterator

import pytest

from tests.story.browser import close_browsers


@pytest.fixture(scope="module", autouse=True)
def _one_browser_a_file() -> Iterator[None]:
    yield
    close_browsers()
