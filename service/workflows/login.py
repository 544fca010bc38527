"""Login: frames of one face are compared with a claimed person (1:1) or with everybody (1:N)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from db.records import Person
from db.storage import Storage
from embeddings.attributes import combine, described
from embeddings.captures import Template, agree, average, group
from embeddings.matching import Decision, Outcome, identify, verify
from embeddings.pipeline import Capture, FacePipeline
from embeddings.quality import FaceRefused
from service.errors import NotRecognised
from service.gallery import Gallery
from service.tokens import ACR_PHOTO, Issued, Tokens


@dataclass(frozen=True, slots=True)
class LoginRequest:
    """`images`: encoded frames of one person; `user_id`: who they say they are; `taken_at`: seconds, one a frame."""

    images: Sequence[bytes] = field(repr=False)
    user_id: UUID | None = None
    taken_at: Sequence[float | None] | None = None


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """Who it is, by which comparison (`mode` 1:1 or 1:N), at which false match rate, and the token.

    `attributes`: those kept at enrolment. `emotion`: of these very frames, kept nowhere; None for a person of whom none
    is kept.
    """

    user_id: UUID
    enrolled_at: datetime
    last_login_at: datetime | None
    mode: str
    fmr: float
    acr: str
    issued: Issued
    attributes: Mapping[str, Any]
    emotion: Mapping[str, Any] | None


class Login:
    """Called with a `LoginRequest`."""

    def __init__(
        self,
        pipeline: FacePipeline,
        storage: Storage,
        gallery: Gallery,
        tokens: Tokens,
        *,
        fmr: float,
        fpir: float,
        now: Callable[[], datetime],
    ) -> None:
        self._pipeline = pipeline
        self._storage = storage
        self._gallery = gallery
        self._tokens = tokens
        self._fmr = fmr
        self._fpir = fpir
        self._now = now

    def __call__(self, request: LoginRequest) -> LoggedIn:
        """Raises ImageRefused, FaceRefused, FramesDisagree, GalleryTooLarge or, whatever the reason, NotRecognised."""
        captures, probe = self._probe(request)
        with self._storage.begin() as work:
            self._gallery.refresh(work)
            decision = self._decide(request.user_id, probe)
            claimed = decision.key if decision.key is not None else request.user_id
            person = work.person(claimed) if claimed is not None else None
            accepted = decision.outcome is Outcome.ACCEPTED and person is not None
            outcome = decision.outcome if accepted or decision.outcome is not Outcome.ACCEPTED else Outcome.UNKNOWN
            work.record_attempt(claimed, outcome.value, self._now())
            work.commit()
        if not accepted or person is None or decision.point is None:
            raise NotRecognised
        return self._welcome(request, person, decision.point.fmr, captures)

    def _probe(self, request: LoginRequest) -> tuple[list[Capture], Template]:
        """The usable frames and their average; the reasons of the first unusable one where none is."""
        captures: list[Capture] = []
        times: list[float | None] = []
        refused: FaceRefused | None = None
        for image, taken_at in zip(request.images, request.taken_at or [None] * len(request.images), strict=True):
            try:
                captures.append(self._pipeline.capture(image))
                times.append(taken_at)
            except FaceRefused as refusal:
                refused = refused or refusal
        if refused is not None and not captures:
            raise refused
        vectors = [capture.vector for capture in captures]
        agree(vectors, self._pipeline.spec.operating_points)
        return captures, average(vectors, group(vectors, times))

    def _decide(self, claimed: UUID | None, probe: Template) -> Decision:
        points = self._pipeline.spec.operating_points
        if claimed is None:
            return identify(self._gallery.index, probe, points, self._fpir)
        return verify(self._gallery.index, claimed, probe, points, self._fmr)

    def _welcome(self, request: LoginRequest, person: Person, fmr: float, captures: Sequence[Capture]) -> LoggedIn:
        kept = person.attributes or {}
        now = described(combine([capture.attributes for capture in captures]), kept.keys() & {"emotion"})
        return LoggedIn(
            user_id=person.user_id,
            enrolled_at=person.created_at,
            last_login_at=person.last_login_at,
            mode="1:N" if request.user_id is None else "1:1",
            fmr=fmr,
            acr=ACR_PHOTO,
            issued=self._tokens.issue(person.user_id, ACR_PHOTO),
            attributes=kept,
            emotion=now.get("emotion"),
        )
