"""One against many, open set: strangers taken for somebody (FPIR), enrolled people not found (FNIR)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from embeddings.embed import ModelSpec
from embeddings.matching import AMBIGUITY_MARGINS
from embeddings.operating import (
    IDENTIFICATION_FPIR,
    GalleryTooLarge,
    Mode,
    OperatingPoint,
    identification_point,
    of_measure,
)
from evaluation.faces import Faces
from evaluation.strangers import Strangers, strangers
from evaluation.trials import templates_and_probes, turned

SIZES: Final = (10, 30, 100, 300, 800)
DRAWS: Final = 200
SEED: Final = 20_260_101


@dataclass(frozen=True, slots=True)
class GalleryRates:
    """At one size of gallery. `answered`: whether the service would identify at all; if not, `threshold` was set on
    this run, or is None with the rates where too few impostors were there.

    `fpir`: strangers accepted as anybody; `fnir`: enrolled people not accepted as themselves (unknown, ambiguous or
    as somebody else). `searches`: probes of strangers.
    """

    size: int
    answered: bool
    target_fpir: float
    threshold: float | None
    fpir: float | None
    fnir: float | None
    searches: int


def identification(
    faces: Faces, spec: ModelSpec, mode: Mode, fpir: float = IDENTIFICATION_FPIR
) -> tuple[GalleryRates, ...]:
    """Galleries of SIZES people drawn DRAWS times each from all templates; the others are strangers.

    A size that the service refuses is measured at a threshold that is set on this run, where that can be.
    """
    run = templates_and_probes(faces, mode, spec.comparison, everybody=True)
    points = of_measure(spec.operating_points, spec.comparison.measure)
    random = np.random.default_rng(SEED)
    sizes = [size for size in SIZES if size < len(run.templates)]
    found = []
    for size, (answered, threshold) in zip(sizes, _thresholds(faces, spec, mode, sizes, points, fpir), strict=True):
        if threshold is None:
            found.append(GalleryRates(size, False, fpir, None, None, None, 0))
            continue
        counts, same = np.zeros(4, np.int64), run.same  # strangers, of them accepted; enrolled, of them not found
        for _ in range(DRAWS):
            gallery = random.choice(len(run.templates), size, replace=False)
            kept = run.counted[:, gallery].all(axis=1)
            limit = turned(threshold, run.measure)
            counts += _searched(
                run.alike[kept][:, gallery], same[kept][:, gallery], limit, AMBIGUITY_MARGINS[run.measure]
            )
        rates = float(counts[1] / max(1, counts[0])), float(counts[3] / max(1, counts[2]))
        found.append(GalleryRates(size, answered, fpir, threshold, *rates, int(counts[0])))
    return tuple(found)


def _thresholds(
    faces: Faces, spec: ModelSpec, mode: Mode, sizes: Sequence[int], points: Sequence[OperatingPoint], fpir: float
) -> Iterator[tuple[bool, float | None]]:
    """For each size whether it is answered, and the threshold."""
    measured: Strangers | None = None
    for size in sizes:
        try:
            yield True, identification_point(points, mode, size, fpir).threshold
        except GalleryTooLarge:
            measured = measured or strangers(faces, mode, spec.comparison, fpir)
            try:
                yield False, turned(measured.bound(fpir / size), spec.comparison.measure)
            except ValueError:
                yield False, None


def _searched(alike: NDArray[np.float32], same: NDArray[np.bool_], limit: float, margin: float) -> NDArray[np.int64]:
    """As `embeddings.matching.identify` decides, all templates of one mode."""
    best = alike.argmax(axis=1)
    rows = np.arange(len(alike))
    top = alike[rows, best]
    second = np.partition(alike, -2, axis=1)[:, -2] if alike.shape[1] > 1 else np.full(len(alike), -np.inf)
    accepted = (top >= limit) & ~((second >= limit) & (top - second < margin))
    enrolled = same.any(axis=1)
    right = accepted & same[rows, best]
    return np.array([(~enrolled).sum(), (accepted & ~enrolled).sum(), enrolled.sum(), (enrolled & ~right).sum()])
