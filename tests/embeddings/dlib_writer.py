"""Writes dlib's network format: nets small enough to be worked out by hand."""

import math
import struct
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

EMPTY = b"\x01\x02" + b"\x01\x00" * 4
TAIL = b"000" + EMPTY * 3
"""What every computing layer ends with: three truth values and three empty tensors."""


def integer(value: int) -> bytes:
    magnitude = abs(value).to_bytes(max(1, (abs(value).bit_length() + 7) // 8), "little")
    return bytes([len(magnitude) | (0x80 if value < 0 else 0)]) + magnitude


def number(value: float) -> bytes:
    mantissa, exponent = math.frexp(value)
    return integer(int(mantissa * 2**24)) + integer(exponent - 24)


def text(value: str) -> bytes:
    return integer(len(value)) + value.encode()


def tensor(values: NDArray[np.float32]) -> bytes:
    shape = [values.size, 1, 1, 1]
    return b"".join(map(integer, (2, *shape))) + struct.pack(f"<{values.size}f", *values.ravel())


def alias(*shape: int) -> bytes:
    return b"".join(map(integer, (1, *shape)))


def convolution(filters: NDArray[np.float32], biases: NDArray[np.float32], stride: int, padding: int) -> bytes:
    count, channels, rows, columns = filters.shape
    parameters = tensor(np.concatenate([filters.ravel(), biases]))
    sizes = b"".join(map(integer, (count, rows, columns, stride, stride, padding, padding)))
    shapes = alias(count, channels, rows, columns) + alias(1, count, 1, 1)
    return text("con_4") + parameters + sizes + shapes + number(1.0) * 4 + TAIL


def affine(gamma: NDArray[np.float32], beta: NDArray[np.float32]) -> bytes:
    shape = alias(1, gamma.size, 1, 1)
    return text("affine_") + tensor(np.concatenate([gamma, beta])) + shape * 2 + integer(0) + TAIL


def pool(kind: str, window: int, stride: int, padding: int = 0) -> bytes:
    sizes = b"".join(map(integer, (window, window, stride, stride, padding, padding)))
    return text(f"{kind}_pool_2") + sizes + TAIL


def relu() -> bytes:
    return text("relu_") + TAIL


def add() -> bytes:
    return text("add_prev_") + TAIL


def linear(weights: NDArray[np.float32]) -> bytes:
    inputs, outputs = weights.shape
    shapes = alias(inputs, outputs, 1, 1) + alias(0, 0, 0, 0)
    return (
        text("fc_2")
        + integer(outputs)
        + integer(inputs)
        + tensor(weights)
        + shapes
        + integer(1)
        + number(1.0) * 4
        + TAIL
    )


MARK = b""
"""A tag or a skip writes its version only."""


@dataclass(frozen=True)
class TinyNet:
    """`layers` innermost first, as bytes; MARK for a tag or a skip. Every other field may be spoilt."""

    layers: tuple[bytes, ...]
    rows: int
    columns: int
    mean: tuple[float, float, float] = (10.0, 20.0, 30.0)
    loss_version: int = 1
    loss: str = "loss_metric_2"
    input_layer: str = "input_rgb_image_sized"
    innermost_version: int = 3
    expansion: int = 1
    version: int = 2
    after: bytes = field(default=b"")

    def write(self) -> bytes:
        head = integer(self.loss_version) + text(self.loss) + number(0.5) + number(0.25)
        versions = [integer(1) if layer == MARK else integer(self.version) for layer in reversed(self.layers[1:])]
        source = text(self.input_layer) + b"".join(map(number, self.mean)) + integer(self.rows) + integer(self.columns)
        inner = integer(self.innermost_version) + source + self.layers[0] + integer(self.expansion)
        return head + b"".join(versions) + inner + b"".join(self.layers[1:]) + self.after
