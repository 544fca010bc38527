"""Templates that two tenants cannot compare: a secret orthonormal transform of face vectors, renewable at will.

It keeps every length and distance, so thresholds and search stay as they are. It is not encryption: who holds the
secret can undo it, and the shape of a large set of vectors shows through (docs/accuracy.md, "Protected templates").
"""

import hashlib
from collections.abc import Sequence
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray

SECRET_BYTES: Final = 32
_LABEL: Final = b"facewarden template transform 1"
Vectors = NDArray[np.float32] | NDArray[np.float64]
Matrix = NDArray[np.float32]


class Transform:
    """One orthonormal matrix for each part of a vector; parts stay where they are. May be shared between threads."""

    __slots__ = ("_blocks", "_edges", "dimension", "parts")

    def __init__(self, blocks: Sequence[Vectors]) -> None:
        """`blocks`: orthonormal, [part, part] each. They are kept as float32. Raises ValueError for other shapes."""
        if not blocks or any(block.ndim != 2 or len(set(block.shape)) != 1 or not block.size for block in blocks):
            raise ValueError("the blocks of a transform are square matrices")
        self.parts: Final = tuple(len(block) for block in blocks)
        self.dimension: Final = sum(self.parts)
        self._blocks: Final = tuple(np.ascontiguousarray(block, np.float32) for block in blocks)
        self._edges: Final = np.cumsum(self.parts)[:-1]

    @classmethod
    def derive(cls, secret: bytes, parts: Sequence[int]) -> "Transform":
        """The transform of a secret of 32 bytes for vectors of these parts, one block each: the same everywhere.

        A block of n is drawn evenly from all orthonormal matrices (Haar): the Q of the QR decomposition of n x n
        independent normal numbers, columns signed so that R has a positive diagonal (Mezzadri 2007, "How to generate
        random matrices from the classical compact groups"). Their source: SHAKE256 of a label, the secret, the place
        and the length of the part (four bytes each, little-endian) gives words of 64 bits, little-endian, whose upper
        53 make uniform numbers; the first half of these and the second make normal ones by Box and Muller's formula.
        Made in float64. Raises ValueError for a secret of another length, or an empty part.
        """
        if len(secret) != SECRET_BYTES:
            raise ValueError(f"a transform is derived from {SECRET_BYTES} secret bytes")
        return cls([_haar(secret, place, size) for place, size in enumerate(parts)])

    def apply(self, vectors: Vectors) -> Matrix:
        """Raw to protected: float32 of the same shape, [dimension] or [n, dimension]. ValueError for another."""
        return self._turn(vectors, self._blocks)

    def undo(self, vectors: Vectors) -> Matrix:
        """Protected to raw; else as `apply`."""
        return self._turn(vectors, tuple(block.T for block in self._blocks))

    def carry_over(self, other: "Transform") -> "Transform":
        """What turns vectors protected by this one into vectors protected by the other, without a raw one between.

        Raises ValueError for transforms of other parts.
        """
        if self.parts != other.parts:
            raise ValueError("transforms of different parts do not follow each other")
        pairs = zip(self._blocks, other._blocks, strict=True)  # noqa: SLF001 - of its own class
        return Transform([new.astype(np.float64) @ old.astype(np.float64).T for old, new in pairs])

    def form(self, weights: Vectors) -> tuple[Matrix, ...]:
        """Blocks [part, part] whose quadratic form of a protected vector is the sum of `weights` [dimension] times the
        squares of the raw one."""
        split = np.split(weights.astype(np.float64), self._edges)
        return tuple(
            ((block * part) @ block.T).astype(np.float32) for block, part in zip(self._blocks, split, strict=True)
        )

    def split(self, vectors: Matrix) -> list[Matrix]:
        """The parts of vectors [n, dimension]."""
        return cast("list[Matrix]", np.split(vectors, self._edges, axis=-1))

    def _turn(self, vectors: Vectors, blocks: Sequence[Matrix]) -> Matrix:
        if vectors.ndim not in (1, 2) or vectors.shape[-1] != self.dimension:
            raise ValueError("these vectors are of another length than the transform")
        parts = self.split(vectors.astype(np.float32, copy=False))
        return np.concatenate([part @ block.T for part, block in zip(parts, blocks, strict=True)], axis=-1)


def _haar(secret: bytes, place: int, size: int) -> NDArray[np.float64]:
    if size < 1:
        raise ValueError("a part of a vector has at least one number")
    named = _LABEL + secret + place.to_bytes(4, "little") + size.to_bytes(4, "little")
    orthonormal, upper = np.linalg.qr(_normal(named, size * size).reshape(size, size))
    signs: NDArray[np.float64] = np.where(np.diagonal(upper) < 0, -1.0, 1.0)
    turned: NDArray[np.float64] = orthonormal * signs
    return turned


def _normal(named: bytes, count: int) -> NDArray[np.float64]:
    pairs = (count + 1) // 2
    words = np.frombuffer(hashlib.shake_256(named).digest(16 * pairs), "<u8").astype(np.uint64)
    uniform = (words >> np.uint64(11)).astype(np.float64) * 2.0**-53
    radius = np.sqrt(-2 * np.log(1 - uniform[:pairs]))  # of (0, 1], so never of nothing
    angle = 2 * np.pi * uniform[pairs:]
    return np.concatenate((radius * np.cos(angle), radius * np.sin(angle)))[:count]
