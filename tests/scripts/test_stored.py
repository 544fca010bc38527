"""Weights as they are stored: read, and widened in the graph to the same numbers."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from embeddings.onnx import Runtime
from tests.scripts.sources import source

stored, graph = source("stored"), source("graph")
SMALL = {"dtype": "uint8", "scale": 0.25, "min": -3.0}
HALF = {"dtype": "float16", "original_dtype": "float32"}


def entry(name: str, kind: str, shape: list[int], quantization: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"name": name, "dtype": kind, "shape": shape} | ({"quantization": quantization} if quantization else {})


def group(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"paths": ["weights.bin"], "weights": list(entries)}


def test_every_kind_is_read_where_it_lies() -> None:
    manifest = [
        group(entry("plain", "float32", [2]), entry("small", "float32", [3, 1], SMALL)),
        group(entry("half", "float32", [2], HALF), entry("whole", "int32", []), entry("bias", "float32", [1])),
    ]
    blob = (
        np.array([1.5, -2], "<f4").tobytes() + bytes([0, 12, 255]) + np.array([0.5, 7], "<f2").tobytes()
        + np.array(-4, "<i4").tobytes() + np.array([9], "<f4").tobytes()
    )  # fmt: skip
    weights = stored.read(manifest, blob)
    assert list(weights) == ["plain", "small", "half", "whole", "bias"]
    assert weights["plain"].wide().tolist() == [1.5, -2]
    assert weights["small"].wide().tolist() == [[-3.0], [0.0], [60.75]]
    assert weights["small"].stored.dtype == np.uint8
    assert weights["half"].wide().tolist() == [0.5, 7]
    assert weights["half"].stored.dtype == np.float16
    assert weights["whole"].wide() == -4
    assert weights["bias"].wide().tolist() == [9]


@pytest.mark.parametrize("length", [7, 9])
def test_a_blob_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(stored.UnknownFormat, match="blob"):
        stored.read([group(entry("plain", "float32", [2]))], bytes(length))


@pytest.mark.parametrize(("kind", "quantization"), [("string", None), ("float32", {"dtype": "uint16"})])
def test_an_unknown_kind_is_refused(kind: str, quantization: dict[str, Any] | None) -> None:
    with pytest.raises(stored.UnknownFormat, match="stored as"):
        stored.read([group(entry("odd", kind, [1], quantization))], bytes(4))


def test_arranging_keeps_what_widens() -> None:
    weight = stored.Weight(np.arange(6, dtype=np.uint8).reshape(2, 3), 0.5, -1.0).arranged(1, 0).shaped(6)
    assert weight.wide().tolist() == [-1.0, 0.5, -0.5, 1.0, 0.0, 1.5]


@pytest.mark.parametrize(
    "weight",
    [
        stored.Weight(np.array([0, 3, 200, 255], np.uint8), 0.0113, -1.27),
        stored.Weight(np.array([0.1, -7, 1e-4, 60000], np.float16)),
        stored.Weight(np.array([0.1, -7, 1e-4, 3e9], np.float32)),
    ],
    ids=["uint8", "float16", "float32"],
)
def test_the_graph_widens_to_the_same_numbers(weight: Any) -> None:
    writer = graph.GraphWriter()
    total = writer.node("Add", "given", writer.weight(weight))
    model = writer.build("tiny", {"given": (4,)}, {"total": (total, (4,))})
    (made,) = Runtime(1).load(model).run({"given": np.zeros(4, np.float32)})
    expected: NDArray[np.float32] = weight.wide()
    assert made == pytest.approx(expected, rel=1e-6)
