"""Login: frames of one face are compared with a claimed person (1:1) or with everybody (1:N)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from db.records import Person
from db.storage import Storage
from embeddings.attributes import combine, described
from embeddings.lookalike import verify_apart
from embeddings.matching import Decision, Outcome, identify, verify
from embeddings.pipeline import Capture, FacePipeline
from service.errors import NotRecognised
from service.gallery import Gallery
from service.recogniser import Probe, Recogniser
from service.tokens import ACR_PHOTO, Issued, Tokens
from service.workflows.model_change import ModelChange


@dataclass(frozen=True, slots=True)
class LoginRequest:
    """`images`: encoded frames of one person; `user_id`: who they say they are; `taken_at`: seconds, one a frame."""

    images: Sequence[bytes] = field(repr=False)
    user_id: UUID | None = None
    taken_at: Sequence[float | None] | None = None


@dataclass(frozen=True, slots=True)
class LoginRules:
    """`fmr` of a claim, `fpir` of a search; `guarded`: a claim is refused where somebody else enrolled is as near."""

    fmr: float
    fpir: float
    guarded: bool


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
    """Called with a `LoginRequest`. `change`: from a previous embedder, while there is one."""

    def __init__(
        self,
        pipeline: FacePipeline,
        storage: Storage,
        gallery: Gallery,
        tokens: Tokens,
        rules: LoginRules,
        change: ModelChange | None = None,
    ) -> None:
        self._current = Recogniser(pipeline, gallery)
        self._change = change
        self._storage = storage
        self._tokens = tokens
        self._rules = rules

    def __call__(self, request: LoginRequest) -> LoggedIn:
        """Raises ImageRefused, FaceRefused, FramesDisagree, GalleryTooLarge or, whatever the reason, NotRecognised."""
        judge = self._judge(request.user_id)
        probe = judge.probe(request.images, request.taken_at)
        with self._storage.begin() as work:
            judge.gallery.refresh(work)
            decision = self._decide(request.user_id, probe, judge)
            claimed = decision.key if decision.key is not None else request.user_id
            person = work.person(claimed) if claimed is not None else None
            accepted = decision.outcome is Outcome.ACCEPTED and person is not None
            outcome = decision.outcome if accepted or decision.outcome is not Outcome.ACCEPTED else Outcome.UNKNOWN
            work.record_attempt(claimed, outcome.value, work.now)
            work.commit()
        if not accepted or person is None or decision.point is None:
            raise NotRecognised
        if self._change is not None and request.user_id is not None and self._change.concerns(person):
            self._change.take_over(person.user_id, request.images, request.taken_at, probe)
        return self._welcome(request, person, decision.point.fmr, probe.captures)

    def _judge(self, claimed: UUID | None) -> Recogniser:
        """The previous embedder for a claim of somebody who has no template of the current one yet."""
        if claimed is not None and self._change is not None and self._change.waits(claimed):
            return self._change.previous
        return self._current

    def _decide(self, claimed: UUID | None, probe: Probe, judge: Recogniser) -> Decision:
        index, points = judge.gallery.index, judge.pipeline.spec.operating_points
        if claimed is None:
            return identify(index, probe.template, points, self._rules.fpir)
        return (verify_apart if self._rules.guarded else verify)(
            index, claimed, probe.template, points, self._rules.fmr
        )

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
