"""Whether thresholds hold for other people: set on one half of a folder's people, judged on the other half."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from embeddings.comparison import Comparison
from embeddings.operating import Mode
from evaluation.faces import Faces
from evaluation.strangers import CONFIDENCE, SEED, strangers

SPLITS: Final = 20
FACTORS: Final = {1e-3: 1.3, 1e-4: 1.6, 1e-5: 1.6}
"""How many times the wanted false match rate may be met on other people."""


@dataclass(frozen=True, slots=True)
class Held:
    """The false match rate of the other half over the wanted one, for 2 * SPLITS halves: their mean, the value that
    nine of ten stay below, and the share within FACTORS. `pairs`: of people, carrying a half's threshold (median)."""

    mode: Mode
    fmr: float
    mean: float
    ninth: float
    within: float
    pairs: int


def held(faces: Faces, comparison: Comparison, modes: Sequence[Mode], confidence: float = CONFIDENCE) -> list[Held]:
    """Mode by mode and rate by rate. A half of the people carries half the events, so this scatters more than the
    thresholds of all do. A rate that some half cannot carry is left out."""
    people = len(set(faces.people))
    random = np.random.default_rng(SEED)
    halves = [random.permutation(people) < people // 2 for _ in range(SPLITS)]
    rows = []
    for mode in modes:
        everybody = strangers(faces, mode, comparison, max(FACTORS))
        sides = [(everybody.among(half), everybody.among(~half)) for half in halves]
        sides += [(other, one) for one, other in sides]
        for fmr, factor in FACTORS.items():
            try:
                met = np.array([other.rate(one.bound(fmr, confidence)) / fmr for one, other in sides])
            except ValueError:
                break
            pairs = int(np.median([one.limit(fmr)[1] for one, _ in sides]))
            mean, ninth, within = float(met.mean()), float(np.quantile(met, 0.9)), float((met <= factor).mean())
            rows.append(Held(mode, fmr, mean, ninth, within, pairs))
    return rows
