"""A small net of one's own for the embedder's slot, its card, and drawn people whom it tells apart."""

import json
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from embeddings.image import PictureFormat, encode
from tests.drawn_faces import drawn_face

SIDE: Final = 112
DIMENSION: Final = 64


def write_net(path: Path, seed: int = 1, **fields: Any) -> Path:
    """Two layers of random convolution and a product, 112 x 112 to 64 numbers, and its card without thresholds.

    `fields` of the card win over the usual ones. Answers the name for the setting.
    """
    random = np.random.default_rng(seed)
    shapes = {"first": (16, 3, 8, 8), "second": (32, 16, 7, 7), "last": (128, DIMENSION)}
    weights = [
        numpy_helper.from_array((smooth(random, shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32), name)
        for name, shape in shapes.items()
    ]
    nodes = [
        helper.make_node("Conv", ["data", "first"], ["a"], strides=[8, 8]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "second"], ["c"], strides=[7, 7]),
        helper.make_node("Flatten", ["c"], ["d"]),
        helper.make_node("MatMul", ["d", "last"], ["vector"]),
    ]
    graph = helper.make_graph(
        nodes,
        "own",
        [helper.make_tensor_value_info("data", TensorProto.FLOAT, ["batch", 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["batch", DIMENSION])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    path.with_suffix(".json").write_text(json.dumps(card(**fields)), encoding="utf-8")
    return path


def smooth(random: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Random weights; of a filter the means over squares, so that a shift of a pixel changes little."""
    if len(shape) == 2:
        return random.standard_normal(shape)
    count = -(-shape[2] // 4)
    coarse = random.standard_normal((*shape[:2], count, count))
    return np.repeat(np.repeat(coarse, 4, axis=2), 4, axis=3)[:, :, : shape[2], : shape[3]]


def card(**fields: Any) -> dict[str, Any]:
    """The card of such a net."""
    usual = {
        "name": "random-conv",
        "licence": "none: random numbers",
        "mean": 127.5,
        "scale": 127.5,
        "colour_order": "rgb",
        "layout": "nchw",
        "dimension": DIMENSION,
        "metric": "cosine",
    }
    return usual | fields


def photo(person: int, number: int) -> bytes:
    """One of the photos of a drawn person, PNG: people differ in their colours, photos in light and place."""
    own = np.random.default_rng(person)
    light = np.random.default_rng((person, number))
    colours = cv2.resize(own.uniform(0.3, 1.3, (3, 3, 3)), (200, 200), interpolation=cv2.INTER_CUBIC)
    picture = np.full((220, 220, 3), 128.0)
    left, top = light.integers(8, 13, 2)
    picture[top : top + 200, left : left + 200] = drawn_face() * colours
    picture = picture * light.uniform(0.97, 1.03) + light.standard_normal(picture.shape) * 2
    return encode(picture.clip(0, 255).astype(np.uint8), PictureFormat.PNG)


def people(folder: Path, count: int, each: int) -> Path:
    """A folder of people, one folder a person."""
    for person in range(count):
        own = folder / f"person-{person:03}"
        own.mkdir(parents=True)
        for number in range(each):
            (own / f"{number}.png").write_bytes(photo(person, number))
    return folder
