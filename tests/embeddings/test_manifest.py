"""The manifest, the files, their cards and the recipes that make them belong together one to one."""

import hashlib
import re
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

import onnx
import pytest

from tests.scripts.sources import source

MODELS = resources.files("embeddings").joinpath("models")
ENTRIES: list[dict[str, Any]] = tomllib.loads(MODELS.joinpath("manifest.toml").read_text(encoding="utf-8"))["model"]
CARDS = MODELS.joinpath("README.md").read_text(encoding="utf-8")
KEYS = {"id", "role", "file", "sha256", "index", "package", "version", "licence", "input", "output"}


def described(value: onnx.ValueInfoProto) -> str:
    """As the manifest writes it: name, type and shape."""
    assert value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    sides = [side.dim_param or str(side.dim_value) for side in value.type.tensor_type.shape.dim]
    return f"{value.name} float32 [{', '.join(sides)}]"


def test_every_network_has_one_entry_and_one_card() -> None:
    files = sorted(entry.name for entry in MODELS.iterdir() if entry.name.endswith(".onnx"))
    assert sorted(entry["file"] for entry in ENTRIES) == files
    assert sorted(re.findall(r"^## (\S+\.onnx)$", CARDS, re.MULTILINE)) == files


def test_ids_are_unique() -> None:
    ids = [entry["id"] for entry in ENTRIES]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: str(entry["file"]))
def test_an_entry_states_what_the_file_is(entry: dict[str, Any]) -> None:
    assert entry.keys() == KEYS
    content = MODELS.joinpath(entry["file"]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == entry["sha256"]
    graph = onnx.load_from_string(content).graph
    assert [described(value) for value in graph.input] == [entry["input"]]
    assert [described(value) for value in graph.output] == entry["output"]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: str(entry["file"]))
def test_the_card_names_the_same_source(entry: dict[str, Any]) -> None:
    card = CARDS.split(f"## {entry['file']}\n")[1].split("\n## ")[0]
    assert f"{entry['package']} {entry['version']}" in card
    assert entry["licence"] in card
    assert entry["sha256"] in card
    assert "**Input:**" in card
    assert "Out of scope" in card


def test_the_recipes_name_the_same_packages() -> None:
    recipes = {"age_gender": "face_api", "expression": "face_api", "centerface": "centerface"}
    for entry in ENTRIES:
        package = source(recipes.get(Path(entry["file"]).stem, "human")).PACKAGE
        assert (package.name, package.version) == (entry["package"], entry["version"])
        assert package.digest in CARDS


def test_attributes_mesh_and_iris_stay_small() -> None:
    ours = [entry["file"] for entry in ENTRIES if entry["file"] not in ("centerface.onnx", "faceres.onnx")]
    assert sum(len(MODELS.joinpath(file).read_bytes()) for file in ours) < 7_000_000
