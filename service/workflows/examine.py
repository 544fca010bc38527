"""Does it work for the people enrolled? Their templates are opened and compared with one another, nothing else is."""

from collections.abc import Sequence
from itertools import groupby
from uuid import UUID

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

    def __call__(self) -> Examined:
        """Compares everybody of the model in use. Raises RecordUnreadable, StorageUnavailable."""
        people, other_model = self._read()
        ids, others, alone = list(people), None, None
        nearest: list[Nearest | None] = [None] * len(ids)
        pairs: tuple[Pair, ...] = ()
        if len(ids) > 1:
            members = Members(list(people.values()), self._spec.comparison)
            others, alone = confusions(members, self._by_claim), self._confused_alone(members)
            nearest = [self._nearest(members, ids, one, int(other)) for one, other in enumerate(others.nearest)]
            pairs = self._pairs(members, ids, others, alone)
        found = tuple(
            Member(user_id, len(set(kept[1])), agreement(*kept, self._spec.comparison, self._by_claim), near)
            for (user_id, kept), near in zip(people.items(), nearest, strict=True)
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

    def _read(self) -> tuple[dict[UUID, Kept], int]:
        """Everybody's vectors and capture numbers; how many people have none of this model."""
        people: dict[UUID, Kept] = {}
        everybody = 0
        with self._storage.begin() as work:
            for user_id, rows in groupby(work.all_templates(), lambda row: row.user_id):
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
        return verification_point(self._points, mode, self._fmr)

    def _by_face_alone(self, size: int) -> PointOf:
        return lambda mode: identification_point(self._points, mode, size, self._fpir)

    def _confused_alone(self, members: Members) -> Confusions | None:
        """As logins by face alone would be judged; None where they are not answered for so many."""
        try:
            return confusions(members, self._by_face_alone(len(members)))
        except GalleryTooLarge:
            return None

    def _nearest(self, members: Members, ids: Sequence[UUID], one: int, other: int) -> Nearest:
        return Nearest(ids[other], closest(members, one, other, self._by_claim).value)

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
