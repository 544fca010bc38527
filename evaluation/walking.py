"""An attack on templates that grow: somebody else logs in again and again, to walk a template away from its owner.

The worst case: the adversary sees the template, passes every challenge of liveness with a flawless picture, is not
enrolled (or the look-alike guard would see them), and always shows what pushes furthest of all that would be added.
`photos`: their own pictures. `blends`: faces anywhere between theirs and what is enrolled, as a morph is at best, with
some noise so that each is another moment.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from embeddings.captures import Template
from embeddings.embed import ModelSpec
from embeddings.growth import FMR, may_grow
from embeddings.index import VectorIndex
from embeddings.types import FaceVector
from evaluation.faces import Faces
from evaluation.growth import LOGIN_FMR, Grower, index_of, key_of, members, passes, point
from evaluation.statistics import interval
from evaluation.trials import Names, turned

Kind = Literal["photos", "blends"]
JudgedBy = Literal["enrolled", "whole"]
KINDS: Final[tuple[Kind, ...]] = ("photos", "blends")
JUDGES: Final[tuple[JudgedBy, ...]] = ("enrolled", "whole")
SHARES: Final = np.linspace(0.1, 0.9, 9)
DRAWS: Final = 3
NOISE: Final = 0.2
"""Length of what is added to a blend of length 1: two of them are as far apart as photos of different moments."""
SEED: Final = 20_260_101
Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Against:
    """How many of the nearest other people attack each template, and how often each logs in."""

    adversaries: int = 5
    tries: int = 20


@dataclass(frozen=True, slots=True)
class WalkRates:
    """Attacks of `adversaries` on each of `templates`, `tries` each. `judged_by`: whether a login may add its vector is
    judged against what was enrolled, as the service does, or against the whole template.

    `absorbed`: templates that took in an adversary's vector at all; `vectors`: the most that one took in. `opened`:
    templates that let in a picture of an adversary which they refused before, `pictures` of those refused before;
    `owner_fnmr`: of the owners' other pictures, before and after the attack that did most, `ci95` over people.
    """

    kind: Kind
    judged_by: JudgedBy
    templates: int
    adversaries: int
    tries: int
    absorbed: int
    vectors: int
    opened: int
    pictures: tuple[int, int]
    owner_fnmr: tuple[float, float]
    ci95: tuple[tuple[float, float], tuple[float, float]]


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """What an adversary can show: `vectors` float32 [n, dimension], those that push furthest first, with the number of
    each by the comparison."""

    vectors: Vectors
    numbers: NDArray[np.float64]

    @classmethod
    def of(cls, kind: Kind, own: Vectors, enrolled: Vectors, spec: ModelSpec) -> "Pool":
        """`own`: the adversary's pictures; `enrolled`: the template [dimension] as it was enrolled."""
        vectors = own if kind == "photos" else _blends(own, enrolled)
        order = np.argsort(-(vectors @ own.sum(axis=0)))
        return cls(vectors[order], spec.comparison.own(vectors[order]))

    def furthest(
        self, index: VectorIndex, spec: ModelSpec, owner: Grower, judged_by: JudgedBy
    ) -> FaceVector | None:
        """Of those that log in and would be added, the one nearest to the adversary."""
        judged, held = owner.enrolled if judged_by == "enrolled" else owner.template, owner.held
        inside = self._passing(spec, owner.template, LOGIN_FMR) & self._passing(spec, judged, FMR)
        for row in np.flatnonzero(inside):
            probe = Template(FaceVector(self.vectors[row], spec.model_id), 1)
            if may_grow(index, owner.key, spec, judged, probe, held):
                return probe.vector
        return None

    def _passing(self, spec: ModelSpec, template: Template, fmr: float) -> NDArray[np.bool_]:
        own = float(spec.comparison.own(template.vector.values[None])[0])
        distances = np.linalg.norm(self.vectors - template.vector.values, axis=1)
        values = spec.comparison.values(distances, own, self.numbers)
        limit = point(spec, template.captures, fmr)
        passing: NDArray[np.bool_] = turned(1.0, limit.measure) * (values - limit.threshold) >= 0
        return passing


def walk(
    index: VectorIndex, spec: ModelSpec, owner: Grower, pool: Pool, judged_by: JudgedBy, tries: int
) -> int:
    """Leaves the owner's template as the attack left it; how many vectors were added."""
    for added in range(tries):
        vector = pool.furthest(index, spec, owner, judged_by)
        if vector is None:
            return added
        owner.absorb(vector)
        index.put(owner.key, owner.template)
    return tries


def walks(faces: Faces, spec: ModelSpec, enrolled: int, least: int, against: Against) -> list[WalkRates]:
    """Every kind of attack on everybody."""
    people = members(faces, spec, enrolled, least)
    index, names = index_of(people, spec), np.array(faces.people)
    found = []
    for kind, judged_by in product(KINDS, JUDGES):
        told = [_attacked(faces, spec, index, owner, names, kind, judged_by, against) for owner in people]
        found.append(_rates(told, kind, judged_by, against))
    return found


def nearest_others(faces: Faces, owner: Grower, names: Names, count: int) -> list[str]:
    """The people whose nearest picture comes nearest to the template."""
    order = np.argsort(np.linalg.norm(faces.vectors - owner.enrolled.vector.values, axis=1))
    return list(dict.fromkeys(names[order][names[order] != owner.name].tolist()))[:count]


def _attacked(  # noqa: PLR0913
    faces: Faces,
    spec: ModelSpec,
    index: VectorIndex,
    owner: Grower,
    names: Names,
    kind: Kind,
    judged_by: JudgedBy,
    against: Against,
) -> "_Told":
    """Each adversary begins anew; the template is as before when all are done."""
    told = _Told(owner.name, before=_refused(index, spec, owner, faces.vectors[owner.logins]))
    for name in nearest_others(faces, owner, names, against.adversaries):
        own = faces.vectors[names == name]
        there = index.get(key_of(name))
        index.remove(key_of(name))
        shut = _refused(index, spec, owner, own)
        added = walk(
            index, spec, owner, Pool.of(kind, own, owner.enrolled.vector.values, spec), judged_by, against.tries
        )
        opened = int((shut & ~_refused(index, spec, owner, own)).sum())
        told.add(added, opened, int(shut.sum()), _refused(index, spec, owner, faces.vectors[owner.logins]))
        owner.grown = []
        index.put(owner.key, owner.enrolled)
        if there is not None:
            index.put(key_of(name), there)
    return told


@dataclass(slots=True, eq=False)
class _Told:
    """What became of one template. `before`, `after` bool [logins]: which of its owner's are refused; after the attack
    that did most."""

    name: str
    before: NDArray[np.bool_]
    after: NDArray[np.bool_] | None = None
    added: int = 0
    opened: int = 0
    shut: int = 0

    def add(self, added: int, opened: int, shut: int, after: NDArray[np.bool_]) -> None:
        self.added, self.opened, self.shut = max(self.added, added), self.opened + opened, self.shut + shut
        if self.after is None or after.sum() > self.after.sum():
            self.after = after


def _rates(told: Sequence[_Told], kind: Kind, judged_by: JudgedBy, against: Against) -> WalkRates:
    owners = np.concatenate([np.repeat(each.name, len(each.before)) for each in told])
    before = np.concatenate([each.before for each in told])
    after = np.concatenate([each.before if each.after is None else each.after for each in told])
    return WalkRates(
        kind=kind,
        judged_by=judged_by,
        templates=len(told),
        adversaries=against.adversaries,
        tries=against.tries,
        absorbed=sum(each.added > 0 for each in told),
        vectors=max(each.added for each in told),
        opened=sum(each.opened > 0 for each in told),
        pictures=(sum(each.opened for each in told), sum(each.shut for each in told)),
        owner_fnmr=(float(before.mean()), float(after.mean())),
        ci95=(interval(before, owners), interval(after, owners)),
    )


def _refused(index: VectorIndex, spec: ModelSpec, owner: Grower, vectors: Vectors) -> NDArray[np.bool_]:
    probes = [Template(FaceVector(vector, spec.model_id), 1) for vector in vectors]
    return np.array([not passes(index, spec, owner.template, probe, LOGIN_FMR) for probe in probes], bool)


def _blends(own: Vectors, enrolled: Vectors) -> Vectors:
    random = np.random.default_rng(SEED)
    mixed = _units(np.concatenate([share * own + (1 - share) * enrolled for share in np.repeat(SHARES, DRAWS)]))
    return _units(mixed + NOISE * _units(random.standard_normal(mixed.shape))).astype(np.float32)


def _units(vectors: NDArray[np.floating]) -> NDArray[np.floating]:
    units: NDArray[np.floating] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return units
