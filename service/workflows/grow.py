"""Photos of another moment for somebody enrolled: fewer false refusals, or, after a recovery, a changed face.

Nothing may come in that is somebody else's. Each moment must be accepted by the present template as a login with a
claim is, and by nobody else as near. After a recovery without a face the present template tells nothing any more: it is
replaced, and the new face is held to what an enrolment is held to.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from db.records import NewTemplate, StoredTemplate
from db.storage import Storage
from db.unit_of_work import MAX_TEMPLATES, UnitOfWork
from embeddings.captures import SAME_CAPTURE_SECONDS, Template, agree, average, group
from embeddings.lookalike import resembles_somebody, verify_apart
from embeddings.matching import Outcome, identify, verify
from embeddings.operating import GalleryTooLarge
from embeddings.types import FaceVector
from service.errors import (
    AlreadyEnrolled,
    Busy,
    PhotosNotAccepted,
    SameMoment,
    TokenInvalid,
    TooManyPhotos,
    UnknownUser,
)
from service.recogniser import Recogniser
from service.tokens import ACR_RECOVERY
from service.workflows.enrol import EnrolRules, FlagReason
from service.workflows.me import Me
from service.workflows.people import By


@dataclass(frozen=True, slots=True)
class Grown:
    """`photos` and `captures` (independent moments) in all, of which `added` photos are new; `replaced`: all are."""

    photos: int
    added: int
    captures: int
    replaced: bool
    flag_reason: FlagReason | None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class _New:
    """A vector and the number of its moment for each picture, the average of each moment, and of all."""

    vectors: Sequence[FaceVector]
    groups: Sequence[int]
    moments: Sequence[Template]
    template: Template


class Grow:
    """`alone`: held while templates are compared and written, by enrolments too."""

    def __init__(
        self, recogniser: Recogniser, storage: Storage, me: Me, rules: EnrolRules, alone: threading.Lock
    ) -> None:
        self._pipeline = recogniser.pipeline
        self._gallery = recogniser.gallery
        self._storage = storage
        self._me = me
        self._rules = rules
        self._alone = alone

    def for_bearer(self, token: str, images: Sequence[bytes], taken_at: Sequence[float | None] | None = None) -> Grown:
        """Adds to the record of who shows the token, or replaces it where that came from a recovery.

        Raises TokenInvalid, TokenNotFresh, and what `for_operator` raises but for UnknownUser.
        """
        claims = self._me.fresh(token)
        try:
            return self._add(claims.user_id, images, taken_at, By.SELF, anew=claims.acr == ACR_RECOVERY)
        except UnknownUser:
            raise TokenInvalid from None

    def for_operator(self, user_id: UUID, images: Sequence[bytes]) -> Grown:
        """Keeps nothing where it raises: UnknownUser, ImageRefused, FaceRefused, FramesDisagree, TooManyPhotos,
        PhotosNotAccepted, SameMoment, AlreadyEnrolled, TransformChanged, or Busy where they are being erased."""
        return self._add(user_id, images, None, By.OPERATOR, anew=False)

    def _add(
        self, user_id: UUID, images: Sequence[bytes], taken_at: Sequence[float | None] | None, by: By, *, anew: bool
    ) -> Grown:
        if len(images) > MAX_TEMPLATES:
            raise TooManyPhotos(MAX_TEMPLATES)
        spec = self._pipeline.spec
        vectors = [self._pipeline.capture(image).vector for image in images]
        agree(vectors, spec.operating_points, spec.same_capture_distance)
        groups = group(vectors, taken_at, spec.same_capture_distance)
        moments = [
            average(
                [vector for vector, its in zip(vectors, groups, strict=True) if its == number],
                [0] * groups.count(number),
            )
            for number in sorted(set(groups))
        ]
        new = _New(vectors, groups, moments, average(vectors, groups))
        with self._storage.begin() as work:
            self._gallery.refresh(work)  # so that little is left to do while others wait
        with self._alone, self._storage.begin() as work:
            work.take_turn()  # other processes enrol too
            self._gallery.refresh(work)
            held = [row for row in work.templates(user_id) if row.model_id == spec.model_id]
            if work.person(user_id) is None:
                raise UnknownUser
            if not anew:
                self._fits(user_id, held, new, taken_at)
            reason = self._reason_to_look(user_id, new.template, anew=anew)
            grown = self._write(work, user_id, held, new, by, anew=anew, reason=reason)
            self._gallery.refresh(work)
        if anew:
            self._storage.sweep()
        return grown

    def _fits(
        self, user_id: UUID, held: Sequence[StoredTemplate], new: _New, taken_at: Sequence[float | None] | None
    ) -> None:
        """Raises TooManyPhotos, PhotosNotAccepted, or SameMoment for what the record has already. What logins have
        added stands in nobody's way."""
        held = [row for row in held if not row.grown]
        if len(held) + len(new.vectors) > MAX_TEMPLATES:
            raise TooManyPhotos(MAX_TEMPLATES - len(held))
        compare = verify if self._rules.allow_duplicates else verify_apart
        index, points = self._gallery.index, self._pipeline.spec.operating_points
        if not all(compare(index, user_id, moment, points, self._rules.fmr).accepted for moment in new.moments):
            raise PhotosNotAccepted
        near = self._pipeline.spec.same_capture_distance
        for row in held:
            kept, at = FaceVector(row.vector, row.model_id), row.created_at.timestamp()
            if any(kept.distance(vector) < near for vector in new.vectors):
                raise SameMoment
            if any(abs(at - each) <= SAME_CAPTURE_SECONDS for each in taken_at or () if each is not None):
                raise SameMoment

    def _displaced(self, held: Sequence[StoredTemplate], new: _New) -> list[UUID]:
        """What logins have added makes room: what is of the same moment as a photo, and the oldest where there are too
        many."""
        near = self._pipeline.spec.same_capture_distance
        grown = sorted((row for row in held if row.grown), key=lambda row: (row.created_at, row.capture))
        same = [
            row.template_id
            for row in grown
            if any(FaceVector(row.vector, row.model_id).distance(vector) < near for vector in new.vectors)
        ]
        others = [row.template_id for row in grown if row.template_id not in same]
        left = len(held) - len(same) + len(new.vectors)
        return [*same, *others[: max(0, left - MAX_TEMPLATES)]]

    def _reason_to_look(self, user_id: UUID, template: Template, *, anew: bool) -> FlagReason | None:
        """Raises AlreadyEnrolled where it may be somebody else who is enrolled."""
        if self._rules.allow_duplicates:
            return None
        index, points = self._gallery.index, self._pipeline.spec.operating_points
        alike = resembles_somebody(index, template, points, self._rules.fmr, besides=user_id)
        try:
            decision = identify(index, template, points, self._rules.fpir)
        except GalleryTooLarge:
            near = self._pipeline.spec.same_capture_distance
            others = (each for each in index.search(template.vector) if each.key != user_id)
            if any(each.distance < near for each in others):
                raise AlreadyEnrolled from None
            return FlagReason.LOOK_ALIKE if alike else FlagReason.NOT_COMPARED if anew else None
        if decision.outcome is Outcome.AMBIGUOUS or decision.key not in {None, user_id}:
            raise AlreadyEnrolled
        return FlagReason.LOOK_ALIKE if alike else None

    def _write(
        self,
        work: UnitOfWork,
        user_id: UUID,
        held: Sequence[StoredTemplate],
        new: _New,
        by: By,
        *,
        anew: bool,
        reason: FlagReason | None,
    ) -> Grown:
        model_id = new.template.vector.model_id
        displaced = () if anew else self._displaced(held, new)
        kept = () if anew else [row for row in held if row.template_id not in displaced]
        first = 0 if anew else 1 + max((row.capture for row in held), default=-1)
        added = [
            NewTemplate(vector.values, model_id, first + number, self._gallery.generation)
            for vector, number in zip(new.vectors, new.groups, strict=True)
        ]
        if not work.renew_templates(user_id, *added, beside=len(held), displaced=displaced, anew=anew):
            raise Busy
        if reason is not None:
            work.flag(user_id, reason.value)
        captures = len({row.capture for row in kept}) + len(new.moments)
        work.note(
            "template_added",
            user_id,
            model=model_id,
            photos=len(added),
            captures=captures,
            replaced=anew,
            flagged=None if reason is None else reason.value,
            by=by.value,
        )
        work.commit()
        return Grown(len(kept) + len(added), len(added), captures, anew, reason)
