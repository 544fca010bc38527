"""A change of the embedder without anybody's pictures: people are taken over one by one, at their own logins.

Somebody who has templates of the previous embedder alone is still decided by it. Once they are accepted on a claim, the
vector that the current embedder makes of the same frames is sealed beside the old ones, and from then on the current
embedder decides. Further logins add further moments, until there are as many as the old ones, at most ENOUGH; then the
old ones are deleted. Nothing is ever added that the old templates, which no login has touched, do not accept: so
templates cannot drift, login by login, towards somebody else.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from db.errors import StorageError
from db.records import NewTemplate, Person, StoredTemplate
from db.storage import Storage
from embeddings.captures import SAME_CAPTURE_SECONDS, FramesDisagree
from embeddings.growth import accepts
from embeddings.quality import FaceRefused
from embeddings.types import FaceVector
from service.errors import ChallengeInvalid
from service.logs import log
from service.recogniser import Probe, Recogniser

ENOUGH: Final = 3
"""Captures; what more of them add to three is small beside what they add to one (docs/accuracy.md)."""


@dataclass(frozen=True, slots=True)
class ModelChange:
    """From the `previous` embedder to the `current` one. `fmr`: that of a login with a claim."""

    previous: Recogniser
    current: Recogniser
    storage: Storage
    fmr: float

    def waits(self, user_id: UUID) -> bool:
        """Whether somebody has templates of the previous embedder and none of the current one."""
        with self.storage.begin() as work:
            self.previous.gallery.refresh(work)
            self.current.gallery.refresh(work)
        return user_id in self.previous.gallery.index and user_id not in self.current.gallery.index

    def concerns(self, person: Person) -> bool:
        """Whether somebody still has templates of the previous embedder."""
        return self.previous.model_id in person.model_ids

    def take_over(self, user_id: UUID, seen: Probe, by: Callable[[Recogniser], Probe]) -> None:
        """Adds what a login that was accepted on a claim is worth to the current embedder.

        `seen`: what it was decided on, by either embedder; `by`: what either makes of its frames. Where frames or
        database refuse, nothing is added: the login stands.
        """
        try:
            self._take_over(user_id, seen, by)
        except (FaceRefused, FramesDisagree, StorageError, ChallengeInvalid, ValueError) as refusal:
            log("template_not_added", logging.WARNING, reason=getattr(refusal, "code", "no_vector"))

    def _take_over(self, user_id: UUID, seen: Probe, by: Callable[[Recogniser], Probe]) -> None:
        with self.storage.begin() as work:
            rows, now = work.templates(user_id), work.now
        old = [row for row in rows if row.model_id == self.previous.model_id and not row.grown]
        held = [row for row in rows if row.model_id == self.current.model_id]
        wanted, present = min(_captures(old), ENOUGH), _captures(held)
        if present >= wanted or any((now - row.created_at).total_seconds() <= SAME_CAPTURE_SECONDS for row in held):
            return
        by_current = seen.template.vector.model_id == self.current.model_id
        new = seen if by_current else by(self.current)
        vector, near = new.template.vector, self.current.pipeline.spec.same_capture_distance
        if any(FaceVector(row.vector, row.model_id).distance(vector) < near for row in held):
            return
        if not self._old_accept(rows, by(self.previous) if by_current else seen):
            return
        following = 1 + max((row.capture for row in held), default=-1)
        added = NewTemplate(vector.values, vector.model_id, following, self.current.gallery.generation)
        without = self.previous.model_id if present + 1 >= wanted else None
        with self.storage.begin() as work:
            if not work.renew_templates(user_id, added, beside=len(held), without=without):
                return
            work.note("template_added", user_id, model=vector.model_id, old_deleted=without is not None)
            work.commit()
        log(
            "template_added",
            model=vector.model_id,
            captures=present + 1,
            wanted=wanted,
            old_deleted=without is not None,
        )

    def _old_accept(self, rows: Sequence[StoredTemplate], probe: Probe) -> bool:
        enrolled, previous = self.previous.gallery.enrolled(rows), self.previous
        return enrolled is not None and accepts(
            previous.gallery.index, previous.pipeline.spec, enrolled, probe.template, self.fmr
        )


def _captures(rows: Sequence[StoredTemplate]) -> int:
    return len({row.capture for row in rows})
