"""The embedding of faceres from the npm package @vladmandic/human: its MobileNet up to the pooled 1,024 numbers.

The heads for age and gender are left out. The published weights are float16 and stay so; the runtime widens them once.
"""

import base64
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from model_sources.source import Model, NodePackage, verified

PACKAGE = NodePackage(
    name="@vladmandic/human",
    version="3.3.6",
    digest="425e9c51dbbca0c8934362b170cb0d54c2529c11c654b3c03092b16e9d6ad3f7",
)
TOPOLOGY, WEIGHTS = "package/models/faceres.json", "package/models/faceres.bin"
WEIGHTS_DIGEST = "2c7d2d62b76c97528b736527aa09d310ea71743c9e3e79fb6c62d4b2d73af79b"
INPUT, POOLED, OUTPUT, SIDE = "input_1", "global_pooling/Mean", "embedding", 224
RENAMED = {"Add": "Add", "Mul": "Mul", "Relu": "Relu", "Minimum": "Min", "Maximum": "Max"}
TYPES = {"float16": np.float16, "float32": np.float32, "int32": np.int32}


def build() -> bytes:
    topology = json.loads(PACKAGE.member(TOPOLOGY))
    return converted(topology, verified(PACKAGE.member(WEIGHTS), WEIGHTS_DIGEST, WEIGHTS))


def converted(topology: dict[str, Any], weights: bytes) -> bytes:
    """The TensorFlow.js graph as ONNX, channels first: float32 [n, 3, 224, 224] to float32 [n, 1024]."""
    graph = _Graph(_arrays(topology["weightsManifest"], weights))
    for node in topology["modelTopology"]["node"]:
        if node["name"] == POOLED:
            graph.add("GlobalAveragePool", [node["input"][0]], "pooled")
            graph.add("Flatten", ["pooled"], OUTPUT)
            return graph.serialised()
        if node["op"] not in ("Const", "Placeholder"):
            graph.convert(node)
    raise ValueError("the published graph has no pooled embedding")


def _arrays(manifest: list[dict[str, Any]], weights: bytes) -> dict[str, NDArray[Any]]:
    found: dict[str, NDArray[Any]] = {}
    offset = 0
    for entry in manifest[0]["weights"]:
        kind = TYPES[entry.get("quantization", entry)["dtype"]]
        count = math.prod(entry["shape"])
        found[entry["name"]] = np.frombuffer(weights, kind, count, offset).reshape(entry["shape"])
        offset += found[entry["name"]].nbytes
    if offset != len(weights):
        raise ValueError("the weights do not fill their file")
    return found


class _Graph:
    def __init__(self, arrays: dict[str, NDArray[Any]]) -> None:
        self._arrays = arrays
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def convert(self, node: dict[str, Any]) -> None:
        if node["op"] in ("Conv2D", "DepthwiseConv2dNative"):
            self._convolve(node)
        else:
            inputs = [self._constant(name, _channel) if name in self._arrays else name for name in node["input"]]
            self.add(RENAMED[node["op"]], inputs, node["name"])

    def _convolve(self, node: dict[str, Any]) -> None:
        settings = node["attr"]
        if base64.b64decode(settings["padding"]["s"]) != b"SAME":
            raise ValueError("only convolutions with the padding SAME are known here")
        strides = [int(step) for step in settings["strides"]["list"]["i"][1:3]]
        picture, kernel = node["input"]
        alone = node["op"] == "DepthwiseConv2dNative"
        name = self._constant(kernel, _depthwise if alone else _dense)
        groups = self._arrays[kernel].shape[2] if alone else 1
        self.add("Conv", [picture, name], node["name"], strides=strides, auto_pad="SAME_UPPER", group=groups)

    def add(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> None:
        self._nodes.append(helper.make_node(kind, inputs, [output], **attributes))

    def _constant(self, name: str, shaped: Callable[[NDArray[Any]], NDArray[Any]]) -> str:
        wide = f"{name}:wide"
        if not any(wide in node.output for node in self._nodes):
            self._constants.append(numpy_helper.from_array(np.ascontiguousarray(shaped(self._arrays[name])), name))
            self.add("Cast", [name], wide, to=TensorProto.FLOAT)
        return wide

    def serialised(self) -> bytes:
        picture = helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["batch", 3, SIDE, SIDE])
        vector = helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["batch", 1024])
        graph = helper.make_graph(self._nodes, "faceres", [picture], [vector], self._constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(model, full_check=True)
        return model.SerializeToString(deterministic=True)


def _dense(kernel: NDArray[Any]) -> NDArray[Any]:
    return kernel.transpose(3, 2, 0, 1)


def _depthwise(kernel: NDArray[Any]) -> NDArray[Any]:
    return kernel.transpose(2, 3, 0, 1)


def _channel(values: NDArray[Any]) -> NDArray[Any]:
    return values.reshape(-1, 1, 1) if values.size > 1 else values.reshape(())


MODELS = (Model("faceres", "faceres.onnx", build),)
"""The embedding alone."""
