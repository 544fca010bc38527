"""From a TensorFlow.js graph model (picture planes last, NHWC) to ONNX (planes first, NCHW).

Knows the operations of small convolutional nets and refuses every other. Nodes that no wanted output needs are left
out. Layout: 4-dimensional values are NCHW inside; before a reshape, and as an output, they are turned back to NHWC, so
that numbers come out in the order in which they were published.
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from model_sources.graph import GraphWriter, Shape
from model_sources.stored import UnknownFormat, Weight

TO_PLANES_LAST = (0, 2, 3, 1)
Attributes = Mapping[str, Any]


@dataclass(frozen=True)
class Value:
    """A result in the ONNX graph; `planes`: it is a stack of planes, NCHW."""

    name: str
    planes: bool


@dataclass(frozen=True)
class Output:
    """A wanted node of the published graph, the name it gets, and its shape (NHWC where it has four dimensions)."""

    node: str
    name: str
    shape: Shape


def convert(
    name: str, topology: Mapping[str, Any], weights: Mapping[str, Weight], side: int, outputs: tuple[Output, ...]
) -> bytes:
    """`topology`: the `modelTopology` of the published file, one input of `side` x `side`. Raises UnknownFormat."""
    return Converter(topology, weights, side).convert(name, outputs)


class Converter:
    def __init__(self, topology: Mapping[str, Any], weights: Mapping[str, Weight], side: int) -> None:
        self._nodes = {node["name"]: node for node in topology["node"]}
        self._weights = weights
        self._side = side
        self._writer = GraphWriter()
        self._values: dict[str, Value] = {}
        self._inputs: dict[str, Shape] = {}
        self._rules: dict[str, Callable[[Mapping[str, Any]], Value]] = {
            "Placeholder": self._placeholder,
            "_FusedConv2D": self._fused,
            "Conv2D": self._convolution,
            "DepthwiseConv2dNative": self._depthwise,
            "MaxPool": self._pool,
            "Add": lambda node: self._simple("Add", node),
            "AddV2": lambda node: self._simple("Add", node),
            "Mul": lambda node: self._simple("Mul", node),
            "Minimum": lambda node: self._simple("Min", node),
            "Maximum": self._maximum,
            "Relu": lambda node: self._simple("Relu", node),
            "Sigmoid": lambda node: self._simple("Sigmoid", node),
            "Prelu": self._prelu,
            "Mean": self._mean,
            "Softmax": self._softmax,
            "Pad": self._pad,
            "Reshape": self._reshape,
            "ConcatV2": self._concat,
            "Identity": lambda node: self._value(node["input"][0]),
        }

    def convert(self, name: str, outputs: tuple[Output, ...]) -> bytes:
        made = {output.name: (self._planes_last(self._value(output.node)), output.shape) for output in outputs}
        return self._writer.build(name, self._inputs, made)

    def _value(self, name: str) -> Value:
        """The result of a node, made when it is first asked for."""
        if name not in self._values:
            node = self._nodes[name]
            rule = self._rules.get(node["op"])
            if rule is None:
                raise UnknownFormat(f"no rule for the operation {node['op']}")
            self._values[name] = rule(node)
        return self._values[name]

    def _add(self, kind: str, *inputs: str, planes: bool = True, **attributes: Any) -> Value:
        return Value(self._writer.node(kind, *inputs, **attributes), planes)

    def _planes_last(self, value: Value) -> str:
        return self._writer.node("Transpose", value.name, perm=TO_PLANES_LAST) if value.planes else value.name

    def _placeholder(self, node: Mapping[str, Any]) -> Value:
        channels = int(node["attr"]["shape"]["shape"]["dim"][3]["size"])
        self._inputs[node["name"]] = ("batch", channels, self._side, self._side)
        return Value(node["name"], planes=True)

    def _simple(self, kind: str, node: Mapping[str, Any]) -> Value:
        values = [self._operand(name) for name in node["input"]]
        return self._add(kind, *(value.name for value in values), planes=any(value.planes for value in values))

    def _operand(self, name: str) -> Value:
        """A result, or a weight: one number for each plane, or one for all."""
        if name not in self._weights:
            return self._value(name)
        weight = self._weights[name]
        shape = (weight.stored.size, 1, 1) if weight.stored.size > 1 else ()
        return Value(self._writer.weight(weight.shaped(*shape)), planes=False)

    def _convolution(self, node: Mapping[str, Any]) -> Value:
        picture, filters = node["input"]
        kernel = self._writer.weight(self._weights[filters].arranged(3, 2, 0, 1))
        return self._add("Conv", self._value(picture).name, kernel, **window(node["attr"]))

    def _fused(self, node: Mapping[str, Any]) -> Value:
        """A convolution, the bias, and an activation or none."""
        attributes = node["attr"]
        steps = [base64.b64decode(step).decode() for step in attributes["fused_ops"]["list"]["s"]]
        picture, filters, bias, *slopes = node["input"]
        kernel = self._writer.weight(self._weights[filters].arranged(3, 2, 0, 1))
        shift = self._writer.weight(self._weights[bias])
        value = self._add("Conv", self._value(picture).name, kernel, shift, **window(attributes))
        match steps:
            case ["BiasAdd"]:
                return value
            case ["BiasAdd", "Relu"]:
                return self._add("Relu", value.name)
            case ["BiasAdd", "Prelu"]:
                return self._leaky(value, slopes[0])
        raise UnknownFormat(f"no rule for a convolution followed by {steps}")

    def _depthwise(self, node: Mapping[str, Any]) -> Value:
        picture, filters = node["input"]
        weight = self._weights[filters]
        _, _, channels, multiplier = weight.stored.shape
        if multiplier != 1:
            raise UnknownFormat("no rule for a depthwise convolution that multiplies its planes")
        kernel = self._writer.weight(weight.arranged(2, 3, 0, 1))
        return self._add("Conv", self._value(picture).name, kernel, group=channels, **window(node["attr"]))

    def _pool(self, node: Mapping[str, Any]) -> Value:
        sides = rows_and_columns(node["attr"], "ksize")
        return self._add("MaxPool", self._value(node["input"][0]).name, kernel_shape=sides, **window(node["attr"]))

    def _prelu(self, node: Mapping[str, Any]) -> Value:
        picture, slopes = node["input"]
        return self._leaky(self._value(picture), slopes)

    def _leaky(self, value: Value, slopes: str) -> Value:
        """PRelu, x where x > 0 and slope * x elsewhere, as relu(x) - slope * relu(-x).

        onnxruntime's own PRelu takes two thirds of the time of a whole net; these it does beside its convolutions.
        """
        slope = self._weights[slopes].wide().reshape(-1, 1, 1, 1)
        minus, down = (self._writer.constant(kernel) for kernel in (-np.ones_like(slope), -slope))
        upper = self._add("Relu", value.name)
        lower = self._add("Relu", self._add("Conv", value.name, minus, group=len(slope)).name)
        return self._add("Add", upper.name, self._add("Conv", lower.name, down, group=len(slope)).name)

    def _maximum(self, node: Mapping[str, Any]) -> Value:
        """With a minimum inside it is a Clip, which onnxruntime joins to the convolution before it."""
        inner, low = node["input"]
        least, clipped = self._number(low), self._nodes.get(inner, {"op": ""})
        if clipped["op"] != "Minimum" or least is None or (most := self._number(clipped["input"][1])) is None:
            return self._simple("Max", node)
        source = self._nodes[clipped["input"][0]]
        if source["op"] == "Relu" and least >= 0:  # does nothing that the Clip does not do
            source = self._nodes[source["input"][0]]
        value = self._value(source["name"])
        ends = (self._writer.constant(np.array(end, np.float32)) for end in (least, most))
        return self._add("Clip", value.name, *ends, planes=value.planes)

    def _number(self, name: str) -> float | None:
        """A weight that is a single number."""
        weight = self._weights.get(name)
        return float(weight.wide().item()) if weight is not None and weight.stored.size == 1 else None

    def _mean(self, node: Mapping[str, Any]) -> Value:
        picture, axes = node["input"]
        if sorted(self._weights[axes].stored.tolist()) != [1, 2] or node["attr"]["keep_dims"]["b"]:
            raise UnknownFormat("no rule for a mean that is not over rows and columns")
        pooled = self._add("GlobalAveragePool", self._value(picture).name)
        return self._add("Flatten", pooled.name, planes=False)

    def _softmax(self, node: Mapping[str, Any]) -> Value:
        value = self._value(node["input"][0])
        return self._add("Softmax", value.name, planes=value.planes, axis=1 if value.planes else -1)

    def _pad(self, node: Mapping[str, Any]) -> Value:
        picture, ends = node["input"]
        before, after = self._weights[ends].stored[[0, 3, 1, 2]].T
        pads = self._writer.constant(np.concatenate([before, after]).astype(np.int64))
        return self._add("Pad", self._value(picture).name, pads)

    def _reshape(self, node: Mapping[str, Any]) -> Value:
        value, shape = node["input"]
        flat = self._planes_last(self._value(value))
        target = self._writer.constant(self._weights[shape].stored.astype(np.int64))
        return self._add("Reshape", flat, target, planes=False)

    def _concat(self, node: Mapping[str, Any]) -> Value:
        *parts, axis = node["input"]
        if self._weights[axis].stored.item() not in (3, -1):
            raise UnknownFormat("no rule for joining along another axis than the planes")
        return self._add("Concat", *(self._value(part).name for part in parts), axis=1)


def window(attributes: Attributes) -> dict[str, Any]:
    """ONNX's strides and padding for those of TensorFlow. Raises UnknownFormat for a dilated window."""
    steps = attributes.get("dilations", {"list": {"i": ["1"]}})["list"]["i"]
    padding = base64.b64decode(attributes["padding"]["s"]).decode()
    kinds = {"SAME": "SAME_UPPER", "VALID": "VALID"}
    if any(int(step) != 1 for step in steps) or padding not in kinds:
        raise UnknownFormat("no rule for a dilated window, or for padding that is neither SAME nor VALID")
    return {"strides": rows_and_columns(attributes, "strides"), "auto_pad": kinds[padding]}


def rows_and_columns(attributes: Attributes, key: str) -> list[int]:
    _, rows, columns, _ = (int(size) for size in attributes[key]["list"]["i"])
    return [rows, columns]
