"""An attack on templates that grow: somebody else logs in again and again, to walk a template away from its owner.

The worst case: the adversary sees the template, passes every challenge of liveness with a flawless picture, is not
enrolled (or the look-alike guard would see them), and always shows what pushes furthest of all that would be added.
`photos`: their own pictures. `blends`: faces anywhere between theirs and what is enrolled, as a morph is at best, with
some noise so that each is another moment.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from embeddings.captures import Template
from embeddings.embed import ModelSpec
from embeddings.growth import BESIDE_FMR, FMR, accepts, may_grow
from embeddings.index import VectorIndex
from embeddings.matching import AMBIGUITY_MARGINS
from embeddings.types import FaceVector
from evaluation.faces import Faces
from evaluation.growth import LOGIN_FMR, Grower, index_of, key_of, members, point
from evaluation.statistics import interval
from evaluation.trials import Names, turned

Kind = Literal["photos", "blends"]
KINDS: Final[tuple[Kind, ...]] = ("photos", "blends")
SHARES: Final = np.linspace(0.1, 0.9, 9)
DRAWS: Final = 3
NOISE: Final = 0.2
"""Length of what is added to a blend of length 1: two of them are as far apart as photos of different moments."""
SEED: Final = 20_260_101
Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Against:
    """How many of the nearest other people attack each template, and how often each logs in. `seen`: called after each
    template of each kind."""

    adversaries: int = 5
    tries: int = 20
    seen: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class WalkRates:
    """Attacks of `adversaries` on each of `templates`, `tries` logins each.

    `absorbed`: templates that took in an adversary's vector at all; `most`: the most that one took in. `pictures`: of
    the adversaries, refused before; `by_template`: the share of these near enough to what the template became;
    `let_in`: and let in, since what was enrolled has to accept them too (at FMR 1e-3), `ci95` over people; `opened`:
    templates that let in any. `owner_fnmr`: of the owners' other pictures, before and after the attack that did most.
    """

    kind: Kind
    templates: int
    adversaries: int
    tries: int
    absorbed: int
    most: int
    pictures: int
    by_template: float
    let_in: float
    ci95: tuple[float, float]
    opened: int
    owner_fnmr: tuple[float, float]
    owner_ci95: tuple[tuple[float, float], tuple[float, float]]


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

    def furthest(self, index: VectorIndex, spec: ModelSpec, owner: Grower) -> FaceVector | None:
        """Of those that log in and would be added, the one nearest to the adversary."""
        margin, held = AMBIGUITY_MARGINS[spec.comparison.measure], np.stack([each.values for each in owner.held])
        inside = self._passing(spec, owner.template, LOGIN_FMR) & self._passing(spec, owner.enrolled, FMR, margin)
        alike = (self.vectors @ held.T).max(axis=1)
        inside &= np.sqrt(np.maximum(0.0, 2 - 2 * alike)) >= spec.same_capture_distance
        for row in np.flatnonzero(inside):
            probe = Template(FaceVector(self.vectors[row], spec.model_id), 1)
            if may_grow(index, owner.key, spec, owner.enrolled, probe, owner.held):
                return probe.vector
        return None

    def _passing(self, spec: ModelSpec, template: Template, fmr: float, margin: float = 0.0) -> NDArray[np.bool_]:
        own = float(spec.comparison.own(template.vector.values[None])[0])
        distances = np.linalg.norm(self.vectors - template.vector.values, axis=1)
        values = spec.comparison.values(distances, own, self.numbers)
        limit = point(spec, template.captures, fmr)
        passing: NDArray[np.bool_] = turned(1.0, limit.measure) * (values - limit.threshold) >= margin
        return passing


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """Where attacks take place: everybody's templates, and whose pictures are whose."""

    faces: Faces
    spec: ModelSpec
    index: VectorIndex
    names: Names

    def attacked(self, owner: Grower, kind: Kind, against: Against) -> "Told":
        """Each adversary begins anew; the template is as before when all are done."""
        logins = self.faces.vectors[owner.logins]
        told = Told(owner.name, before=~self._accepted(owner, logins))
        for name in self.nearest_others(owner, against.adversaries):
            own, there = self.faces.vectors[self.names == name], self.index.get(key_of(name))
            self.index.remove(key_of(name))
            shut = ~self._accepted(owner, own)
            told.added = max(told.added, self.walk(owner, own, kind, against.tries))
            near, still = self._accepted(owner, own), self._accepted(owner, own, by_enrolled=True)
            told.pictures += int(shut.sum())
            told.by_template += int((shut & near).sum())
            told.let_in += int((shut & near & still).sum())
            told.judge(~(self._accepted(owner, logins) & self._accepted(owner, logins, by_enrolled=True)))
            owner.grown = []
            self.index.put(owner.key, owner.enrolled)
            if there is not None:
                self.index.put(key_of(name), there)
        against.seen()
        return told

    def walk(self, owner: Grower, own: Vectors, kind: Kind, tries: int) -> int:
        """Leaves the owner's template as the attack left it; how many vectors were added."""
        pool = Pool.of(kind, own, owner.enrolled.vector.values, self.spec)
        for added in range(tries):
            vector = pool.furthest(self.index, self.spec, owner)
            if vector is None:
                return added
            owner.absorb(vector)
            self.index.put(owner.key, owner.template)
        return tries

    def nearest_others(self, owner: Grower, count: int) -> list[str]:
        """The people whose nearest picture comes nearest to the template."""
        order = np.argsort(np.linalg.norm(self.faces.vectors - owner.enrolled.vector.values, axis=1))
        return list(dict.fromkeys(self.names[order][self.names[order] != owner.name].tolist()))[:count]

    def _accepted(self, owner: Grower, vectors: Vectors, *, by_enrolled: bool = False) -> NDArray[np.bool_]:
        judged, fmr = (owner.enrolled, BESIDE_FMR) if by_enrolled else (owner.template, LOGIN_FMR)
        probes = [Template(FaceVector(vector, self.spec.model_id), 1) for vector in vectors]
        return np.array([accepts(self.index, self.spec, judged, probe, fmr) for probe in probes], bool)


@dataclass(slots=True, eq=False)
class Told:
    """What became of one template. `before`, `after` bool [logins]: which of its owner's are refused; after the attack
    that did most."""

    name: str
    before: NDArray[np.bool_]
    after: NDArray[np.bool_] | None = None
    added: int = 0
    pictures: int = 0
    by_template: int = 0
    let_in: int = 0

    def judge(self, after: NDArray[np.bool_]) -> None:
        if self.after is None or after.sum() > self.after.sum():
            self.after = after


def walks(faces: Faces, spec: ModelSpec, enrolled: int, least: int, against: Against) -> list[WalkRates]:
    """Every kind of attack on everybody."""
    people = members(faces, spec, enrolled, least)
    field = Field(faces, spec, index_of(people, spec), np.array(faces.people))
    return [_rates([field.attacked(owner, kind, against) for owner in people], kind, against) for kind in KINDS]


def _rates(told: Sequence[Told], kind: Kind, against: Against) -> WalkRates:
    owners = np.concatenate([np.repeat(each.name, len(each.before)) for each in told])
    before = np.concatenate([each.before for each in told])
    after = np.concatenate([each.before if each.after is None else each.after for each in told])
    tried = np.repeat([each.name for each in told], [each.pictures for each in told])
    let_in = np.concatenate([np.arange(each.pictures) < each.let_in for each in told])
    pictures = max(1, len(tried))
    return WalkRates(
        kind=kind,
        templates=len(told),
        adversaries=against.adversaries,
        tries=against.tries,
        absorbed=sum(each.added > 0 for each in told),
        most=max(each.added for each in told),
        pictures=len(tried),
        by_template=sum(each.by_template for each in told) / pictures,
        let_in=sum(each.let_in for each in told) / pictures,
        ci95=interval(let_in, tried),
        opened=sum(each.let_in > 0 for each in told),
        owner_fnmr=(float(before.mean()), float(after.mean())),
        owner_ci95=(interval(before, owners), interval(after, owners)),
    )


def _blends(own: Vectors, enrolled: Vectors) -> Vectors:
    random = np.random.default_rng(SEED)
    mixed = _units(np.concatenate([share * own + (1 - share) * enrolled for share in np.repeat(SHARES, DRAWS)]))
    return _units(mixed + NOISE * _units(random.standard_normal(mixed.shape))).astype(np.float32)


def _units(vectors: NDArray[np.floating]) -> NDArray[np.floating]:
    units: NDArray[np.floating] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return units
