"""Tiny ONNX graphs under the names, and of the inputs and outputs, of deepface's weight files."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from embeddings.deepface_package import AGE, EMOTION, FASNET, GENDER

CELLS = 4  # the picture is averaged to this many cells each way before the one layer there is
NETS = {AGE: (224, 3, 101), GENDER: (224, 3, 2), EMOTION: (48, 1, 7), FASNET: (80, 3, 3)}


def graph(side: int, planes: int, classes: int, weights: NDArray[np.float32], bias: NDArray[np.float32]) -> bytes:
    """Softmax of one layer over averaged cells; input [n, side, side, planes]."""
    step = side // CELLS
    nodes = [
        helper.make_node("Transpose", ["input"], ["turned"], perm=[0, 3, 1, 2]),
        helper.make_node("AveragePool", ["turned"], ["cells"], kernel_shape=[step, step], strides=[step, step]),
        helper.make_node("Flatten", ["cells"], ["flat"]),
        helper.make_node("Gemm", ["flat", "weights", "bias"], ["sums"]),
        helper.make_node("Softmax", ["sums"], ["shares"], axis=1),
    ]
    made = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", side, side, planes])],
        [helper.make_tensor_value_info("shares", TensorProto.FLOAT, ["n", classes])],
        [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(bias, "bias")],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def random_graph(side: int, planes: int, classes: int, seed: int, likely: int = 0) -> bytes:
    """Depends on every part of the picture, and gives the class `likely` more than others."""
    random = np.random.default_rng(seed)
    scale = 5.0 if side > 80 else 0.004 if side == 80 else 1.5  # FasNet's pixels run to 255, the others' to 1
    weights = random.normal(size=(CELLS * CELLS * planes, classes)) * scale / CELLS
    bias = np.where(np.arange(classes) == likely, 2.0, 0.0)
    return graph(side, planes, classes, weights.astype(np.float32), bias.astype(np.float32))


def plane_graph(side: int, classes: int, favoured: Sequence[int]) -> bytes:
    """The class `favoured[plane]` grows with the brightness of that plane of three."""
    weights = np.zeros((3, CELLS * CELLS, classes), np.float32)
    for plane, kind in enumerate(favoured):
        weights[plane, :, kind] = 1.0
    return graph(side, 3, classes, weights.reshape(-1, classes), np.zeros(classes, np.float32))


def write_random(folder: Path) -> None:
    """All of deepface's files for attributes and anti-spoofing."""
    folder.mkdir(parents=True, exist_ok=True)
    for net, shape in NETS.items():
        for seed, name in enumerate(net.files):
            (folder / name).write_bytes(random_graph(*shape, seed))
