"""Writes an ONNX graph node by node. The same calls give the same bytes: no name, date or version but what is given."""

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from model_sources.stored import Weight

OPSET = 17
IR_VERSION = 8  # the one that goes with opset 17

Shape = tuple[int | str, ...]


class GraphWriter:
    """Collects nodes and constants; every method that adds something returns the name of its result."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        output = f"{kind.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def constant(self, values: NDArray[Any]) -> str:
        name = f"constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.asarray(values, order="C"), name))
        return name

    def weight(self, weight: Weight) -> str:
        """The weight as float32: kept as small as it is stored, widened by nodes that the runtime folds at load."""
        name = self.constant(weight.stored)
        if weight.stored.dtype != np.float32:
            name = self.node("Cast", name, to=TensorProto.FLOAT)
        if weight.scale is not None and weight.minimum is not None:
            scaled = self.node("Mul", name, self.constant(np.float32(weight.scale).reshape(1)))
            name = self.node("Add", scaled, self.constant(np.float32(weight.minimum).reshape(1)))
        return name

    def build(
        self, name: str, inputs: dict[str, Shape], outputs: dict[str, tuple[str, Shape]], doc_string: str = ""
    ) -> bytes:
        """The serialised model. `inputs`: shapes by name; `outputs`: for each name the result it is, and its shape."""
        nodes = [*self._nodes, *(helper.make_node("Identity", [made], [out]) for out, (made, _) in outputs.items())]
        graph = helper.make_graph(
            nodes,
            name,
            [helper.make_tensor_value_info(key, TensorProto.FLOAT, shape) for key, shape in inputs.items()],
            [helper.make_tensor_value_info(key, TensorProto.FLOAT, shape) for key, (_, shape) in outputs.items()],
            self._constants,
        )
        opsets = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, doc_string=doc_string)
        onnx.checker.check_model(model, full_check=True)
        serialised: bytes = model.SerializeToString(deterministic=True)
        return serialised
