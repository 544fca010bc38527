"""Reads the file format of dlib's networks: the layers of a metric-learning net, innermost first.

The format is dlib's own serialisation: integers of variable length, floats as mantissa and exponent, tensors as raw
float32. A file nests its layers: their version numbers come from the outermost in, their contents from
the innermost out. Which tag a skip or an addition refers to is not in the file; `embeddings.dlib_net` knows.
The reader is strict: another version, an unknown layer, a size that does not fit or a byte too many is BadNetFile.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
_LARGEST: Final = 2**31
_SPECIAL: Final = {32000: math.inf, 32001: -math.inf, 32002: math.nan}


class BadNetFile(ValueError):
    """Not a file of this format; says where and why."""


@dataclass(frozen=True, slots=True, eq=False)
class Convolution:
    """`filters` float32 [out, in, rows, columns], `biases` float32 [out]; a cross-correlation."""

    filters: FloatArray
    biases: FloatArray
    stride: int
    padding: int


@dataclass(frozen=True, slots=True, eq=False)
class Affine:
    """y = gamma x + beta, a pair for each channel, float32 [channels]."""

    gamma: FloatArray
    beta: FloatArray


@dataclass(frozen=True, slots=True)
class Relu:
    pass


@dataclass(frozen=True, slots=True)
class AddTagged:
    """Adds the output of an earlier layer; the smaller operand is padded with zeros at the end."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A tag or a skip: computes nothing."""


@dataclass(frozen=True, slots=True)
class Pool:
    """`kind` "max" or "avg"; a window of 0 is the whole map."""

    kind: str
    window: int
    stride: int


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """y = x W, `weights` float32 [inputs, outputs]."""

    weights: FloatArray


Layer = Convolution | Affine | Relu | AddTagged | Mark | Pool | Linear


@dataclass(frozen=True, slots=True)
class NetFile:
    """What a file holds: `mean` of red, green and blue, the sides of the input in px, the layers innermost first."""

    mean: tuple[float, float, float]
    rows: int
    columns: int
    layers: tuple[Layer, ...]


def parse(content: bytes) -> NetFile:
    """Reads a whole file. Raises BadNetFile."""
    reader = _Reader(content)
    reader.expect(reader.integer(), 1, "version of the loss layer")
    reader.expect(reader.text(), "loss_metric_2", "loss layer")
    reader.number()  # margin and
    reader.number()  # distance threshold matter to training only
    versions = []
    while (version := reader.integer()) != 3:
        if version not in (1, 2):
            raise reader.error(f"a layer of version {version}")
        versions.append(version)
    reader.expect(reader.text(), "input_rgb_image_sized", "input layer")
    mean = (reader.number(), reader.number(), reader.number())
    rows, columns = reader.size(), reader.size()
    layers: list[Layer] = [_computing_layer(reader)]
    reader.expect(reader.integer(), 1, "sample expansion factor")
    layers += [_computing_layer(reader) if version == 2 else Mark() for version in reversed(versions)]
    if reader.left:
        raise reader.error(f"{reader.left} bytes too many")
    return NetFile(mean, rows, columns, tuple(layers))


def _computing_layer(reader: "_Reader") -> Layer:
    name = reader.text()
    if name not in _DETAILS:
        raise reader.error("an unknown kind of layer")
    layer = _DETAILS[name](reader)
    for _ in range(3):  # set up, gradient stale, output disabled
        reader.boolean()
    for what in ("gradient", "cached output", "parameter gradient"):
        if reader.tensor().size:
            raise reader.error(f"a {what} that is not empty")
    return layer


def _convolution(reader: "_Reader") -> Convolution:
    parameters = reader.tensor().reshape(-1)
    count, rows, columns = reader.size(), reader.size(), reader.size()
    strides = reader.size(), reader.size()
    paddings = reader.size(), reader.size()
    shape, biases = reader.alias(), reader.alias()
    reader.skip_numbers(4)  # learning rate and weight decay
    if shape[0] != count or shape[2:] != (rows, columns) or math.prod(biases) != count:
        raise reader.error("a convolution whose shapes do not fit one another")
    if parameters.size != math.prod(shape) + count:
        raise reader.error("a convolution with the wrong number of parameters")
    if strides[0] != strides[1] or paddings[0] != paddings[1] or strides[0] == 0:
        raise reader.error("a convolution with uneven steps")
    filters, offsets = parameters[:-count], parameters[-count:]
    return Convolution(filters.reshape(shape), offsets, strides[0], paddings[0])


def _affine(reader: "_Reader") -> Affine:
    parameters = reader.tensor().reshape(-1)
    gamma, beta = math.prod(reader.alias()), math.prod(reader.alias())
    reader.expect(reader.integer(), 0, "mode of an affine layer")  # 0 = after a convolution
    if gamma != beta or parameters.size != gamma + beta:
        raise reader.error("an affine layer with the wrong number of parameters")
    return Affine(parameters[:gamma], parameters[gamma:])


def _pool(kind: str) -> Callable[["_Reader"], Pool]:
    def read(reader: "_Reader") -> Pool:
        rows, columns, down, across, *padding = (reader.size() for _ in range(6))
        if rows != columns or down != across or any(padding) or down == 0:
            raise reader.error("a pooling layer with uneven or padded windows")
        return Pool(kind, rows, down)

    return read


def _linear(reader: "_Reader") -> Linear:
    outputs, inputs = reader.size(), reader.size()
    parameters = reader.tensor().reshape(-1)
    weights, biases = reader.alias(), reader.alias()
    reader.expect(reader.integer(), 1, "bias mode")  # 1 = without
    reader.skip_numbers(4)
    if parameters.size != inputs * outputs or math.prod(weights) != inputs * outputs or 0 not in biases:
        raise reader.error("a linear layer with the wrong number of parameters")
    return Linear(parameters.reshape(inputs, outputs))


_DETAILS: Final[dict[str, Callable[["_Reader"], Layer]]] = {
    "con_4": _convolution,
    "affine_": _affine,
    "relu_": lambda _: Relu(),
    "add_prev_": lambda _: AddTagged(),
    "max_pool_2": _pool("max"),
    "avg_pool_2": _pool("avg"),
    "fc_2": _linear,
}


class _Reader:
    """dlib's primitive values, one after the other."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._content) - self._at

    def error(self, problem: str) -> BadNetFile:
        return BadNetFile(f"not a network that can be read: {problem}, before byte {self._at}")

    def expect(self, found: object, wanted: object, what: str) -> None:
        if found != wanted:
            raise self.error(f"the {what} is {found!r}, not {wanted!r}")

    def take(self, count: int) -> bytes:
        if count > self.left:
            raise self.error("it ends too early")
        self._at += count
        return self._content[self._at - count : self._at]

    def integer(self) -> int:
        """One control byte (count of bytes, bit 7 = negative), then the magnitude, little-endian, no byte too long."""
        control = self.take(1)[0]
        count = control & 0x0F
        if control & 0x70 or not 1 <= count <= 8:
            raise self.error("a malformed integer")
        magnitude = self.take(count)
        if count > 1 and magnitude[-1] == 0:
            raise self.error("an integer with bytes to spare")
        value = int.from_bytes(magnitude, "little")
        return -value if control & 0x80 else value

    def size(self) -> int:
        value = self.integer()
        if not 0 <= value < _LARGEST:
            raise self.error("a size out of range")
        return value

    def number(self) -> float:
        """Mantissa and exponent of two, as integers."""
        mantissa, exponent = self.integer(), self.integer()
        if exponent in _SPECIAL:
            return _SPECIAL[exponent]
        if abs(exponent) > 1100:
            raise self.error("an exponent out of range")
        return math.ldexp(mantissa, exponent)

    def skip_numbers(self, count: int) -> None:
        for _ in range(count):
            self.number()

    def boolean(self) -> bool:
        byte = self.take(1)
        if byte not in (b"0", b"1"):
            raise self.error("a malformed truth value")
        return byte == b"1"

    def text(self) -> str:
        raw = self.take(self.size())
        if not raw.isascii():
            raise self.error("a malformed name")
        return raw.decode("ascii")

    def alias(self) -> tuple[int, int, int, int]:
        self.expect(self.integer(), 1, "version of a shape")
        return self._shape()

    def tensor(self) -> FloatArray:
        self.expect(self.integer(), 2, "version of a tensor")
        shape = self._shape()
        values = np.frombuffer(self.take(4 * math.prod(shape)), "<f4").astype(np.float32)
        if not np.isfinite(values).all():
            raise self.error("a weight that is not a number")
        return values.reshape(shape)

    def _shape(self) -> tuple[int, int, int, int]:
        return self.size(), self.size(), self.size(), self.size()
