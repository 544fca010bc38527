"""The reader of dlib's format: the published file, what is left of it, and its primitive values."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embeddings import weights
from embeddings.dlib_format import BadNetFile, Convolution, Linear, _Reader, parse
from embeddings.dlib_net import fold, onnx_model
from embeddings.weights import RESNET, WeightFile, WeightsUnusable

CONTENT = weights.read(RESNET)


def test_the_published_net_is_read_to_its_last_byte() -> None:
    net = parse(CONTENT)
    convolutions = [layer for layer in net.layers if isinstance(layer, Convolution)]
    (linear,) = [layer for layer in net.layers if isinstance(layer, Linear)]
    assert len(convolutions) == 29
    assert linear.weights.shape == (256, 128)
    assert net.mean == pytest.approx((122.782, 117.001, 104.298), abs=1e-3)


def test_folding_leaves_convolutions_only() -> None:
    assert {type(layer).__name__ for layer in fold(parse(CONTENT))} == {
        "Convolution", "Relu", "Pool", "Mark", "AddTagged", "Linear",
    }  # fmt: skip


def test_the_graph_is_the_same_each_time() -> None:
    (graph, values), (again, others) = onnx_model(CONTENT), onnx_model(CONTENT)
    assert graph == again
    assert {name: its.tobytes() for name, its in values.items()} == {
        name: its.tobytes() for name, its in others.items()
    }


def test_a_byte_too_many_is_refused() -> None:
    with pytest.raises(BadNetFile):
        parse(CONTENT + b"\0")


@given(st.integers(0, len(CONTENT) - 1))
@settings(max_examples=40, deadline=None)
def test_a_cut_file_is_refused(length: int) -> None:
    with pytest.raises(BadNetFile):
        parse(CONTENT[:length])


@given(st.binary(max_size=200))
def test_rubbish_is_refused(content: bytes) -> None:
    with pytest.raises(BadNetFile):
        parse(content)


@given(offset=st.integers(0, 2000), bit=st.integers(0, 7))
@settings(max_examples=60, deadline=None)
def test_a_changed_head_is_read_or_refused_but_never_an_accident(offset: int, bit: int) -> None:
    changed = bytearray(CONTENT)
    changed[offset] ^= 1 << bit
    try:
        net = parse(bytes(changed))
    except BadNetFile:
        return
    assert len(net.layers) == len(parse(CONTENT).layers)


@pytest.mark.parametrize(
    ("raw", "value"),
    [("0100", 0), ("0101", 1), ("8101", -1), ("020001", 256), ("81ff", -255), ("04000000ff", 0xFF000000)],
)
def test_integers(raw: str, value: int) -> None:
    reader = _Reader(bytes.fromhex(raw))
    assert reader.integer() == value
    assert reader.left == 0


@pytest.mark.parametrize("raw", ["", "00", "09" + "01" * 9, "1101", "02", "020100"])
def test_malformed_integers(raw: str) -> None:
    with pytest.raises(BadNetFile):
        _Reader(bytes.fromhex(raw)).integer()


@pytest.mark.parametrize(
    ("raw", "value"),
    [("01010100", 1.0), ("01038101", 1.5), ("8101010a", -1024.0), ("010102007d", math.inf), ("010102017d", -math.inf)],
)
def test_numbers(raw: str, value: float) -> None:
    assert _Reader(bytes.fromhex(raw)).number() == value


def test_a_number_that_is_none() -> None:
    assert math.isnan(_Reader(bytes.fromhex("010102027d")).number())


def test_weights_that_are_not_the_published_ones_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "some_models"
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('must never be imported')")
    monkeypatch.syspath_prepend(tmp_path)
    wanted = WeightFile("net.dat", "0" * 64)
    with pytest.raises(WeightsUnusable, match="cannot be read"):
        weights.read(wanted, "some_models")
    (package / "models" / "net.dat").write_bytes(np.zeros(4).tobytes())
    with pytest.raises(WeightsUnusable, match="not the published file"):
        weights.read(wanted, "some_models")
    assert "some_models" not in sys.modules
    with pytest.raises(WeightsUnusable, match="not installed"):
        weights.read(wanted, "no_such_models")
