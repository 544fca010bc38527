"""Enrolment: pictures of one consenting person become a sealed template under a random ID."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from db.records import NewTemplate
from db.storage import Storage
from embeddings.attributes import Attributes, combine, described
from embeddings.captures import Template, agree, average, group
from embeddings.lookalike import resembles_somebody
from embeddings.matching import Outcome, identify
from embeddings.operating import GalleryTooLarge
from embeddings.pipeline import Capture, FacePipeline
from embeddings.types import FaceVector
from service.errors import AlreadyEnrolled, ConsentRequired, TooYoung
from service.gallery import Gallery


class FlagReason(StrEnum):
    """Why an operator should look: somebody enrolled is so near that a login could be of either (a look-alike, or the
    same person again); or the gallery is too large to tell a second enrolment from chance."""

    LOOK_ALIKE = "look_alike"
    NOT_COMPARED = "not_compared"


@dataclass(frozen=True, slots=True)
class EnrolRequest:
    """`images`: encoded pictures, one or several of one person; `taken_at`: seconds, one a picture, when known.

    `attributes`: what may be kept of age, gender and emotion; everything that the service looks for when None.
    `consent_text`: the SHA-256 (hex) of what the person agreed to, kept sealed with them, where it is known.
    """

    images: Sequence[bytes] = field(repr=False)
    consent: bool = False
    label: str | None = field(default=None, repr=False)
    taken_at: Sequence[float | None] | None = None
    attributes: frozenset[str] | None = None
    consent_text: str | None = None


@dataclass(frozen=True, slots=True)
class EnrolRules:
    """`fmr` and `fpir`: the error rates of later logins, 1:1 and 1:N, that decide who is a look-alike or a duplicate.

    `attributes`: of KINDS, what is kept of those who do not say. `minimum_age`: apparent, years; 0 for any age.
    """

    fmr: float
    fpir: float
    allow_duplicates: bool
    attributes: frozenset[str]
    minimum_age: int = 0


@dataclass(frozen=True, slots=True)
class Enrolled:
    """`captures` counts independent moments among the `photos`; `flag_reason` is for the operator, not the person."""

    user_id: UUID
    created_at: datetime
    photos: int
    captures: int
    flag_reason: FlagReason | None
    attributes: Mapping[str, Any]

    @property
    def flagged(self) -> bool:
        return self.flag_reason is not None


class Enrol:
    """Called with an `EnrolRequest`; one enrolment at a time is written, so that a face cannot be enrolled twice."""

    def __init__(
        self,
        pipeline: FacePipeline,
        storage: Storage,
        gallery: Gallery,
        rules: EnrolRules,
        *,
        new_id: Callable[[], UUID] = uuid4,
    ) -> None:
        self._pipeline = pipeline
        self._storage = storage
        self._gallery = gallery
        self._rules = rules
        self._new_id = new_id
        self._one_at_a_time = threading.Lock()

    def __call__(self, request: EnrolRequest) -> Enrolled:
        """Keeps nothing where it raises: ConsentRequired, ImageRefused, FaceRefused, FramesDisagree, TooYoung or
        AlreadyEnrolled."""
        if not request.consent:
            raise ConsentRequired
        return self.keep(request, [self._pipeline.capture(image) for image in request.images])

    def keep(self, request: EnrolRequest, captures: Sequence[Capture]) -> Enrolled:
        """The same for pictures that were looked at already. Raises FramesDisagree or AlreadyEnrolled."""
        vectors = [capture.vector for capture in captures]
        agree(vectors, self._pipeline.spec.operating_points, self._pipeline.spec.same_capture_distance)
        groups = group(vectors, request.taken_at, self._pipeline.spec.same_capture_distance)
        enrolled = average(vectors, groups)
        wanted = self._rules.attributes if request.attributes is None else request.attributes & self._rules.attributes
        looks = combine([capture.attributes for capture in captures])
        self._old_enough(looks)
        attributes = described(looks, wanted)
        with self._one_at_a_time:
            reason = self._reason_to_look(enrolled)
            return self._write(request, vectors, groups, enrolled, attributes, reason)

    def _old_enough(self, looks: Attributes) -> None:
        """Raises TooYoung by the estimate itself: either end of its range would err for nine in ten."""
        least = self._rules.minimum_age
        if least and (looks.age is None or looks.age.years < least):
            raise TooYoung(least)

    def _reason_to_look(self, enrolled: Template) -> FlagReason | None:
        """Why an operator should look at this person. Raises AlreadyEnrolled for a face that is there."""
        with self._storage.begin() as work:
            self._gallery.refresh(work)
        if self._rules.allow_duplicates:
            return None
        index, points = self._gallery.index, self._pipeline.spec.operating_points
        alike = resembles_somebody(index, enrolled, points, self._rules.fmr)
        try:
            decision = identify(index, enrolled, points, self._rules.fpir)
        except GalleryTooLarge:
            self._same_capture_unchecked(enrolled)
            return FlagReason.LOOK_ALIKE if alike else FlagReason.NOT_COMPARED
        if decision.outcome is not Outcome.UNKNOWN:
            raise AlreadyEnrolled
        return FlagReason.LOOK_ALIKE if alike else None

    def _same_capture_unchecked(self, enrolled: Template) -> None:
        """Raises AlreadyEnrolled for the very pictures of somebody enrolled, however large the gallery."""
        limit = self._pipeline.spec.same_capture_distance
        if any(candidate.distance < limit for candidate in self._gallery.index.search(enrolled.vector)):
            raise AlreadyEnrolled

    def _write(
        self,
        request: EnrolRequest,
        vectors: Sequence[FaceVector],
        groups: Sequence[int],
        enrolled: Template,
        attributes: Mapping[str, Any],
        reason: FlagReason | None,
    ) -> Enrolled:
        user_id = self._new_id()
        rows = [
            NewTemplate(vector=vector.values, model_id=vector.model_id, capture=number)
            for vector, number in zip(vectors, groups, strict=True)
        ]
        told = {"label": request.label, "consent_text_sha256": request.consent_text}
        metadata = {name: value for name, value in told.items() if value}
        with self._storage.begin() as work:
            work.add_person(
                user_id,
                templates=rows,
                attributes=attributes,
                metadata=metadata,
                consent_at=work.now,
                flagged=reason is not None,
                flag_reason=reason.value if reason else None,
            )
            work.commit()
        self._gallery.put(user_id, enrolled)
        return Enrolled(user_id, work.now, len(vectors), enrolled.captures, reason, attributes)
