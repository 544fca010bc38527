"""Age and gender, and expression, from the package @vladmandic/face-api: weights alone are published.

The graphs are written here after the package's sources (src/xception/TinyXception.ts, src/ageGenderNet/AgeGenderNet.ts,
src/faceFeatureExtractor/denseBlock.ts and FaceFeatureExtractor.ts, src/faceExpressionNet/FaceExpressionNet.ts).
"""

import json
from collections.abc import Mapping

import numpy as np

from model_sources.graph import GraphWriter
from model_sources.source import Model, NodePackage, verified
from model_sources.stored import Weight, read

PACKAGE = NodePackage(
    name="@vladmandic/face-api",
    version="1.7.15",
    digest="0d77fffeef362ef9c0939cf6c567f3a2e8e177f114fa257a3270cbd2e509b031",
)
DIGESTS = {
    "age_gender_model": "49f92bbc0afef2342c4385e4a2b0acb6d7a727c6f0aa539499719a81acf9abaa",
    "face_expression_model": "9a9840f2cf1f4c7eab95f197512569345c00d2426754d4608b92af30e0300f3d",
}
SIDE = 112
MEAN_RGB = (122.782, 117.001, 104.298)
DIVISOR = 255.0
INPUT = "rgb"
INPUTS: dict[str, tuple[int | str, ...]] = {INPUT: ("batch", 3, SIDE, SIDE)}
MIDDLE_BLOCKS = ("main_block_0", "main_block_1")
DENSE_BLOCKS = ("dense0", "dense1", "dense2", "dense3")


def published(name: str) -> dict[str, Weight]:
    manifest, blob = PACKAGE.members(f"package/model/{name}-weights_manifest.json", f"package/model/{name}.bin")
    return read(json.loads(manifest), verified(blob, DIGESTS[name], f"{name}.bin"))


def build_age_gender() -> bytes:
    return age_gender(published("age_gender_model"))


def build_expression() -> bytes:
    return expression(published("face_expression_model"))


def age_gender(weights: Mapping[str, Weight]) -> bytes:
    """Outputs: age float32 [batch], years; gender float32 [batch, 2], probabilities of male and female."""
    net = FaceApiNet(weights)
    value = net.relu(net.conv(net.normalized(), "entry_flow/conv_in", 2))
    value = net.reduction(value, "entry_flow/reduction_block_0", active=False)
    value = net.reduction(value, "entry_flow/reduction_block_1")
    for block in MIDDLE_BLOCKS:
        value = net.main(value, f"middle_flow/{block}")
    value = net.reduction(value, "exit_flow/reduction_block")
    features = net.pooled(net.relu(net.separable(value, "exit_flow/separable_conv")))
    writer = net.writer
    years = writer.node("Squeeze", net.linear(features, "fc/age"), writer.constant(np.array([1], np.int64)))
    gender = writer.node("Softmax", net.linear(features, "fc/gender"), axis=-1)
    return writer.build("age_gender", INPUTS, {"age": (years, ("batch",)), "gender": (gender, ("batch", 2))})


def expression(weights: Mapping[str, Weight]) -> bytes:
    """Output: expression float32 [batch, 7], probabilities: neutral happy sad angry fearful disgusted surprised."""
    net = FaceApiNet(weights)
    value = net.normalized()
    for place, block in enumerate(DENSE_BLOCKS):
        value = net.dense(value, block, first=place == 0)
    logits = net.linear(net.pooled(value), "fc")
    made = net.writer.node("Softmax", logits, axis=-1)
    return net.writer.build("expression", INPUTS, {"expression": (made, ("batch", 7))})


class FaceApiNet:
    """The building blocks of the package, by the names its weights have."""

    def __init__(self, weights: Mapping[str, Weight]) -> None:
        self._weights = weights
        self.writer = GraphWriter()

    def normalized(self) -> str:
        mean = self.writer.constant(np.array(MEAN_RGB, np.float32).reshape(1, 3, 1, 1))
        return self.writer.node(
            "Div", self.writer.node("Sub", INPUT, mean), self.writer.constant(np.array([DIVISOR], np.float32))
        )

    def relu(self, value: str) -> str:
        return self.writer.node("Relu", value)

    def conv(self, value: str, name: str, stride: int) -> str:
        kernel = self.writer.weight(self._weights[f"{name}/filters"].arranged(3, 2, 0, 1))
        return self._same("Conv", stride, value, kernel, self._bias(name))

    def separable(self, value: str, name: str, stride: int = 1) -> str:
        """A depthwise and a pointwise convolution."""
        depthwise = self._weights[f"{name}/depthwise_filter"].arranged(2, 3, 0, 1)
        kernel = self.writer.weight(depthwise)
        value = self._same("Conv", stride, value, kernel, group=depthwise.stored.shape[0])
        pointwise = self.writer.weight(self._weights[f"{name}/pointwise_filter"].arranged(3, 2, 0, 1))
        return self._same("Conv", 1, value, pointwise, self._bias(name))

    def reduction(self, value: str, name: str, *, active: bool = True) -> str:
        made = self.separable(self.relu(value) if active else value, f"{name}/separable_conv0")
        made = self.separable(self.relu(made), f"{name}/separable_conv1")
        made = self._same("MaxPool", 2, made, kernel_shape=[3, 3])
        return self.writer.node("Add", made, self.conv(value, f"{name}/expansion_conv", 2))

    def main(self, value: str, name: str) -> str:
        made = value
        for place in range(3):
            made = self.separable(self.relu(made), f"{name}/separable_conv{place}")
        return self.writer.node("Add", made, value)

    def dense(self, value: str, name: str, *, first: bool) -> str:
        """Four convolutions; from the third on each takes the sum of all before."""
        conv = self.conv if first else self.separable
        total = self.relu(conv(value, f"{name}/conv0", 2))
        made = total
        for place in range(1, 4):
            made = self.separable(made, f"{name}/conv{place}")
            total = self.writer.node("Add", total, made)
            made = self.relu(total)
        return made

    def pooled(self, value: str) -> str:
        return self.writer.node("Flatten", self.writer.node("GlobalAveragePool", value))

    def linear(self, value: str, name: str) -> str:
        product = self.writer.node("MatMul", value, self.writer.weight(self._weights[f"{name}/weights"]))
        return self.writer.node("Add", product, self._bias(name))

    def _bias(self, name: str) -> str:
        return self.writer.weight(self._weights[f"{name}/bias"])

    def _same(self, kind: str, stride: int, *inputs: str, **attributes: object) -> str:
        return self.writer.node(kind, *inputs, strides=[stride, stride], auto_pad="SAME_UPPER", **attributes)


MODELS = (
    Model("age_gender", "age_gender.onnx", build_age_gender),
    Model("expression", "expression.onnx", build_expression),
)
