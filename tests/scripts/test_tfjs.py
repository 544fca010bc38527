"""A graph in TensorFlow.js's format, made here, converted, run, and held against the same layers on numpy."""

import base64
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from embeddings.onnx import Runtime
from tests.scripts.planes_last import conv, depthwise, maximum, prelu, relu, softmax
from tests.scripts.sources import source

tfjs, stored = source("tfjs"), source("stored")
SIDE = 9
GENERATOR = np.random.default_rng(5)


def text(word: str) -> str:
    return base64.b64encode(word.encode()).decode()


def node(name: str, kind: str, *inputs: str, **attributes: Any) -> dict[str, Any]:
    return {"name": name, "op": kind, "input": list(inputs), "attr": attributes}


def window(stride: int, padding: str, *, dilation: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "strides": {"list": {"i": ["1", str(stride), str(stride), "1"]}},
        "dilations": {"list": {"i": ["1", str(dilation), str(dilation), "1"]}},
        "padding": {"s": text(padding)},
        **more,
    }


def fused(*steps: str) -> dict[str, Any]:
    return {"fused_ops": {"list": {"s": [text(step) for step in ("BiasAdd", *steps)]}}}


def picture(channels: int) -> dict[str, Any]:
    sizes = [{"size": str(size)} for size in (-1, SIDE, SIDE, channels)]
    return node("picture", "Placeholder", shape={"shape": {"dim": sizes}})


def numbers(*shape: int) -> NDArray[np.float32]:
    return GENERATOR.normal(size=shape).astype(np.float32)


def converted(nodes: list[dict[str, Any]], weights: dict[str, NDArray[Any]], *outputs: tuple[str, Any]) -> bytes:
    wanted = tuple(tfjs.Output(name, name, shape) for name, shape in outputs)
    held = {name: stored.Weight(array) for name, array in weights.items()}
    made: bytes = tfjs.convert("tiny", {"node": nodes}, held, SIDE, wanted)
    return made


def run(model: bytes, *pictures: NDArray[np.float32]) -> list[NDArray[Any]]:
    """`pictures` [rows, columns, planes]."""
    batch = np.ascontiguousarray(np.stack(pictures).transpose(0, 3, 1, 2))
    return Runtime(1).load(model).run({"picture": batch})


def test_convolutions_pools_and_activations() -> None:
    weights = {
        "k1": numbers(3, 3, 2, 4), "b1": numbers(4), "a1": numbers(1, 1, 4), "k2": numbers(3, 3, 4, 1),
        "k3": numbers(1, 1, 4, 6), "b3": numbers(6), "a2": numbers(1, 1, 6),
        "ends": np.array([[0, 0], [0, 0], [0, 0], [0, 2]], np.int32), "axes": np.array([1, 2], np.int32),
    }  # fmt: skip
    kept = {"list": {"i": ["1", "2", "2", "1"]}}
    nodes = [
        node("softmax", "Softmax", "mean"),  # order in the file does not matter
        picture(2),
        node("first", "_FusedConv2D", "picture", "k1", "b1", "a1", **window(2, "SAME"), **fused("Prelu")),
        node("deep", "DepthwiseConv2dNative", "first", "k2", **window(1, "SAME")),
        node("wide", "_FusedConv2D", "deep", "k3", "b3", **window(1, "VALID"), **fused("Relu")),
        node("padded", "Pad", "first", "ends"),
        node("sum", "AddV2", "wide", "padded"),
        node("slope", "Prelu", "sum", "a2"),
        node("pool", "MaxPool", "slope", **window(2, "SAME", ksize=kept)),
        node("mean", "Mean", "pool", "axes", keep_dims={"b": False}),
    ]
    one, other = numbers(SIDE, SIDE, 2), numbers(SIDE, SIDE, 2)
    (made,) = run(converted(nodes, weights, ("softmax", ("batch", 6))), one, other)
    for row, given in zip(made, (one, other), strict=True):
        first = prelu(conv(given, weights["k1"], 2) + weights["b1"], weights["a1"])
        wide = relu(conv(depthwise(first, weights["k2"]), weights["k3"], same=False) + weights["b3"])
        slope = prelu(wide + np.pad(first, ((0, 0), (0, 0), (0, 2))), weights["a2"])
        assert row == pytest.approx(softmax(maximum(slope, 2, 2).mean(axis=(0, 1))), abs=1e-5)


def test_numbers_come_out_in_the_published_order() -> None:
    """A reshape, and an output of four dimensions, follow the order with planes last."""
    weights = {"k": numbers(1, 1, 2, 3), "b": numbers(3), "shape": np.array([-1, SIDE * SIDE * 3], np.int32)}
    nodes = [
        picture(2),
        node("conv", "_FusedConv2D", "picture", "k", "b", **window(1, "VALID"), **fused()),
        node("sigmoid", "Sigmoid", "conv"),
        node("flat", "Reshape", "sigmoid", "shape"),
        node("same", "Identity", "sigmoid"),
    ]
    model = converted(nodes, weights, ("flat", ("batch", SIDE * SIDE * 3)), ("same", ("batch", SIDE, SIDE, 3)))
    given = numbers(SIDE, SIDE, 2)
    flat, same = run(model, given)
    expected = 1 / (1 + np.exp(-(conv(given, weights["k"], same=False) + weights["b"])))
    assert same[0] == pytest.approx(expected, abs=1e-6)
    assert flat[0] == pytest.approx(expected.ravel(), abs=1e-6)


def test_planes_are_joined() -> None:
    nodes = [picture(2), node("relu", "Relu", "picture"), node("joined", "ConcatV2", "picture", "relu", "axis")]
    model = converted(nodes, {"axis": np.array(3, np.int32)}, ("joined", ("batch", SIDE, SIDE, 4)))
    given = numbers(SIDE, SIDE, 2)
    assert run(model, given)[0][0] == pytest.approx(np.concatenate([given, relu(given)], axis=2))


def test_sums_products_and_bounds_with_one_number_a_plane_or_one_for_all() -> None:
    weights = {"k": numbers(3, 3, 2, 4), "scale": numbers(4), "shift": numbers(4), "six": np.array(0.6, np.float32)}
    nodes = [
        picture(2),
        node("conv", "Conv2D", "picture", "k", **window(2, "SAME")),
        node("scaled", "Mul", "scale", "conv"),
        node("shifted", "Add", "scaled", "shift"),
        node("least", "Minimum", "shifted", "six"),
        node("most", "Maximum", "least", "shift"),
    ]
    given = numbers(SIDE, SIDE, 2)
    (made,) = run(converted(nodes, weights, ("most", ("batch", 5, 5, 4))), given)
    least = np.minimum(conv(given, weights["k"], 2) * weights["scale"] + weights["shift"], weights["six"])
    assert made[0] == pytest.approx(np.maximum(least, weights["shift"]), abs=1e-5)


def test_what_no_output_needs_is_left_out() -> None:
    nodes = [picture(2), node("relu", "Relu", "picture"), node("strange", "FFT", "picture")]
    graph = onnx.load_from_string(converted(nodes, {}, ("relu", ("batch", SIDE, SIDE, 2)))).graph
    assert "Relu" in {each.op_type for each in graph.node}
    assert len(graph.node) <= 3


def test_the_same_graph_gives_the_same_bytes() -> None:
    weights = {"k": numbers(3, 3, 2, 3), "b": numbers(3)}
    nodes = [picture(2), node("conv", "_FusedConv2D", "picture", "k", "b", **window(1, "SAME"), **fused())]
    one, other = (converted(nodes, weights, ("conv", ("batch", SIDE, SIDE, 3))) for _ in range(2))
    assert one == other
    assert onnx.load_from_string(one).producer_name == ""


REFUSED = {
    "operation": [node("out", "FFT", "picture")],
    "dilated": [node("out", "_FusedConv2D", "picture", "k", "b", **window(1, "SAME", dilation=2), **fused())],
    "padding": [node("out", "_FusedConv2D", "picture", "k", "b", **window(1, "EXPLICIT"), **fused())],
    "activation": [node("out", "_FusedConv2D", "picture", "k", "b", **window(1, "SAME"), **fused("Elu"))],
    "multiplier": [node("out", "DepthwiseConv2dNative", "picture", "double", **window(1, "SAME"))],
    "mean": [node("out", "Mean", "picture", "axis", keep_dims={"b": False})],
    "kept mean": [node("out", "Mean", "picture", "axes", keep_dims={"b": True})],
    "joined rows": [node("out", "ConcatV2", "picture", "picture", "axis")],
}


@pytest.mark.parametrize("nodes", REFUSED.values(), ids=REFUSED)
def test_what_is_not_known_is_refused(nodes: list[dict[str, Any]]) -> None:
    weights = {
        "k": numbers(3, 3, 2, 3), "b": numbers(3), "double": numbers(3, 3, 2, 2),
        "axis": np.array([1], np.int32), "axes": np.array([1, 2], np.int32),
    }  # fmt: skip
    with pytest.raises(stored.UnknownFormat):
        converted([picture(2), *nodes], weights, ("out", ("batch", 1)))
