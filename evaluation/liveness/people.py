"""How many people are behind films and pictures: by their vectors, for names of files do not say."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from evaluation.liveness.films import Watched

Vector = NDArray[np.float64]


def usual(film: Watched) -> Vector | None:
    """The mean direction of its vectors: float64 [d]; None without any."""
    found = [each.look.vector.values for each in film.frames if each.look is not None and each.look.vector is not None]
    if not found:
        return None
    mean: Vector = np.stack(found).sum(axis=0, dtype=np.float64)
    direction: Vector = mean / max(float(np.linalg.norm(mean)), 1e-9)
    return direction


def people(vectors: Mapping[str, Vector], limit: float) -> dict[str, str]:
    """Who each source is: the name of the first source of that person. Two sources are one person where their vectors
    are at most `limit` (Euclidean) apart, or both are that near to a third."""
    names = sorted(vectors)
    who = {name: name for name in names}
    for number, name in enumerate(names):
        for other in names[:number]:
            if float(np.linalg.norm(vectors[name] - vectors[other])) <= limit:
                one, two = sorted((who[name], who[other]))
                who = {each: one if person == two else person for each, person in who.items()}
    return who


def counted(sources: Sequence[str], who: Mapping[str, str]) -> int:
    """People behind `sources`. One that nobody was recognised in adds nobody: an interval had better be too wide."""
    return max(len(sources) > 0, len({who[source] for source in sources if source in who}))
