"""The model files are the ones their cards describe."""

import hashlib
from importlib import resources

import onnx
import pytest

MODELS = resources.files("embeddings").joinpath("models")
NAMES = sorted(entry.name for entry in MODELS.iterdir() if entry.name.endswith(".onnx"))


@pytest.mark.parametrize("name", NAMES)
def test_the_card_states_the_digest_of_the_file(name: str) -> None:
    card = MODELS.joinpath("README.md").read_text(encoding="utf-8").split(f"## {name}")[1].split("\n## ")[0]
    assert hashlib.sha256(MODELS.joinpath(name).read_bytes()).hexdigest() in card
    assert "Licence" in card


def test_centerface_takes_pictures_of_any_size_and_nothing_else() -> None:
    graph = onnx.load_from_string(MODELS.joinpath("centerface.onnx").read_bytes()).graph
    (given,) = graph.input
    sides = given.type.tensor_type.shape.dim
    assert (given.name, sides[1].dim_value) == ("input.1", 3)
    assert [sides[index].dim_param for index in (0, 2, 3)] == ["batch", "height", "width"]
    assert [value.name for value in graph.output] == ["537", "538", "539", "540"]
