"""axe-core, the accessibility checker, run inside a page. `scripts/test` fetches its package into .cache."""

import base64
import hashlib
import io
import tarfile
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Page

VERSION: Final = "4.11.0"
ARCHIVE: Final = Path(__file__).parents[2] / ".cache" / f"axe-core-{VERSION}.tgz"
SHA512: Final = "ilYanEU8vxxBexpJd8cWM4ElSQq4QctCLKih0TSfjIfCQTeyH/6zVrmIJfLPrKTKJRbiG+cfnZbQIjAlJmF1jQ=="
"""Of the package, as its registry publishes it (`npm view axe-core@4.11.0 dist.integrity`)."""


@cache
def _source() -> str:
    content = ARCHIVE.read_bytes()
    digest = base64.b64encode(hashlib.sha512(content).digest()).decode()
    if digest != SHA512:
        raise ValueError(f"{ARCHIVE.name} is not the package that is expected: SHA-512 {digest}")
    with tarfile.open(fileobj=io.BytesIO(content)) as package:
        script = package.extractfile("package/axe.min.js")
        assert script is not None
        return script.read().decode()


def needed() -> None:
    """Skips the test where the package could not be fetched."""
    if not ARCHIVE.exists():
        pytest.skip(f"axe-core is not in .cache: npm or its registry was not there (npm pack axe-core@{VERSION})")


def violations(page: Page) -> list[str]:
    """What axe finds against any of its rules in the page as it is now: the rule, and where."""
    page.evaluate(_source())  # through the debugger: the page's policy would not let a script in
    found: dict[str, Any] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{each['id']}: {node['html'][:160]} ({node['failureSummary']})"
        for each in found["violations"]
        for node in each["nodes"]
    ]
