"""Enrolment: pictures of one consenting person become a sealed template under a random ID."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from db.records import NewTemplate
from db.storage import Storage
from embeddings.attributes import combine, described
from embeddings.captures import Template, agree, average, group
from embeddings.matching import Outcome, identify
from embeddings.operating import GalleryTooLarge
from embeddings.pipeline import FacePipeline
from embeddings.types import FaceVector
from service.errors import AlreadyEnrolled, ConsentRequired
from service.gallery import Gallery


@dataclass(frozen=True, slots=True)
class EnrolRequest:
    """`images`: encoded pictures, one or several of one person; `taken_at`: seconds, one a picture, when known.

    `attributes`: what may be kept of age, gender and emotion; everything that the service looks for when None.
    """

    images: Sequence[bytes] = field(repr=False)
    consent: bool = False
    label: str | None = field(default=None, repr=False)
    taken_at: Sequence[float | None] | None = None
    attributes: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Enrolled:
    """`captures` counts independent moments among the `photos`; `flagged` says that an operator should look."""

    user_id: UUID
    created_at: datetime
    photos: int
    captures: int
    flagged: bool
    attributes: Mapping[str, Any]


class Enrol:
    """Called with an `EnrolRequest`; one enrolment at a time is written, so that a face cannot be enrolled twice."""

    def __init__(
        self,
        pipeline: FacePipeline,
        storage: Storage,
        gallery: Gallery,
        *,
        fpir: float,
        allow_duplicates: bool,
        attributes: frozenset[str],
        new_id: Callable[[], UUID] = uuid4,
    ) -> None:
        self._pipeline = pipeline
        self._storage = storage
        self._gallery = gallery
        self._fpir = fpir
        self._allow_duplicates = allow_duplicates
        self._attributes = attributes
        self._new_id = new_id
        self._one_at_a_time = threading.Lock()

    def __call__(self, request: EnrolRequest) -> Enrolled:
        """Raises ConsentRequired, ImageRefused, FaceRefused, FramesDisagree or AlreadyEnrolled: nothing is kept."""
        if not request.consent:
            raise ConsentRequired
        captures = [self._pipeline.capture(image) for image in request.images]
        vectors = [capture.vector for capture in captures]
        agree(vectors, self._pipeline.spec.operating_points)
        groups = group(vectors, request.taken_at)
        enrolled = average(vectors, groups)
        wanted = self._attributes if request.attributes is None else request.attributes & self._attributes
        attributes = described(combine([capture.attributes for capture in captures]), wanted)
        with self._one_at_a_time:
            flagged = self._duplicate_unchecked(enrolled)
            return self._write(request, vectors, groups, enrolled, attributes, flagged=flagged)

    def _duplicate_unchecked(self, enrolled: Template) -> bool:
        """Raises AlreadyEnrolled for a face that is there already; True where the gallery is too large to tell."""
        with self._storage.begin() as work:
            self._gallery.refresh(work)
        if self._allow_duplicates:
            return False
        try:
            decision = identify(self._gallery.index, enrolled, self._pipeline.spec.operating_points, self._fpir)
        except GalleryTooLarge:
            return True
        if decision.outcome is not Outcome.UNKNOWN:
            raise AlreadyEnrolled
        return False

    def _write(
        self,
        request: EnrolRequest,
        vectors: Sequence[FaceVector],
        groups: Sequence[int],
        enrolled: Template,
        attributes: Mapping[str, Any],
        *,
        flagged: bool,
    ) -> Enrolled:
        user_id = self._new_id()
        rows = [
            NewTemplate(vector=vector.values, model_id=vector.model_id, capture=number)
            for vector, number in zip(vectors, groups, strict=True)
        ]
        metadata = {"label": request.label} if request.label else None
        with self._storage.begin() as work:
            work.add_person(
                user_id, templates=rows, attributes=attributes, metadata=metadata, consent_at=work.now, flagged=flagged
            )
            work.commit()
        self._gallery.put(user_id, enrolled)
        return Enrolled(user_id, work.now, len(vectors), enrolled.captures, flagged, attributes)
