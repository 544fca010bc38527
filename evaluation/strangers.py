"""Different people compared, in many groupings of their pictures: what thresholds are set on.

One grouping (the first pictures enrolled, the rest at login) uses a few of the comparisons that a folder holds, and a
threshold for FMR 1e-4 then rests on chance: five pairs of people where three pictures are enrolled and two log in. So
pictures are grouped anew many times, everybody with pictures enough is a template, and everybody logs in to all others.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from embeddings.comparison import Comparison
from embeddings.operating import Mode
from evaluation.faces import Faces
from evaluation.trials import likeness, means, rows_by_person

COMPARISONS: Final = 20_000_000
"""Groupings are added until there are so many comparisons, within ROUNDS."""
ROUNDS: Final = (3, 20)
DRAWS: Final = 200
CONFIDENCE: Final = 0.84
"""One standard deviation: in so many draws of other people the rate is kept."""
SEED: Final = 20_260_101
_KEPT: Final = 4  # times the largest rate: what a draw of people may need

Chosen = NDArray[np.bool_]
People = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Strangers:
    """The most alike of all comparisons of two people.

    `alike` float32 [n], descending, with the number of the person on either side. `enrolled` and `logins` int64
    [groupings, people]: how many templates and probes each person has, so that shares can be counted.
    """

    alike: NDArray[np.float32]
    templates: People
    probes: People
    enrolled: NDArray[np.int64]
    logins: NDArray[np.int64]

    def comparisons(self, weights: NDArray[np.int64] | None = None) -> int:
        """How many there are in all, each person counting `weights` [people] times."""
        once = np.ones(self.enrolled.shape[1], np.int64) if weights is None else weights
        enrolled, logins = self.enrolled * once, self.logins * once
        return int((enrolled.sum(axis=1) * logins.sum(axis=1) - (enrolled * logins).sum(axis=1)).sum())

    def among(self, chosen: Chosen) -> "Strangers":
        """Those between the chosen people [people] alone."""
        kept = chosen[self.templates] & chosen[self.probes]
        return Strangers(
            self.alike[kept], self.templates[kept], self.probes[kept], self.enrolled * chosen, self.logins * chosen
        )

    def rate(self, limit: float) -> float:
        """The share at or above a likeness."""
        return float((self.alike >= limit).sum()) / max(1, self.comparisons())

    def limit(self, fmr: float) -> tuple[float, int]:
        """The likeness that the share `fmr` reaches, and how many pairs of people that is.

        Raises ValueError where it is less than one comparison in a grouping.
        """
        events = int(fmr * self.comparisons() * (1 + 1e-9))
        if events < len(self.enrolled):
            raise ValueError("too few comparisons for so low a false match rate")
        events = min(events, self.alike.size)
        one, other = self.templates[:events], self.probes[:events]
        pairs = np.unique(np.stack((np.minimum(one, other), np.maximum(one, other))), axis=1)
        return float(self.alike[events - 1]), pairs.shape[1]

    def bound(self, fmr: float, confidence: float = CONFIDENCE) -> float:
        """The likeness that keeps the rate in the share `confidence` of draws of people, never below `limit`.

        People are drawn, not comparisons: one look-alike brings many. Raises ValueError as `limit` does.
        """
        limit, _ = self.limit(fmr)
        random, own = np.random.default_rng(SEED), ((self.enrolled + self.logins).sum(axis=0) > 0).astype(np.float64)
        near = slice(0, max(50, int(_KEPT * fmr * self.comparisons())))
        alike, templates, probes = self.alike[near], self.templates[near], self.probes[near]
        found = []
        for _ in range(DRAWS):
            times = random.multinomial(int(own.sum()), own / own.sum())
            reached = np.cumsum(times[templates] * times[probes])
            place = int(np.searchsorted(reached, fmr * self.comparisons(times), side="right")) - 1
            found.append(float(alike[min(max(place, 0), alike.size - 1)]))
        return max(limit, float(np.quantile(found, confidence)))


def strangers(faces: Faces, mode: Mode, comparison: Comparison, largest: float, seed: int = SEED) -> Strangers:
    """All that rates up to `largest` need. People are numbered by name.

    `faces.vectors` float32 [n, dimension] of unit length. Raises ValueError where no two people can be compared.
    """
    random, owned = np.random.default_rng(seed), list(rows_by_person(np.array(faces.people)))
    parts: list[tuple[NDArray[np.float32], People, People]] = []
    enrolled, logins, compared = [], [], 0
    while len(parts) < ROUNDS[0] or (len(parts) < ROUNDS[1] and compared < COMPARISONS):
        templates, whose = _grouped(owned, mode.enrolled, random, most=1)
        probes, theirs = _grouped(owned, mode.captures, random)
        if not templates or not probes or len({*whose, *theirs}) < 2:
            raise ValueError("no two people have pictures enough for this mode")
        columns, rows = np.array(whose), np.array(theirs)
        alike = likeness(means(faces.vectors, probes), means(faces.vectors, templates), comparison)
        alike[rows[:, None] == columns[None, :]] = -np.inf
        parts.append(_most_alike(alike, rows, columns, largest))
        enrolled.append(np.bincount(columns, minlength=len(owned)))
        logins.append(np.bincount(rows, minlength=len(owned)))
        compared += alike.size
    found, probe, template = (np.concatenate(part) for part in zip(*parts, strict=True))
    order = np.argsort(-found, kind="stable")
    return Strangers(found[order], template[order], probe[order], np.array(enrolled), np.array(logins))


def _grouped(
    owned: list[People], size: int, random: np.random.Generator, most: int | None = None
) -> tuple[list[People], list[int]]:
    """Each person's pictures in groups of `size`, at random, at most `most` groups each; and whose they are."""
    groups: list[People] = []
    whose: list[int] = []
    for person, rows in enumerate(owned):
        mixed, whole = random.permutation(rows), len(rows) // size
        for number in range(whole if most is None else min(most, whole)):
            groups.append(mixed[number * size : (number + 1) * size])
            whose.append(person)
    return groups, whose


def _most_alike(
    alike: NDArray[np.float32], rows: People, columns: People, largest: float
) -> tuple[NDArray[np.float32], People, People]:
    kept = min(alike.size, int(_KEPT * largest * alike.size) + 1)
    place = alike.size - kept
    row, column = np.nonzero((alike >= np.partition(alike, place, axis=None)[place]) & np.isfinite(alike))
    return alike[row, column], rows[row], columns[column]
