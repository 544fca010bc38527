"""face-api's two nets with tiny random weights, converted, run, and held against the package's own steps on numpy."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from embeddings.onnx import Runtime
from tests.scripts.planes_last import Array, conv, depthwise, maximum, relu, softmax
from tests.scripts.sources import source

face_api, stored = source("face_api"), source("stored")
SIDE = 112
MEAN = np.array([122.782, 117.001, 104.298])


class Weights:
    """Random weights by name; `wide` gives the numbers, `held` what the converter takes."""

    def __init__(self) -> None:
        self._generator = np.random.default_rng(8)
        self.held: dict[str, Any] = {}

    def small(self, name: str, *shape: int) -> None:
        """uint8 with a scale, as face-api publishes its kernels."""
        values = self._generator.integers(0, 256, shape, dtype=np.uint8)
        self.held[name] = stored.Weight(values, 0.004, -0.5)

    def plain(self, name: str, *shape: int) -> None:
        self.held[name] = stored.Weight(self._generator.normal(0, 0.1, shape).astype(np.float32))

    def conv(self, name: str, given: int, made: int, side: int = 3) -> None:
        self.small(f"{name}/filters", side, side, given, made)
        self.plain(f"{name}/bias", made)

    def separable(self, name: str, given: int, made: int) -> None:
        self.small(f"{name}/depthwise_filter", 3, 3, given, 1)
        self.small(f"{name}/pointwise_filter", 1, 1, given, made)
        self.plain(f"{name}/bias", made)

    def linear(self, name: str, given: int, made: int) -> None:
        self.small(f"{name}/weights", given, made)
        self.plain(f"{name}/bias", made)

    def wide(self, name: str) -> Array:
        return np.asarray(self.held[name].wide(), np.float64)

    def apply_conv(self, value: Array, name: str, stride: int) -> Array:
        return conv(value, self.wide(f"{name}/filters"), stride) + self.wide(f"{name}/bias")

    def apply_separable(self, value: Array, name: str, stride: int = 1) -> Array:
        deep = depthwise(value, self.wide(f"{name}/depthwise_filter"), stride)
        return conv(deep, self.wide(f"{name}/pointwise_filter")) + self.wide(f"{name}/bias")

    def apply_linear(self, value: Array, name: str) -> Array:
        return value @ self.wide(f"{name}/weights") + self.wide(f"{name}/bias")


def test_age_and_gender() -> None:
    weights = Weights()
    weights.conv("entry_flow/conv_in", 3, 2)
    for block, before, after in (
        ("entry_flow/reduction_block_0", 2, 3),
        ("entry_flow/reduction_block_1", 3, 4),
        ("exit_flow/reduction_block", 4, 5),
    ):
        weights.separable(f"{block}/separable_conv0", before, after)
        weights.separable(f"{block}/separable_conv1", after, after)
        weights.conv(f"{block}/expansion_conv", before, after, side=1)
    for place in range(2):
        for step in range(3):
            weights.separable(f"middle_flow/main_block_{place}/separable_conv{step}", 4, 4)
    weights.separable("exit_flow/separable_conv", 5, 6)
    weights.linear("fc/age", 6, 1)
    weights.linear("fc/gender", 6, 2)
    given = picture()
    age, gender = run(face_api.age_gender(weights.held), given)
    features = xception(weights, (given - MEAN) / 255).mean(axis=(0, 1))
    assert age.shape == (1,)
    assert age[0] == pytest.approx(weights.apply_linear(features, "fc/age")[0], rel=1e-4, abs=1e-5)
    assert gender[0] == pytest.approx(softmax(weights.apply_linear(features, "fc/gender")), abs=1e-5)


def xception(weights: Weights, value: Array) -> Array:
    """src/xception/TinyXception.ts, forwardInput."""

    def reduction(value: Array, name: str, activate: Callable[[Array], Array]) -> Array:
        out = weights.apply_separable(activate(value), f"{name}/separable_conv0")
        out = weights.apply_separable(relu(out), f"{name}/separable_conv1")
        return maximum(out, 3, 2) + weights.apply_conv(value, f"{name}/expansion_conv", 2)

    value = relu(weights.apply_conv(value, "entry_flow/conv_in", 2))
    value = reduction(value, "entry_flow/reduction_block_0", lambda same: same)
    value = reduction(value, "entry_flow/reduction_block_1", relu)
    for place in range(2):
        out = value
        for step in range(3):
            out = weights.apply_separable(relu(out), f"middle_flow/main_block_{place}/separable_conv{step}")
        value = value + out
    value = reduction(value, "exit_flow/reduction_block", relu)
    return relu(weights.apply_separable(value, "exit_flow/separable_conv"))


def test_expression() -> None:
    weights = Weights()
    weights.conv("dense0/conv0", 3, 2)
    widths = [2, 3, 4, 5]
    for place, width in enumerate(widths):
        if place:
            weights.separable(f"dense{place}/conv0", widths[place - 1], width)
        for step in range(1, 4):
            weights.separable(f"dense{place}/conv{step}", width, width)
    weights.linear("fc", 5, 7)
    given = picture()
    (made,) = run(face_api.expression(weights.held), given)
    value = (given - MEAN) / 255
    for place in range(4):
        value = dense(weights, value, f"dense{place}", first=place == 0)
    expected = softmax(weights.apply_linear(value.mean(axis=(0, 1)), "fc"))
    assert made[0] == pytest.approx(expected, abs=1e-5)
    assert expected.max() < 0.9  # or the comparison would say little


def dense(weights: Weights, value: Array, name: str, *, first: bool) -> Array:
    """src/faceFeatureExtractor/denseBlock.ts, denseBlock4."""
    apply = weights.apply_conv if first else weights.apply_separable
    one = relu(apply(value, f"{name}/conv0", 2))
    two = weights.apply_separable(one, f"{name}/conv1")
    three = weights.apply_separable(relu(one + two), f"{name}/conv2")
    four = weights.apply_separable(relu(one + two + three), f"{name}/conv3")
    return relu(one + two + three + four)


def picture() -> NDArray[np.float64]:
    values: NDArray[np.float64] = np.random.default_rng(3).uniform(0, 255, (SIDE, SIDE, 3))
    return values


def run(model: bytes, given: Array) -> list[NDArray[Any]]:
    batch = np.ascontiguousarray(given.transpose(2, 0, 1)[None], np.float32)
    return Runtime(1).load(model).run({"rgb": batch})
