"""dlib's face recognition ResNet as an ONNX graph, built in memory from the published weights.

The same vectors as dlib's own code to 1e-6, at a twentieth of its time. The affine layers and the normalisation of the
input, (x - mean) / 256, are folded into the convolutions, which is exact.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from embeddings.dlib_format import (
    AddTagged,
    Affine,
    BadNetFile,
    Convolution,
    Layer,
    Linear,
    Mark,
    NetFile,
    Pool,
    Relu,
    parse,
)

INPUT: Final = "chips"
OUTPUT: Final = "vectors"
OPSET: Final = 17
_IR_VERSION: Final = 8  # the one that goes with opset 17
_DIVISOR: Final = 256.0
Weights = dict[str, NDArray[np.float32]]
"""By the name that the model has for them."""


def onnx_model(content: bytes) -> tuple[bytes, Weights]:
    """A serialised ONNX model from a dlib .dat file, and its weights, which lie beside it: copied into it and out again
    they would take longer than all the rest.

    Input "chips": uint8 [n, rows, columns, 3], RGB. Output "vectors": float32 [n, outputs], not of unit length.
    Raises BadNetFile.
    """
    return _Graph(parse(content)).build()


@dataclass(frozen=True, slots=True)
class _Value:
    """An intermediate result: its name in the graph and its shape without the batch."""

    name: str
    channels: int
    rows: int
    columns: int


class _Graph:
    """Walks the layers from the innermost out and writes one node after the other."""

    def __init__(self, net: NetFile) -> None:
        self._net = net
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._weights: Weights = {}
        self._tagged: _Value | None = None
        self._branch: _Value | None = None

    def build(self) -> tuple[bytes, Weights]:
        net = self._net
        self._node("Cast", [INPUT], "floats", to=TensorProto.FLOAT)
        self._node("Transpose", ["floats"], "planes", perm=[0, 3, 1, 2])
        value = _Value("planes", 3, net.rows, net.columns)
        layers = fold(net)
        for place, layer in enumerate(layers):
            following = layers[place + 1] if place + 1 < len(layers) else None
            value = self._layer(value, layer, following)
        if (value.rows, value.columns) != (1, 1) or not isinstance(layers[-1], Linear):
            raise BadNetFile("not a network that can be read: it does not end in a linear layer")
        self._node("Identity", [value.name], OUTPUT)
        graph = helper.make_graph(
            self._nodes,
            "dlib_face_recognition_resnet",
            [helper.make_tensor_value_info(INPUT, TensorProto.UINT8, ["n", net.rows, net.columns, 3])],
            [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["n", value.channels])],
            self._constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=_IR_VERSION)
        serialised: bytes = model.SerializeToString()
        return serialised, self._weights

    def _layer(self, value: _Value, layer: Layer, following: Layer | None) -> _Value:
        match layer:
            case Convolution():
                return self._convolution(value, layer)
            case Relu():
                return self._simple("Relu", value)
            case Pool():
                return self._pool(value, layer)
            case AddTagged():
                return self._add(value)
            case Linear():
                return self._linear(value, layer)
            case Mark():
                return self._mark(value, following)
            case Affine():
                raise BadNetFile("not a network that can be read: an affine layer that follows no convolution")

    def _mark(self, value: _Value, following: Layer | None) -> _Value:
        """One mark tags a block's input; a second right behind it (tag and skip) goes back there for the shortcut."""
        if isinstance(following, Mark):
            self._branch = value
            return value
        if self._branch is not None:
            if self._tagged is None:
                raise BadNetFile("not a network that can be read: a shortcut from nowhere")
            return self._tagged
        self._tagged = value
        return value

    def _add(self, value: _Value) -> _Value:
        other = self._branch or self._tagged
        self._branch = self._tagged = None
        if other is None:
            raise BadNetFile("not a network that can be read: an addition of nothing")
        channels = max(value.channels, other.channels)
        rows, columns = max(value.rows, other.rows), max(value.columns, other.columns)
        names = [self._grown(operand, channels, rows, columns) for operand in (value, other)]
        return _Value(self._node("Add", names), channels, rows, columns)

    def _grown(self, value: _Value, channels: int, rows: int, columns: int) -> str:
        ends = [0, channels - value.channels, rows - value.rows, columns - value.columns]
        if not any(ends):
            return value.name
        return self._node("Pad", [value.name, self._constant(np.array([0, 0, 0, 0, *ends], np.int64))])

    def _convolution(self, value: _Value, layer: Convolution) -> _Value:
        out, channels, rows, columns = layer.filters.shape
        if channels != value.channels:
            raise BadNetFile("not a network that can be read: a convolution of other channels than it is given")
        name = self._node(
            "Conv",
            [value.name, self._weight(layer.filters), self._weight(layer.biases)],
            strides=[layer.stride] * 2,
            pads=[layer.padding] * 4,
        )
        return self._stepped(value, name, out, (rows, columns), layer.stride, layer.padding)

    def _pool(self, value: _Value, layer: Pool) -> _Value:
        if layer.window == 0 and layer.kind == "avg":
            return _Value(self._node("GlobalAveragePool", [value.name]), value.channels, 1, 1)
        kind = "MaxPool" if layer.kind == "max" else "AveragePool"
        window = [layer.window] * 2
        name = self._node(kind, [value.name], kernel_shape=window, strides=[layer.stride] * 2)
        return self._stepped(value, name, value.channels, (layer.window, layer.window), layer.stride, 0)

    @staticmethod
    def _stepped(value: _Value, name: str, channels: int, window: tuple[int, int], stride: int, padding: int) -> _Value:
        rows = (value.rows + 2 * padding - window[0]) // stride + 1
        columns = (value.columns + 2 * padding - window[1]) // stride + 1
        if rows < 1 or columns < 1 or 0 in window:
            raise BadNetFile("not a network that can be read: a window larger than the map")
        return _Value(name, channels, rows, columns)

    def _linear(self, value: _Value, layer: Linear) -> _Value:
        inputs, outputs = layer.weights.shape
        if inputs != value.channels * value.rows * value.columns:
            raise BadNetFile("not a network that can be read: a linear layer of another width than it is given")
        flat = self._node("Flatten", [value.name])
        return _Value(self._node("MatMul", [flat, self._weight(layer.weights)]), outputs, 1, 1)

    def _simple(self, kind: str, value: _Value) -> _Value:
        return _Value(self._node(kind, [value.name]), value.channels, value.rows, value.columns)

    def _node(self, kind: str, inputs: list[str], output: str = "", **attributes: Any) -> str:
        output = output or f"{kind.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def _constant(self, values: NDArray[np.int64]) -> str:
        self._constants.append(numpy_helper.from_array(values, f"constant_{len(self._constants)}"))
        return self._constants[-1].name

    def _weight(self, values: NDArray[np.float32]) -> str:
        """Declared as lying in another place, which is never looked for, since the values are given."""
        name = f"weight_{len(self._weights)}"
        self._weights[name] = np.ascontiguousarray(values)
        declared = TensorProto(
            name=name, data_type=TensorProto.FLOAT, dims=values.shape, data_location=TensorProto.EXTERNAL
        )
        declared.external_data.add(key="location", value=name)
        self._constants.append(declared)
        return name


def fold(net: NetFile) -> list[Layer]:
    """The layers with every affine layer and the input's normalisation folded into the convolution before it."""
    layers: list[Layer] = []
    for layer in net.layers:
        before = layers[-1] if layers else None
        if isinstance(layer, Affine) and isinstance(before, Convolution):
            layers[-1] = _with_affine(before, layer)
        else:
            layers.append(layer)
    if not isinstance(layers[0], Convolution) or layers[0].padding:
        raise BadNetFile("not a network that can be read: it does not begin with an unpadded convolution")
    layers[0] = _with_normalisation(layers[0], net.mean)
    return layers


def _with_affine(layer: Convolution, affine: Affine) -> Convolution:
    if affine.gamma.size != layer.biases.size:
        raise BadNetFile("not a network that can be read: an affine layer of other channels than it is given")
    gamma = affine.gamma.astype(np.float64)
    filters = layer.filters * gamma[:, None, None, None]
    biases = layer.biases * gamma + affine.beta
    return Convolution(filters.astype(np.float32), biases.astype(np.float32), layer.stride, layer.padding)


def _with_normalisation(layer: Convolution, mean: tuple[float, float, float]) -> Convolution:
    """Exact only without padding: dlib pads with the zero of the normalised input."""
    if layer.filters.shape[1] != len(mean):
        raise BadNetFile("not a network that can be read: its input has not three channels")
    filters = layer.filters.astype(np.float64) / _DIVISOR
    shift = (filters * np.array(mean)[None, :, None, None]).sum(axis=(1, 2, 3))
    return Convolution(filters.astype(np.float32), (layer.biases - shift).astype(np.float32), layer.stride, 0)
