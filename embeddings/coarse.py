"""The coarse stage of a search: bytes instead of floats along a few axes, with a bound on what that can miss.

With y = x - m and r = q - m for a template x, a probe q and a middle m,
|x - q|^2 / 2 = |y|^2 / 2 + |r|^2 / 2 - y.r. A template is kept as bytes c: y = s P'c + e, with the axes P and a step s,
so that y.r = c.(s P r) + e.r. The probe's s P r is rounded too, to t k + f with whole numbers k:
y.r = t c.k + c.f + e.r, where c.k is a product of bytes. By Cauchy and Schwarz
c.f <= |c| |f| and e.r <= |Pe| |Pr| + |e - P'Pe| |r - P'Pr|: computed for each template and each probe, not estimated.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper

from embeddings.axes import Axes
from embeddings.onnx import Runtime

Bytes = NDArray[np.int8]
Floats = NDArray[np.float32]
_MIDDLE: Final = 64
"""What is added to a probe's bytes, which the network knows without sign only; it could take it off in four times the
time."""
_STEPS: Final = 63
"""A probe's number spans 1 to 127: where a processor adds pairs of products in 16 bits, more would overflow."""
_IN_AXES: Final = 5.0
_OF_PROBE: Final = 0.1
"""How the three errors weigh in one product of norms: any weights are right, these make it small."""
_UNIT: Final = 2.0**-23
"""Twice what one operation of float32 can lose; a sum over a unit vector loses at most one of these a number."""


@dataclass(frozen=True, slots=True, eq=False)
class Coarse:
    """Templates in bytes: `codes` int8 [axes, n]; `costs` |y|^2 / 2, `starts`, the same and what the probe's bytes are
    too large by, and `slack`: float32 [n]."""

    codes: Bytes
    costs: Floats
    starts: Floats
    slack: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """A probe in bytes, `codes` uint8 [1, axes], and in full.

    `apart` = r; `offset` = |r|^2 / 2; `middle` = m.r.
    """

    codes: NDArray[np.uint8]
    slack: np.float32
    offset: float
    apart: Floats
    middle: np.float32


class Coarsener:
    """Turns vectors into bytes and bounds their distances. `rounding`: what float32 can lose in a cost, with room.

    May be shared between threads.
    """

    def __init__(self, axes: Axes) -> None:
        self.axes = axes
        self._step = axes.reach / 127
        self._probe_step = self._step * axes.reach / _STEPS
        self.rounding = (axes.centre.size + 64) * _UNIT
        self._centre = axes.centre.astype(np.float64)
        self._basis = None if axes.basis is None else axes.basis.astype(np.float64)
        self._product = Runtime().load(_product())

    def templates(self, rows: Floats) -> Coarse:
        """Of unit vectors [n, dimension]."""
        basis = self.axes.basis
        apart = rows - self.axes.centre
        along = apart if basis is None else apart @ basis.T
        codes = np.clip(np.rint(along * np.float32(1 / self._step)), -127, 127)
        kept = codes * np.float32(self._step)
        squares = np.einsum("ij,ij->i", apart, apart)
        inside = np.einsum("ij,ij->i", along - kept, along - kept)
        beside = np.zeros_like(squares) if basis is None else squares - np.einsum("ij,ij->i", along, along)
        length = np.einsum("ij,ij->i", kept, kept)
        total = np.maximum(beside, 0) + _IN_AXES**2 * inside + _OF_PROBE**2 * length
        slack = np.sqrt(total + np.float32(self.rounding)) * np.float32(1 + self.rounding)
        costs = squares / 2
        starts = costs + codes.sum(axis=1) * np.float32(_MIDDLE * self._probe_step)
        return Coarse(np.ascontiguousarray(codes.T.astype(np.int8)), costs, starts, slack)

    def question(self, vector: Floats) -> Question:
        """Of a unit vector [dimension]."""
        basis = self._basis
        apart = vector - self._centre
        along = apart if basis is None else basis @ apart
        square, inside = float(apart @ apart), float(along @ along)
        beside = max(0.0, square - inside)
        scaled = along * (self._step / self._probe_step)
        codes = np.clip(np.rint(scaled), -_STEPS, _STEPS)
        scaled -= codes
        lost = float(scaled @ scaled) * (self._probe_step / self._step) ** 2
        slack = math.sqrt(beside + inside / _IN_AXES**2 + lost / _OF_PROBE**2 + self.rounding)
        return Question(
            (codes + _MIDDLE).astype(np.uint8)[None],
            np.float32(slack * (1 + self.rounding) + self.rounding),
            square / 2,
            apart.astype(np.float32),
            np.float32(apart @ self._centre),
        )

    def least(self, question: Question, templates: Coarse) -> Floats:
        """What |x - q|^2 / 2 - |r|^2 / 2 is at least, up to `rounding`, plus what `starts` hold beside: float32 [n]."""
        (products,) = self._product.run({"probe": question.codes, "templates": templates.codes})
        found: Floats = products[0].astype(np.float32)
        found *= np.float32(-self._probe_step)
        found += templates.starts
        found -= templates.slack * question.slack
        return found


def _product() -> bytes:
    """A network of one node: uint8 [1, axes] times int8 [axes, n] gives int32 [1, n]."""
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["probe", "templates"], ["products"])],
        "coarse",
        [
            helper.make_tensor_value_info("probe", TensorProto.UINT8, [1, "axes"]),
            helper.make_tensor_value_info("templates", TensorProto.INT8, ["axes", "n"]),
        ],
        [helper.make_tensor_value_info("products", TensorProto.INT32, [1, "n"])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    content: bytes = model.SerializeToString()
    return content
