"""Does it work for the people enrolled? Their templates are opened and compared with one another, nothing else is."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import TypeVar
from uuid import UUID

import numpy as np

from db.storage import Storage
from embeddings.embed import ModelSpec
from embeddings.operating import (
    GalleryTooLarge,
    Mode,
    OperatingPoint,
    curve,
    identification_point,
    of_measure,
    verification_point,
)
from embeddings.types import FaceVector
from evaluation.agreement import agreement
from evaluation.confusions import Confusions, Members, PointOf, closest, confusions
from service.turning import Turning
from service.workflows.examined import Examined, Member, Nearest, Pair

Tell = Callable[[float], None]
"""Called with the share of the work that is done, 0 to 1; what it raises ends the work."""
READ, COMPARED = 0.2, 0.8
"""Shares of a comparison of some thousand people; with more, comparing takes a larger one."""
T = TypeVar("T")
Kept = tuple[Sequence[FaceVector], Sequence[int]]
"""Somebody's vectors, and the capture number of each."""


class Examine:
    """Called without arguments, of one tenant. `spec`: of raw vectors. `fmr` and `fpir`: the error rates that logins
    are decided at."""

    def __init__(self, storage: Storage, spec: ModelSpec, *, fmr: float, fpir: float) -> None:
        self._storage = storage
        self._turning = Turning(storage)
        self._spec = spec = self._turning.turned(spec)
        self._points = of_measure(spec.operating_points, spec.comparison.measure)
        self._fmr = fmr
        self._fpir = fpir
        self._claimed: dict[Mode, OperatingPoint] = {}

    def __call__(self, tell: Tell = lambda _: None) -> Examined:
        """Compares everybody of the model in use. Raises RecordUnreadable, StorageUnavailable, and what `tell` does."""
        people, other_model = self._read(tell)
        ids, others, alone = list(people), None, None
        nearest: list[Nearest | None] = [None] * len(ids)
        pairs: tuple[Pair, ...] = ()
        if len(ids) > 1:
            members = Members(list(people.values()), self._spec.comparison)
            others = confusions(members, self._by_claim, tell=part(tell, READ, COMPARED))
            alone = self._confused_alone(members)
            near = part(tell, COMPARED, (1 + COMPARED) / 2)
            nearest = [
                self._nearest(members, ids, *each) for each in counted(enumerate(others.nearest), len(ids), near)
            ]
            pairs = self._pairs(members, ids, others, alone)
        found = tuple(
            Member(user_id, len(set(kept[1])), agreement(*kept, self._spec.comparison, self._by_claim), near)
            for (user_id, kept), near in zip(
                counted(people.items(), len(ids), part(tell, (1 + COMPARED) / 2, 1)), nearest, strict=True
            )
        )
        return Examined(
            model_id=self._spec.model_id,
            measure=self._spec.comparison.measure,
            fmr=self._fmr,
            fpir=self._fpir,
            other_model=other_model,
            members=found,
            others=others,
            alone=alone,
            pairs=pairs,
        )

    def _read(self, tell: Tell) -> tuple[dict[UUID, Kept], int]:
        """Everybody's vectors and capture numbers; how many people have none of this model."""
        people: dict[UUID, Kept] = {}
        everybody = 0
        with self._storage.begin() as work:
            each = groupby(work.all_templates(), lambda row: row.user_id)
            for user_id, rows in counted(each, work.count(), part(tell, 0, READ)):
                everybody += 1
                current = [
                    (FaceVector(vector, row.model_id), row.capture)
                    for row in rows
                    if row.model_id == self._spec.model_id and (vector := self._turning.template(row)) is not None
                ]
                if current:
                    people[user_id] = [vector for vector, _ in current], [capture for _, capture in current]
        return people, everybody - len(people)

    def _by_claim(self, mode: Mode) -> OperatingPoint:
        if mode not in self._claimed:
            self._claimed[mode] = verification_point(self._points, mode, self._fmr)
        return self._claimed[mode]

    def _by_face_alone(self, size: int) -> PointOf:
        return lambda mode: identification_point(self._points, mode, size, self._fpir)

    def _confused_alone(self, members: Members) -> Confusions | None:
        """As logins by face alone would be judged; None where they are not answered for so many."""
        try:
            return confusions(members, self._by_face_alone(len(members)))
        except GalleryTooLarge:
            return None

    def _nearest(self, members: Members, ids: Sequence[UUID], one: int, other: np.intp) -> Nearest:
        return Nearest(ids[int(other)], closest(members, one, int(other), self._by_claim).value)

    def _pairs(
        self, members: Members, ids: Sequence[UUID], others: Confusions, alone: Confusions | None
    ) -> tuple[Pair, ...]:
        by_claim, by_face = set(others.likeliest), set(alone.likeliest if alone else ())
        found = []
        for one, other in dict.fromkeys((*others.likeliest, *(alone.likeliest if alone else ()))):
            near = closest(members, one, other, self._by_claim)
            passes = [point.fmr for point in curve(self._points, near.mode) if point.room(near.value) >= 0]
            found.append(
                Pair(
                    users=(ids[one], ids[other]),
                    mode=near.mode,
                    value=near.value,
                    fmr=min(passes, default=self._fmr),
                    by_claim=(one, other) in by_claim,
                    by_face_alone=(one, other) in by_face,
                )
            )
        return tuple(found)


def part(tell: Tell, start: float, end: float) -> Tell:
    """Tells of a part of the work as of the whole."""
    return lambda share: tell(start + share * (end - start))


def counted(each: Iterable[T], count: int, tell: Tell) -> Iterator[T]:
    """The same, told while it goes on; there may come more than `count`."""
    for number, one in enumerate(each):
        tell(min(1.0, number / max(1, count)))
        yield one
