"""Tiny nets in dlib's format: what they compute, worked out in plain numpy, and one fault at a time."""

import re
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from embeddings.dlib_format import BadNetFile, parse
from embeddings.dlib_net import INPUT, onnx_model
from embeddings.onnx import Runtime
from tests.embeddings import dlib_writer as write
from tests.embeddings.dlib_writer import MARK, TAIL, TinyNet

Array = NDArray[np.float32]
MEAN = np.array([10.0, 20.0, 30.0])


def weights(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


STEM, STEM_BIASES = weights(1, 4, 3, 3, 3), weights(2, 4)
GAMMA, BETA = weights(3, 4), weights(4, 4)
DOWN, DOWN_BIASES = weights(5, 6, 4, 3, 3), weights(6, 6)
HEAD = weights(7, 6, 2)
# 12 x 11 -> stem 5 x 5 -> a block that goes down: 2 x 2 beside the shortcut's 2 x 2 -> mean -> 2 numbers
NET = TinyNet(
    (
        write.convolution(STEM, STEM_BIASES, stride=2, padding=0),
        write.affine(GAMMA, BETA),
        write.relu(),
        MARK,
        write.convolution(DOWN, DOWN_BIASES, stride=2, padding=0),
        MARK,
        MARK,
        write.pool("avg", 2, 2),
        write.add(),
        write.pool("avg", 0, 1),
        write.linear(HEAD),
    ),
    rows=12,
    columns=11,
)


def correlate(planes: NDArray[np.float64], filters: Array, biases: Array, stride: int) -> NDArray[np.float64]:
    windows = np.lib.stride_tricks.sliding_window_view(planes, filters.shape[2:], (1, 2))[:, ::stride, ::stride]
    summed: NDArray[np.float64] = np.einsum("cyxij,ocij->oyx", windows, filters.astype(np.float64))
    return summed + biases[:, None, None]


def by_hand(chip: NDArray[np.uint8]) -> NDArray[np.float64]:
    planes = ((chip - MEAN) / 256).transpose(2, 0, 1)
    stem = correlate(planes, STEM, STEM_BIASES, 2) * GAMMA[:, None, None] + BETA[:, None, None]
    stem = np.maximum(stem, 0)
    down = correlate(stem, DOWN, DOWN_BIASES, 2)
    shortcut = stem[:, :4, :4].reshape(4, 2, 2, 2, 2).mean((2, 4))
    down[:4] += shortcut  # the shortcut has fewer channels: zeros for the rest
    mean: NDArray[np.float64] = down.mean((1, 2)) @ HEAD
    return mean


def test_a_tiny_net_computes_what_it_says() -> None:
    chips = np.random.default_rng(8).integers(0, 256, (3, 12, 11, 3), dtype=np.uint8)
    (found,) = Runtime(1).load(*onnx_model(NET.write())).run({INPUT: chips})
    assert found.shape == (3, 2)
    assert np.allclose(found, [by_hand(chip) for chip in chips], atol=1e-5)


def test_a_tiny_net_is_read_back() -> None:
    net = parse(NET.write())
    assert net.mean == (10.0, 20.0, 30.0)
    assert (net.rows, net.columns) == (12, 11)
    assert [type(layer).__name__ for layer in net.layers] == [
        "Convolution", "Affine", "Relu", "Mark", "Convolution", "Mark", "Mark", "Pool", "AddTagged", "Pool", "Linear",
    ]  # fmt: skip


def with_layer(place: int, layer: bytes) -> TinyNet:
    layers = list(NET.layers)
    layers[place] = layer
    return replace(NET, layers=tuple(layers))


def spoilt(layer: bytes, old: bytes, new: bytes) -> bytes:
    assert old in layer
    return layer.replace(old, new, 1)


UNREADABLE = {
    "another loss version": (replace(NET, loss_version=2), "the version of the loss layer is 2, not 1"),
    "another loss": (
        replace(NET, loss="loss_multiclass_log_"),
        "the loss layer is 'loss_multiclass_log_', not 'loss_metric_2'",
    ),
    "another input": (
        replace(NET, input_layer="input_rgb_image"),
        "the input layer is 'input_rgb_image', not 'input_rgb_image_sized'",
    ),
    "another layer version": (replace(NET, version=4), "a layer of version 4"),
    "another innermost version": (replace(NET, innermost_version=4), "a layer of version 4"),
    "another expansion": (replace(NET, expansion=2), "the sample expansion factor is 2, not 1"),
    "a byte too many": (replace(NET, after=b"\0"), "1 bytes too many"),
    "an unknown layer": (with_layer(2, write.text("sig_") + TAIL), "an unknown kind of layer"),
    "a malformed truth value": (with_layer(2, spoilt(write.relu(), b"000", b"020")), "a malformed truth value"),
    "a tensor of another version": (
        with_layer(2, spoilt(write.relu(), write.EMPTY, b"\x01\x03" + write.EMPTY[2:])),
        "the version of a tensor is 3, not 2",
    ),
    "a gradient left in": (
        with_layer(2, write.text("relu_") + b"000" + write.tensor(weights(1, 1)) + write.EMPTY * 2),
        "a gradient that is not empty",
    ),
    "a weight that is no number": (
        with_layer(1, write.affine(np.full(4, np.nan, np.float32), BETA)),
        "a weight that is not a number",
    ),
    "fewer biases than filters": (
        with_layer(4, write.convolution(DOWN, DOWN_BIASES[:5], 2, 0)),
        "a convolution with the wrong number of parameters",
    ),
    "no stride": (with_layer(4, write.convolution(DOWN, DOWN_BIASES, 0, 0)), "a convolution with uneven steps"),
    "uneven strides": (
        with_layer(7, spoilt(write.pool("avg", 2, 2), write.integer(2) * 4, write.integer(2) * 3 + write.integer(1))),
        "a pooling layer with uneven or padded windows",
    ),
    "a padded pool": (
        with_layer(7, write.pool("avg", 2, 2, padding=1)),
        "a pooling layer with uneven or padded windows",
    ),
    "a pool that stands still": (
        with_layer(7, write.pool("avg", 2, 0)),
        "a pooling layer with uneven or padded windows",
    ),
    "gamma without beta": (
        with_layer(1, spoilt(write.affine(GAMMA, BETA), write.alias(1, 4, 1, 1), write.alias(1, 3, 1, 1))),
        "an affine layer with the wrong number of parameters",
    ),
    "an affine layer of another mode": (
        with_layer(1, spoilt(write.affine(GAMMA, BETA), write.integer(0) + TAIL, write.integer(1) + TAIL)),
        "the mode of an affine layer is 1, not 0",
    ),
    "a linear layer with biases": (
        with_layer(10, spoilt(write.linear(HEAD), write.alias(0, 0, 0, 0), write.alias(1, 2, 1, 1))),
        "a linear layer with the wrong number of parameters",
    ),
    "a linear layer of another shape": (
        with_layer(10, spoilt(write.linear(HEAD), write.alias(6, 2, 1, 1), write.alias(7, 2, 1, 1))),
        "a linear layer with the wrong number of parameters",
    ),
}
UNBUILDABLE = {
    "no convolution first": (with_layer(0, write.relu()), "it does not begin with an unpadded convolution"),
    "a padded convolution first": (
        with_layer(0, write.convolution(STEM, STEM_BIASES, 2, 1)),
        "it does not begin with an unpadded convolution",
    ),
    "an affine layer after a relu": (
        with_layer(4, write.affine(GAMMA, BETA)),
        "an affine layer that follows no convolution",
    ),
    "an affine layer of other channels": (
        with_layer(1, write.affine(weights(1, 5), weights(2, 5))),
        "an affine layer of other channels than it is given",
    ),
    "a convolution of other channels": (
        with_layer(4, write.convolution(weights(1, 6, 5, 3, 3), DOWN_BIASES, 2, 0)),
        "a convolution of other channels than it is given",
    ),
    "an input of two channels": (
        with_layer(0, write.convolution(weights(1, 4, 2, 3, 3), STEM_BIASES, 2, 0)),
        "its input has not three channels",
    ),
    "a window larger than the map": (
        with_layer(4, write.convolution(weights(1, 6, 4, 7, 7), DOWN_BIASES, 2, 0)),
        "a window larger than the map",
    ),
    "a linear layer of another width": (
        with_layer(10, write.linear(weights(1, 7, 2))),
        "a linear layer of another width than it is given",
    ),
    "an addition of nothing": (with_layer(7, write.add()), "an addition of nothing"),
    "no linear layer at the end": (with_layer(10, write.relu()), "it does not end in a linear layer"),
}


@pytest.mark.parametrize("fault", UNREADABLE)
def test_a_file_with_one_fault_is_not_read(fault: str) -> None:
    net, reason = UNREADABLE[fault]
    with pytest.raises(BadNetFile, match=re.escape(f"not a network that can be read: {reason}, before byte ")):
        parse(net.write())


@pytest.mark.parametrize("fault", UNBUILDABLE)
def test_a_net_that_does_not_fit_together_is_not_built(fault: str) -> None:
    net, reason = UNBUILDABLE[fault]
    content = net.write()
    parse(content)  # the file as such is sound
    with pytest.raises(BadNetFile, match=f"not a network that can be read: {reason}$"):
        onnx_model(content)


def test_no_part_of_a_tiny_net_is_a_net() -> None:
    content = NET.write()
    for length in range(len(content)):
        with pytest.raises(BadNetFile):
            parse(content[:length])
