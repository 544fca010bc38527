"""The layers of TensorFlow on numpy arrays [rows, columns, planes], plain loops: what converters are held to."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def conv(picture: Array, kernel: Array, stride: int = 1, *, same: bool = True) -> Array:
    """`kernel` [rows, columns, in, out]."""
    return sum_over_windows(picture, kernel, stride, same=same, rule="hwi,io->hwo")


def depthwise(picture: Array, kernel: Array, stride: int = 1, *, same: bool = True) -> Array:
    """`kernel` [rows, columns, planes, 1]."""
    return sum_over_windows(picture, kernel[..., 0], stride, same=same, rule="hwi,i->hwi")


def sum_over_windows(picture: Array, kernel: Array, stride: int, *, same: bool, rule: str) -> Array:
    rows, columns = kernel.shape[:2]
    padded, height, width = framed(picture, (rows, columns), stride, 0.0, same=same)
    parts = [
        np.einsum(rule, taken(padded, row, column, stride, (height, width)), kernel[row, column])
        for row in range(rows)
        for column in range(columns)
    ]
    return np.asarray(np.sum(parts, axis=0))


def maximum(picture: Array, side: int, stride: int, *, same: bool = True) -> Array:
    padded, height, width = framed(picture, (side, side), stride, -np.inf, same=same)
    places = [(row, column) for row in range(side) for column in range(side)]
    return np.asarray(np.max([taken(padded, *place, stride, (height, width)) for place in places], axis=0))


def taken(padded: Array, row: int, column: int, stride: int, size: tuple[int, int]) -> Array:
    return padded[row : row + stride * size[0] : stride, column : column + stride * size[1] : stride]


def framed(picture: Array, window: tuple[int, int], stride: int, value: float, *, same: bool) -> tuple[Array, int, int]:
    """The picture in TensorFlow's frame for SAME (the odd pixel goes to the end), and the size of the result."""
    sizes, ends = [], []
    for length, side in zip(picture.shape[:2], window, strict=True):
        size = -(-length // stride) if same else (length - side) // stride + 1
        missing = max((size - 1) * stride + side - length, 0) if same else 0
        sizes.append(size)
        ends.append((missing // 2, missing - missing // 2))
    # the slices of `taken` may ask for one window's worth beyond the last pixel that counts
    frame = [(before, after + stride) for before, after in ends]
    return np.pad(picture, [*frame, (0, 0)], constant_values=value), sizes[0], sizes[1]


def relu(values: Array) -> Array:
    return np.asarray(np.maximum(values, 0))


def prelu(values: Array, slopes: Array) -> Array:
    return np.where(values > 0, values, values * slopes.reshape(-1))


def softmax(values: Array) -> Array:
    grown = np.exp(values - values.max())
    shares: Array = grown / grown.sum()
    return shares
