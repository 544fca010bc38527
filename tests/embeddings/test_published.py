"""The shipped nets give what the packages' own code gives.

published_outputs.json was written by the TensorFlow.js that @vladmandic/human 3.3.6 and @vladmandic/face-api 1.7.15
bring along (CPU backend, node 20), for the pattern below: loadGraphModel(...).execute for the former,
loadFromWeightMap(...) and forwardInput for the latter. Means are over all numbers of an output; the first twelve are
listed.
"""

import json
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from embeddings.onnx import Runtime

PUBLISHED: dict[str, Any] = json.loads((Path(__file__).parent / "published_outputs.json").read_text(encoding="utf-8"))


def model(name: str) -> bytes:
    return resources.files("embeddings").joinpath("models", f"{name}.onnx").read_bytes()


def pattern(side: int, planes: int, low: float, high: float) -> NDArray[np.float32]:
    """Smooth waves, another for each plane: float32 [1, planes, side, side] between `low` and `high`."""
    y, x, plane = np.meshgrid(np.arange(side), np.arange(side), np.arange(planes), indexing="ij")
    waves = np.sin(0.13 * y + 0.7 * plane) * np.cos(0.11 * x - 0.05 * y) + 0.3 * np.sin(0.9 * x * 0.37 + 1.3 * plane)
    scaled = low + (high - low) * (0.5 + waves / 2.6)
    return np.ascontiguousarray(scaled.transpose(2, 0, 1)[None], np.float32)


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_outputs_are_the_published_ones(name: str) -> None:
    expected = PUBLISHED[name]
    given = pattern(expected["side"], expected["planes"], expected["low"], expected["high"])
    names = [value.name for value in onnx.load_from_string(model(name)).graph.output]
    assert names == list(expected["outputs"])
    for made, output in zip(Runtime(1).load(model(name)).run({expected["input"]: given}), names, strict=True):
        wanted = expected["outputs"][output]
        assert made.size == wanted["count"]
        assert made.ravel()[:12] == pytest.approx(wanted["first"], rel=2e-5, abs=2e-5)
        assert made.mean() == pytest.approx(wanted["mean"], rel=2e-5, abs=2e-6)


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_a_batch_gives_what_its_pictures_give_alone(name: str) -> None:
    expected = PUBLISHED[name]
    one = pattern(expected["side"], expected["planes"], expected["low"], expected["high"])
    both = np.concatenate([one, one[..., ::-1]])
    session = Runtime(1).load(model(name))
    together = session.run({expected["input"]: both})
    apart = [session.run({expected["input"]: np.ascontiguousarray(row[None])}) for row in both]
    for place, output in enumerate(together):
        for row in range(2):
            assert output[row] == pytest.approx(apart[row][place][0], rel=1e-4, abs=1e-4)
