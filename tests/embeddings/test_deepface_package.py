"""What is refused, and in which words, where deepface or its weight files are not there. Needs no deepface."""

import importlib.util
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from embeddings.attribute_models import attribute_estimator
from embeddings.deepface_antispoof import DeepFaceAntiSpoof
from embeddings.deepface_attributes import DeepFaceAttributes
from embeddings.deepface_package import (
    AGE,
    EMOTION,
    FASNET,
    GENDER,
    DeepFaceNotInstalled,
    DeepFaceWeightsUnusable,
    part,
    require,
)
from embeddings.onnx import Runtime
from embeddings.packaged_attributes import PackagedAttributes

ROOT = Path(__file__).resolve().parents[2]
without_deepface = pytest.mark.skipif(importlib.util.find_spec("deepface") is not None, reason="deepface is installed")


def test_a_package_that_is_not_there_is_told_with_the_way_to_get_it() -> None:
    with pytest.raises(DeepFaceNotInstalled, match=r"'no_such_package'.*scripts/install --deepface"):
        part("modules.detection", package="no_such_package")


@without_deepface
def test_without_deepface_neither_estimator_loads() -> None:
    with pytest.raises(DeepFaceNotInstalled, match=r"'deepface'.*scripts/install --deepface"):
        DeepFaceAttributes.load()
    with pytest.raises(DeepFaceNotInstalled):
        DeepFaceAntiSpoof.load()


@without_deepface
def test_the_service_does_not_start_and_says_why_in_one_line(tmp_path: Path) -> None:
    program = "from service.cli.main import main; main()"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
    done = subprocess.run(
        [sys.executable, "-c", program, "serve", "--port", port],
        env={"PYTHONPATH": str(ROOT), "FACEWARDEN_HOME": str(tmp_path), "FACEWARDEN_ATTRIBUTE_MODELS": "deepface"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    told = " ".join(done.stderr.split())
    assert "facewarden: deepface is not installed: No module named 'deepface'" in told
    assert "Traceback" not in told
    assert "scripts/install --deepface" in told


def test_missing_files_are_named_with_their_folder_and_no_others(tmp_path: Path) -> None:
    (tmp_path / AGE.files[0]).touch()
    (tmp_path / EMOTION.files[0]).mkdir()
    wanted = [*AGE.files, *GENDER.files, *EMOTION.files, *FASNET.files]
    with pytest.raises(DeepFaceWeightsUnusable) as refusal:
        require(tmp_path, wanted)
    told = str(refusal.value)
    assert str(tmp_path) in told
    assert AGE.files[0] not in told
    assert all(name in told for name in wanted[1:])


def test_nothing_is_refused_where_every_file_is_there(tmp_path: Path) -> None:
    for name in FASNET.files:
        (tmp_path / name).touch()
    require(tmp_path, FASNET.files)


def test_no_kinds_no_estimator_and_the_packaged_one_by_default() -> None:
    runtime = Runtime(1)
    assert attribute_estimator("deepface", runtime, frozenset()) is None
    assert isinstance(attribute_estimator("packaged", runtime, frozenset({"age"})), PackagedAttributes)
