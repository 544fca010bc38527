"""The attack on protected templates that needs no key and no known pair: the shape of two sets of vectors gives away
how the one is turned against the other, where both hold many of the same people."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

AXES: Final = 16
"""Principal axes that moments are compared on; 8 to 24 serve about alike."""
STARTS: Final = (8, 16, 24)
"""Numbers of axes that the matching starts from; the best fit is kept, which needs no label."""
STEPS: Final = 24
_SOFTNESS: Final = (0.5, 0.08)  # of the matching at first and at last, in deviations of the similarities
_COOLING: Final = 0.9
_BALANCING: Final = 30
Matrix = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Links:
    """How alike each vector of the one set [n] seems to each of the other [m]: float32 [n, m], larger is more alike.

    `moments`: from the moments of both sets alone. `matched`: after turning one set onto the other by matching.
    """

    moments: Matrix
    matched: Matrix


def relink(one: Matrix, other: Matrix, parts: Sequence[int]) -> Links:
    """Of two sets of protected vectors, [n, dimension] and [m, dimension], whose first part is the easiest to turn."""
    first = one[:, : parts[0]], other[:, : parts[0]]
    best, most = np.zeros((len(one), len(other)), np.float32), -np.inf
    for sets in [first, (one, other)] if len(parts) > 1 else [first]:
        for axes in STARTS:
            found = by_matching(*first, by_moments(*sets, axes))
            fit = float(found.max(axis=1).mean())
            if fit > most:
                best, most = found, fit
    return Links(by_moments(one, other, AXES), best)


def by_moments(one: Matrix, other: Matrix, axes: int) -> Matrix:
    """Each set is described along its own principal axes: ordered by their second moment, pointing where the third is
    positive, and weighted by the second; then cosines."""
    left, right = _described(one, axes), _described(other, axes)
    shared = min(left.shape[1], right.shape[1])
    similarity: Matrix = (_unit(left[:, :shared]) @ _unit(right[:, :shared]).T).astype(np.float32)
    return similarity


def by_matching(one: Matrix, other: Matrix, start: Matrix) -> Matrix:
    """From a first guess at the similarities, in turns: a soft matching of everybody (Sinkhorn's balancing, harder
    each time), and the rotation that fits it best (Procrustes; Grave, Joulin and Berthet 2019, "Unsupervised alignment
    of embeddings with Wasserstein Procrustes"). The means of the two sets are held to be the same point."""
    mean, their_mean = one.mean(axis=0), other.mean(axis=0)
    apart, theirs = one - mean, other - their_mean
    left, right = _unit(apart), _unit(theirs)
    similarity, softness = start, _SOFTNESS[0]
    for _ in range(STEPS):
        matched = _matching(similarity / similarity.std(), softness) @ theirs
        outward, _, inward = np.linalg.svd(apart.T @ matched + len(one) * np.outer(mean, their_mean))
        similarity = (left @ (outward @ inward)) @ right.T
        softness = max(_COOLING * softness, _SOFTNESS[1])
    return similarity


def _matching(similarity: Matrix, softness: float) -> Matrix:
    weights: Matrix = np.exp((similarity - similarity.max(axis=1, keepdims=True)) / softness)
    rows = np.ones(len(weights), np.float32)
    tiny = np.float32(np.finfo(np.float32).tiny)
    for _ in range(_BALANCING):
        columns = len(weights) / weights.shape[1] / np.maximum(rows @ weights, tiny)
        rows = 1 / np.maximum(weights @ columns, tiny)
    balanced: Matrix = rows[:, None] * weights * columns
    return balanced


def _described(vectors: Matrix, axes: int) -> NDArray[np.float64]:
    values = vectors.astype(np.float64)
    values -= values.mean(axis=0)
    lengths, directions = np.linalg.eigh(values.T @ values / len(values))
    along: NDArray[np.float64] = values @ directions[:, ::-1][:, :axes]
    along *= np.sign((along**3).sum(axis=0)) * np.sqrt(np.maximum(lengths[::-1][:axes], 0.0))
    return along


def _unit(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Matrix = (vectors / np.maximum(lengths, 1e-12)).astype(np.float32)
    return unit
