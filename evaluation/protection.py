"""What protected templates keep and what they hide: accuracy, linkability across two tenants, and the attack on it."""

import hashlib
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from embeddings.embed import ModelSpec
from embeddings.operating import Mode, OperatingPoint
from evaluation import statistics
from evaluation.faces import Faces
from evaluation.relinking import relink
from evaluation.trials import Trials, trials, turned
from evaluation.verification import shipped_points

PAIRS: Final = 20
"""Pairs of tenants that linkability is averaged over: under one pair, all comparisons share its chance."""
SIZES: Final = (100, 250, 500)
DRAWS: Final = 5
FEWEST: Final = 20
"""People at both tenants below which sets have no shape to speak of, and nothing is attacked."""
BINS: Final = 100
Floats = NDArray[np.float32]
Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Kept:
    """One shipped point, with raw vectors and with protected ones. `differing`: comparisons decided otherwise."""

    name: str
    threshold: float
    fnmr: float
    fnmr_protected: float
    fmr: float
    fmr_protected: float
    differing: int


@dataclass(frozen=True, slots=True)
class Linkability:
    """One person's templates at two tenants compared as they are. `eer_range`: least and largest of the pairs.

    `d_sys` of protected vectors (mean of the pairs), `d_sys_chance` of as many pairs of strangers called mated, which
    is what that estimate gives where there is nothing to find, `d_sys_raw` and `eer_raw` without protection.
    """

    pairs_of_tenants: int
    mated: int
    non_mated: int
    eer: float
    eer_range: tuple[float, float]
    d_sys: float
    d_sys_chance: float
    eer_raw: float
    d_sys_raw: float


@dataclass(frozen=True, slots=True)
class Relinked:
    """Equal error rates of linking two tenants' sets without a key, mean of the draws: by moments alone, and after
    matching; `eer_raw` where nothing is protected. `solved`: draws in which matching comes within twice that."""

    vectors: tuple[int, int]
    people_in_both: int
    draws: int
    eer_moments: float
    eer_matched: float
    eer_raw: float
    solved: int


@dataclass(frozen=True, slots=True)
class ProtectionReport:
    """`largest_change`: of the distance or score of any comparison, by protecting both sides."""

    images: int
    people: int
    comparisons: int
    largest_change: float
    shipped: tuple[Kept, ...]
    linkability: Linkability
    relinked: tuple[Relinked, ...]
    model_id: str
    matching: str


def protection(faces: Faces, spec: ModelSpec, mode: Mode) -> ProtectionReport:
    """Raises ValueError where nobody has two pictures, or there are no two people."""
    if not 1 < len(set(faces.people)) < len(faces.people):
        raise ValueError("no two comparable pictures of one person, or no two people")
    transform = spec.transform(secret(0))
    raw = trials(faces, mode, spec.comparison)
    hidden = trials(replace(faces, vectors=transform.apply(faces.vectors)), mode, spec.turned(transform).comparison)
    points = tuple(_kept(raw, hidden, point) for point in shipped_points(spec, mode))
    return ProtectionReport(
        images=len(faces.files) + faces.failed,
        people=len(set(faces.people)),
        comparisons=int(raw.counted.sum()),
        largest_change=float(np.abs(raw.alike - hidden.alike)[raw.counted].max()),
        shipped=points,
        linkability=linkability(faces, spec),
        relinked=relinking(faces, spec),
        model_id=spec.model_id,
        matching=spec.comparison.measure.value,
    )


def secret(tenant: int) -> bytes:
    """Of a tenant of this evaluation: the same in each run."""
    return hashlib.sha256(f"tenant {tenant} of the evaluation".encode()).digest()


def tenants(faces: Faces) -> tuple[Rows, Rows]:
    """Who is at which tenant: each person's pictures go to the one and the other in turn, no picture to both."""
    chosen: tuple[list[int], list[int]] = ([], [])
    seen: dict[str, int] = {}
    alone = 0
    for row, person in enumerate(faces.people):
        if person not in seen:
            single = faces.people.count(person) == 1
            seen[person] = alone if single else 0
            alone += single
        chosen[seen[person] % 2].append(row)
        seen[person] += 1
    return np.array(chosen[0], np.intp), np.array(chosen[1], np.intp)


def linkability(faces: Faces, spec: ModelSpec) -> Linkability:
    """Cosines of all templates of the one tenant with all of the other, under PAIRS pairs of secrets."""
    one, other = tenants(faces)
    people = np.array(faces.people)
    same = people[one][:, None] == people[other][None, :]
    strangers = np.random.default_rng(statistics.SEED).permutation(people[other])
    chance = people[one][:, None] == strangers[None, :]
    errors, found, nothing = [], [], []
    for pair in range(PAIRS):
        left = spec.transform(secret(2 * pair)).apply(faces.vectors[one])
        right = spec.transform(secret(2 * pair + 1)).apply(faces.vectors[other])
        alike = left @ right.T
        errors.append(statistics.equal_error_rate(alike[same], alike[~same]))
        found.append(d_sys(alike[same], alike[~same]))
        nothing.append(d_sys(alike[chance], alike[~chance & ~same]))
    raw = faces.vectors[one] @ faces.vectors[other].T
    return Linkability(
        pairs_of_tenants=PAIRS,
        mated=int(same.sum()),
        non_mated=int((~same).sum()),
        eer=float(np.mean(errors)),
        eer_range=(min(errors), max(errors)),
        d_sys=float(np.mean(found)),
        d_sys_chance=float(np.mean(nothing)),
        eer_raw=statistics.equal_error_rate(raw[same], raw[~same]),
        d_sys_raw=d_sys(raw[same], raw[~same]),
    )


def d_sys(mated: Floats, non_mated: Floats) -> float:
    """How far scores tell that two templates are of one person: 0, not at all, to 1, always.

    The integral over scores s of p(s | mated) D(s), where D(s) = 2 LR(s) / (1 + LR(s)) - 1 for LR(s) > 1, else 0, and
    LR(s) = p(s | mated) / p(s | non-mated): Gomez-Barrero, Galbally, Rathgeb and Busch, "General Framework to Evaluate
    Unlinkability in Biometric Template Protection Systems", IEEE TIFS 13(6), 2018, with their omega of 1. Densities
    are histograms, as theirs, of at most BINS and of at least ten mated scores a bin on average. Chance alone makes it
    larger than 0.
    """
    low, high = min(mated.min(), non_mated.min()), max(mated.max(), non_mated.max())
    edges = np.linspace(low, high, max(1, min(BINS, mated.size // 10)) + 1)
    ours = np.histogram(mated, edges)[0] / mated.size
    theirs = np.histogram(non_mated, edges)[0] / non_mated.size
    both = np.maximum(ours + theirs, np.finfo(np.float64).tiny)
    return float((ours * np.maximum(0.0, (ours - theirs) / both)).sum())  # 2 LR / (1 + LR) - 1 = (p - q) / (p + q)


def relinking(faces: Faces, spec: ModelSpec) -> tuple[Relinked, ...]:
    """One picture a tenant of as many people as SIZES say, drawn DRAWS times; then everything that there is."""
    people = np.array(faces.people)
    one, other = tenants(faces)
    shared = np.intersect1d(people[one], people[other])
    random = np.random.default_rng(statistics.SEED)
    answers = []
    for size in SIZES:
        if size <= len(shared):
            chosen = [random.choice(shared, size, replace=False) for _ in range(DRAWS)]
            sets = [(_first(people, one, names), _first(people, other, names)) for names in chosen]
            answers.append(_attacked(faces, spec, sets))
    return (*answers, _attacked(faces, spec, [(one, other)])) if len(shared) >= FEWEST else ()


def _first(people: NDArray[np.str_], rows: Rows, names: NDArray[np.str_]) -> Rows:
    found, places = np.unique(people[rows], return_index=True)
    return rows[places[np.isin(found, names)]]


def _attacked(faces: Faces, spec: ModelSpec, sets: list[tuple[Rows, Rows]]) -> Relinked:
    people = np.array(faces.people)
    rates = []
    for draw, (one, other) in enumerate(sets):
        first, second = spec.transform(secret(2 * draw)), spec.transform(secret(2 * draw + 1))
        links = relink(first.apply(faces.vectors[one]), second.apply(faces.vectors[other]), first.parts)
        same = people[one][:, None] == people[other][None, :]
        raw = faces.vectors[one] @ faces.vectors[other].T
        found = (links.moments, links.matched, raw)
        rates.append([statistics.equal_error_rate(alike[same], alike[~same]) for alike in found])
    moments, matched, plain = np.mean(rates, axis=0).tolist()
    one, other = sets[0]
    return Relinked(
        vectors=(len(one), len(other)),
        people_in_both=len(np.intersect1d(people[one], people[other])),
        draws=len(sets),
        eer_moments=moments,
        eer_matched=matched,
        eer_raw=plain,
        solved=sum(rate[1] <= 2 * rate[2] for rate in rates),
    )


def _kept(raw: Trials, hidden: Trials, point: OperatingPoint) -> Kept:
    limit = turned(point.threshold, raw.measure)
    differing = ((raw.alike >= limit) != (hidden.alike >= limit)) & raw.counted
    return Kept(
        name=f"{point.mode.enrolled}:{point.mode.captures} at FMR {point.fmr:g}",
        threshold=point.threshold,
        fnmr=1 - statistics.accepted(raw.genuine, limit),
        fnmr_protected=1 - statistics.accepted(hidden.genuine, limit),
        fmr=statistics.accepted(raw.impostor, limit),
        fmr_protected=statistics.accepted(hidden.impostor, limit),
        differing=int(differing.sum()),
    )
