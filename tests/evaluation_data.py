"""Where the evaluation pictures are: beside the project, never in it."""

import os
from pathlib import Path

import pytest

ROOT = Path(os.environ.get("FACEWARDEN_TEST_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")


def folder(name: str) -> Path:
    """The folder `name` of the evaluation data; skips the test, saying so, where it is not there."""
    path = ROOT / name
    if not path.is_dir():
        pytest.skip(f"needs the evaluation folder {name}/, which is not on this machine")
    return path
