"""What templates that grow by logins are worth: people log in in turn with growth and without it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID, uuid5

import numpy as np
from numpy.typing import NDArray

from embeddings.captures import Template, average, group
from embeddings.embed import ModelSpec
from embeddings.growth import BESIDE_FMR, MOST, accepts, may_grow, stands
from embeddings.index import VectorIndex
from embeddings.operating import Mode, OperatingPoint, of_measure, verification_point
from embeddings.quality import is_good
from embeddings.types import FaceVector
from evaluation.faces import Faces
from evaluation.statistics import interval
from evaluation.trials import rows_by_person, turned

FMRS: Final = (1e-4, 1e-5)
LOGIN_FMR: Final = 1e-4
LATE: Final = 5
"""From this login on a template has had time to grow."""
_NAMES: Final = UUID(int=16)


@dataclass(slots=True, eq=False)
class Grower:
    """Somebody enrolled. `enrolled` never changes; `grown`: the oldest first. `logins`: rows of the pictures left."""

    key: UUID
    name: str
    enrolled: Template
    vectors: list[FaceVector]
    groups: list[int]
    logins: NDArray[np.intp]
    grown: list[FaceVector] = field(default_factory=list)

    @property
    def held(self) -> list[FaceVector]:
        return [*self.vectors, *self.grown]

    @property
    def template(self) -> Template:
        following = max(self.groups) + 1
        return average(self.held, [*self.groups, *range(following, following + len(self.grown))])

    def absorb(self, vector: FaceVector) -> None:
        """The newest are kept beside what was enrolled."""
        self.grown = [*self.grown, vector][-(MOST - len(self.vectors)) :]


@dataclass(frozen=True, slots=True)
class OwnerRates:
    """`fnmr` of logins of enrolled people at the shipped threshold of `fmr`, from their `from_login`-th on; `ci95` over
    people."""

    fmr: float
    growth: bool
    from_login: int
    people: int
    logins: int
    fnmr: float
    ci95: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Gain:
    """By how much growth lowers the FNMR of the same logins; `ci95` over people."""

    fmr: float
    from_login: int
    fnmr_less: float
    ci95: tuple[float, float]


@dataclass(frozen=True, slots=True)
class StrangerRates:
    """Pictures of others against the templates that the last login left behind. `captures`: the templates of so many
    alone, from and to; `measured`: the share let in, `ci95` over people enrolled."""

    fmr: float
    growth: bool
    captures: tuple[int, int]
    templates: int
    comparisons: int
    events: int
    measured: float | None
    ci95: tuple[float, float] | None


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """`accepted` bool [logins, FMRS], with the number of each login and its person; the people as it left them."""

    growth: bool
    accepted: NDArray[np.bool_]
    numbers: NDArray[np.int_]
    owners: NDArray[np.str_]
    people: list[Grower]
    added: int


def members(faces: Faces, spec: ModelSpec, enrolled: int, least: int) -> list[Grower]:
    """Everybody with `least` pictures and more, the first `enrolled` of them as their template, as the service has it.

    Raises ValueError where nobody has so many, or `least` leaves no login.
    """
    if least <= enrolled:
        raise ValueError("nobody would have a picture left to log in with")
    found, names = [], np.array(faces.people)
    for rows in rows_by_person(names):
        if len(rows) < least:
            continue
        vectors = [FaceVector(faces.vectors[row], spec.model_id) for row in rows[:enrolled]]
        groups = list(group(vectors, None, spec.same_capture_distance))
        name = str(names[rows[0]])
        template = average(vectors, groups)
        found.append(Grower(key_of(name), name, template, vectors, groups, rows[enrolled:]))
    if not found:
        raise ValueError("nobody has pictures enough: three to enrol, and some to log in with")
    return found


def key_of(name: str) -> UUID:
    return uuid5(_NAMES, name)


def index_of(people: Sequence[Grower], spec: ModelSpec) -> VectorIndex:
    index = VectorIndex(spec.model_id, spec.dimension, spec.comparison)
    for each in people:
        index.put(each.key, each.template)
    return index


def good(faces: Faces) -> NDArray[np.bool_]:
    """Which pictures a template may grow by [n]; all, where nothing was measured."""
    return np.array([is_good(each) for each in faces.qualities] or [True] * len(faces.people))


def growth_report(faces: Faces, spec: ModelSpec, enrolled: int, least: int) -> dict[str, Any]:
    """What growth buys people, and what it costs in strangers let in: lists of OwnerRates and StrangerRates, the gains
    that each login pairs with itself, and how many vectors were added.

    Raises ValueError where nobody has pictures enough.
    """
    off, on = (log_in(faces, spec, enrolled, least, growth=growth) for growth in (False, True))
    return {
        "people": len(on.people),
        "enrolled": enrolled,
        "logins": len(on.owners),
        "added": on.added,
        "owners": [*owner_rates(off), *owner_rates(on)],
        "gains": gains(off, on),
        "strangers": [*stranger_rates(off, faces, spec), *stranger_rates(on, faces, spec)],
    }


def log_in(faces: Faces, spec: ModelSpec, enrolled: int, least: int, *, growth: bool) -> Run:
    """Everybody's first login, then everybody's second, and so on."""
    people, fine = members(faces, spec, enrolled, least), good(faces)
    index, seen, added = index_of(people, spec), [], 0
    for number in range(max(len(each.logins) for each in people)):
        for each in [one for one in people if number < len(one.logins)]:
            row = int(each.logins[number])
            probe = Template(FaceVector(faces.vectors[row], spec.model_id), 1)
            still = not each.grown or stands(index, spec, each.enrolled, probe)
            accepted = tuple(still and accepts(index, spec, each.template, probe, fmr) for fmr in FMRS)
            seen.append((accepted, number + 1, each.name))
            if growth and accepted[0] and fine[row]:
                if not may_grow(index, each.key, spec, each.enrolled, probe, each.held):
                    continue
                each.absorb(probe.vector)
                index.put(each.key, each.template)
                added += 1
    decided, numbers, owners = zip(*seen, strict=True)
    return Run(growth, np.array(decided), np.array(numbers), np.array(owners), people, added)


def owner_rates(run: Run) -> list[OwnerRates]:
    found = []
    for place, fmr in enumerate(FMRS):
        for start in (1, LATE):
            late = run.numbers >= start
            if late.any():
                refused, owners = ~run.accepted[late, place], run.owners[late]
                share = float(refused.mean())
                people = len(set(owners.tolist()))
                ci95 = interval(refused, owners)
                found.append(OwnerRates(fmr, run.growth, start, people, len(owners), share, ci95))
    return found


def gains(off: Run, on: Run) -> list[Gain]:
    """Of the same logins in the same order."""
    found = []
    for place, fmr in enumerate(FMRS):
        for start in (1, LATE):
            late = on.numbers >= start
            if late.any():
                fewer = on.accepted[late, place].astype(np.float64) - off.accepted[late, place]
                found.append(Gain(fmr, start, float(fewer.mean()), interval(fewer, on.owners[late])))
    return found


def stranger_rates(run: Run, faces: Faces, spec: ModelSpec) -> list[StrangerRates]:
    """By how many captures stand behind the templates: those that thresholds were measured for, and more."""
    names, own = np.array(faces.people), spec.comparison.own(faces.vectors)
    most = max(point.mode.enrolled for point in of_measure(spec.operating_points, spec.comparison.measure))
    let_in: dict[float, list[tuple[str, int, int, int]]] = {fmr: [] for fmr in FMRS}
    for each in run.people:
        template, others = each.template, names != each.name
        distances = np.linalg.norm(faces.vectors[others] - template.vector.values, axis=1)
        its = float(spec.comparison.own(template.vector.values[None])[0])
        values = spec.comparison.values(distances, its, own[others])
        floor = beside(faces.vectors[others], own[others], each, spec)
        for fmr in FMRS:
            limit = point(spec, template.captures, fmr)
            near = turned(1.0, limit.measure) * (values - limit.threshold) >= 0
            events = int((near & floor).sum())
            let_in[fmr].append((each.name, template.captures, events, len(values)))
    spans = [(1, MOST), (1, most), (most + 1, MOST)] if run.growth else [(1, MOST)]
    return [_strangers(let_in[fmr], fmr, span, growth=run.growth) for fmr in FMRS for span in spans]


def beside(
    vectors: NDArray[np.float32], own: NDArray[np.float64], grower: Grower, spec: ModelSpec
) -> NDArray[np.bool_]:
    """Which pictures what was enrolled accepts too, as it must where a template has grown [n]."""
    if not grower.grown:
        return np.ones(len(vectors), bool)
    limit, enrolled = point(spec, grower.enrolled.captures, BESIDE_FMR), grower.enrolled.vector.values
    distances = np.linalg.norm(vectors - enrolled, axis=1)
    values = spec.comparison.values(distances, float(spec.comparison.own(enrolled[None])[0]), own)
    near: NDArray[np.bool_] = turned(1.0, limit.measure) * (values - limit.threshold) >= 0
    return near


def _strangers(
    rows: Sequence[tuple[str, int, int, int]], fmr: float, span: tuple[int, int], *, growth: bool
) -> StrangerRates:
    chosen = [row for row in rows if span[0] <= row[1] <= span[1]]
    events, comparisons = sum(row[2] for row in chosen), sum(row[3] for row in chosen)
    if not comparisons:
        return StrangerRates(fmr, growth, span, 0, 0, 0, None, None)
    shares = np.concatenate([np.arange(row[3]) < row[2] for row in chosen])
    owners = np.repeat([row[0] for row in chosen], [row[3] for row in chosen])
    return StrangerRates(
        fmr, growth, span, len(chosen), comparisons, events, events / comparisons, interval(shares, owners)
    )


def point(spec: ModelSpec, captures: int, fmr: float) -> OperatingPoint:
    points = of_measure(spec.operating_points, spec.comparison.measure)
    return verification_point(points, Mode(captures, 1), fmr)
