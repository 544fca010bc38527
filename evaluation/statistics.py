"""Error rates of likenesses (larger is more alike), and how far they can be trusted."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

FOLDS: Final = 10
ROUNDS: Final = 1000
SEED: Final = 20_260_101
Floats = NDArray[np.float32]


def threshold_at(impostor: Floats, fmr: float) -> tuple[float, int]:
    """The likeness from which on at most the share `fmr` of the impostors is accepted, and how many that are.

    Raises ValueError where fewer than one event would carry it.
    """
    events = int(fmr * impostor.size * (1 + 1e-9))
    if events < 1:
        raise ValueError("too few impostor comparisons for so low a false match rate")
    place = impostor.size - events
    limit = float(np.partition(impostor, place)[place])
    if int((impostor >= limit).sum()) > events:  # ties
        limit = float(np.nextafter(np.float32(limit), np.float32(np.inf)))
    return limit, int((impostor >= limit).sum())


def accepted(alike: Floats, limit: float) -> float:
    """The share at or above the limit; 0 of none."""
    return float((alike >= limit).mean()) if alike.size else 0.0


def equal_error_rate(genuine: Floats, impostor: Floats) -> float:
    """Where FMR and FNMR meet: the least of the larger of both over all thresholds between genuine likenesses."""
    limits = np.sort(genuine)
    missed = np.arange(limits.size) / limits.size  # genuine below each limit
    ordered = np.sort(impostor)
    matched = 1 - np.searchsorted(ordered, limits) / ordered.size
    return float(np.maximum(missed, matched).min())


def accuracy(
    genuine: Floats, genuine_folds: NDArray[np.int_], impostor: Floats, impostor_folds: NDArray[np.int_]
) -> float:
    """Ten-fold: the threshold that serves nine folds of people best, judged on the tenth; both kinds weigh the same.

    Impostor pairs across folds are left out by giving them a fold below 0.
    """
    results = []
    for fold in range(FOLDS):
        own, others = genuine[genuine_folds == fold], genuine[genuine_folds != fold]
        strange, strangers = (
            impostor[impostor_folds == fold],
            impostor[(impostor_folds != fold) & (impostor_folds >= 0)],
        )
        if own.size and strange.size and others.size and strangers.size:
            limit = best_limit(others, strangers)
            results.append((accepted(own, limit) + 1 - accepted(strange, limit)) / 2)
    return float(np.mean(results)) if results else float("nan")


def best_limit(genuine: Floats, impostor: Floats) -> float:
    """The genuine likeness that, as a limit, makes FMR + FNMR least."""
    limits = np.sort(genuine)
    missed = np.arange(limits.size) / limits.size
    matched = 1 - np.searchsorted(np.sort(impostor), limits) / impostor.size
    return float(limits[(missed + matched).argmin()])


def interval(refused: NDArray[np.bool_] | NDArray[np.float64], people: NDArray[np.str_]) -> tuple[float, float]:
    """95 % bootstrap interval of the share of `refused`, or of the mean of numbers, drawing people, not comparisons:
    one person's are not independent."""
    names, owner = np.unique(people, return_inverse=True)
    if names.size == 0:
        return float("nan"), float("nan")
    errors = np.bincount(owner, refused, names.size)
    counts = np.bincount(owner, minlength=names.size)
    drawn = np.random.default_rng(SEED).integers(0, names.size, (ROUNDS, names.size))
    low, high = np.percentile(errors[drawn].sum(axis=1) / counts[drawn].sum(axis=1), (2.5, 97.5))
    return float(low), float(high)


def det_curve(genuine: Floats, impostor: Floats, points: int = 200) -> list[tuple[float, float]]:
    """(FMR, FNMR) along the thresholds, FMR evenly spaced in its logarithm down to one event."""
    ordered, own = np.sort(impostor), np.sort(genuine)
    rates = np.geomspace(1 / ordered.size, 1.0, points)
    places = np.maximum(0, ordered.size - np.maximum(1, np.round(rates * ordered.size)).astype(np.int64))
    missed = np.searchsorted(own, ordered[places]) / own.size
    return list(zip(rates.tolist(), missed.tolist(), strict=True))
