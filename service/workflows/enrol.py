"""Enrolment: pictures of one consenting person become a sealed template under a random ID."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID, uuid4

from db.details import FACTOR, RECOVERY
from db.records import Consent, NewTemplate
from db.references import REFERENCE
from db.storage import Storage
from db.unit_of_work import UnitOfWork
from embeddings.attributes import Attributes, combine, described
from embeddings.captures import Template, agree, average, group
from embeddings.lookalike import resembles_somebody
from embeddings.matching import Outcome, identify
from embeddings.operating import GalleryTooLarge
from embeddings.pipeline import FacePipeline
from embeddings.types import FaceVector
from service import factor
from service.consent import ATTRIBUTES, LOGIN, OWN_TEXT, ConsentText
from service.errors import (
    AlreadyEnrolled,
    ConsentRequired,
    LivenessRequired,
    PassphraseRequired,
    ReferenceTaken,
    TooYoung,
)
from service.gallery import Gallery
from service.lockout import Evidence, Lockout
from service.recogniser import Seen
from service.watch import Stage, stage, tell_enrolment
from service.workflows.challenges import Challenges, Purpose, Shown

LABEL: Final = "label"


class FlagReason(StrEnum):
    """Why an operator should look: somebody enrolled is so near that a login could be of either (a look-alike, or the
    same person again); or the gallery is too large to tell a second enrolment from chance."""

    LOOK_ALIKE = "look_alike"
    NOT_COMPARED = "not_compared"


@dataclass(frozen=True, slots=True)
class EnrolRequest:
    """`images`: encoded pictures, one or several of one person; `taken_at`: seconds, one a picture, when known.

    `attributes`: what may be kept of age, gender and emotion; everything that the service looks for when None.
    `uses`: of `service.consent.USES`, what the person agreed to; without it the login, and attributes where some are
    kept. `consent_digest`: of the text they were shown. `own_text`: the SHA-256 (hex) of another text than the
    service's, which an operator has their agreement to. `reference`: their ID in the caller's own records.
    `client`: the address that faces enrolled already are counted for, as failed logins are: they tell who is enrolled.
    `challenge`: one that was passed, in the place of images.
    """

    images: Sequence[bytes] = field(repr=False)
    consent: bool = False
    label: str | None = field(default=None, repr=False)
    taken_at: Sequence[float | None] | None = None
    attributes: frozenset[str] | None = None
    uses: frozenset[str] | None = None
    consent_digest: str | None = None
    own_text: str | None = None
    passphrase: str | None = field(default=None, repr=False)
    reference: str | None = field(default=None, repr=False)
    client: str | None = field(default=None, repr=False)
    challenge: Shown | None = None


@dataclass(frozen=True, slots=True)
class EnrolRules:
    """`fmr` and `fpir`: the error rates of later logins, 1:1 and 1:N, that decide who is a look-alike or a duplicate.

    `attributes`: of KINDS, what is kept of those who do not say. `minimum_age`: apparent, years; 0 for any age.
    `live`: pictures are not taken, a challenge that was passed is.
    """

    fmr: float
    fpir: float
    allow_duplicates: bool
    attributes: frozenset[str]
    consent: ConsentText
    minimum_age: int = 0
    passphrase_required: bool = False
    live: bool = False


@dataclass(frozen=True, slots=True)
class Enrolled:
    """`captures` counts independent moments among the `photos`; `flag_reason` is for the operator, not the person.

    `recovery_code`: told once, kept nowhere in clear.
    """

    user_id: UUID
    created_at: datetime
    photos: int
    captures: int
    flag_reason: FlagReason | None
    attributes: Mapping[str, Any]
    recovery_code: str = field(repr=False)

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
        lockout: Lockout,
        challenges: Challenges,
        *,
        new_id: Callable[[], UUID] = uuid4,
    ) -> None:
        self._pipeline = pipeline
        self._storage = storage
        self._gallery = gallery
        self._rules = rules
        self._lockout = lockout
        self._challenges = challenges
        self._new_id = new_id
        self.one_at_a_time = threading.Lock()

    def __call__(self, request: EnrolRequest) -> Enrolled:
        """Keeps nothing where it raises: LivenessRequired, ChallengeInvalid,
        ConsentRequired, ConsentOutdated, PassphraseRequired, PassphraseTooShort,
        Locked, Stopped, ImageRefused, FaceRefused, FramesDisagree, TooYoung, AlreadyEnrolled, ReferenceTaken or
        TransformChanged."""
        if not request.consent:
            raise ConsentRequired
        if self._rules.passphrase_required and request.passphrase is None:
            raise PassphraseRequired
        if self._rules.live and request.challenge is None:
            raise LivenessRequired
        attempt = self._lockout.attempt(None, request.client)
        with self._storage.begin() as work:
            self._lockout.check(work, attempt, Evidence.FACE)
        try:
            return self._looked_at(request)
        except AlreadyEnrolled:
            with self._storage.begin() as work:
                work.take_turn()
                self._lockout.failed(work, attempt)
                work.commit()
            raise

    def _looked_at(self, request: EnrolRequest) -> Enrolled:
        if request.challenge is not None:
            moments = self._challenges.take(request.challenge, Purpose.ENROLMENT)
            return self.keep(replace(request, taken_at=[0.0] * len(moments)), moments)  # one capture: one minute
        with stage(Stage.PICTURE):
            captures = [self._pipeline.capture(image) for image in request.images]
        return self.keep(request, captures)

    def keep(self, request: EnrolRequest, captures: Sequence[Seen]) -> Enrolled:
        """The same for pictures that were looked at already, with no passphrase asked for."""
        wanted, consent = self._agreed(request)
        factors = {FACTOR: factor.hashed(request.passphrase)} if request.passphrase is not None else {}
        vectors = [capture.vector for capture in captures]
        agree(vectors, self._pipeline.spec.operating_points, self._pipeline.spec.same_capture_distance)
        groups = group(vectors, request.taken_at, self._pipeline.spec.same_capture_distance)
        looks = combine([capture.attributes for capture in captures])
        self._old_enough(looks)
        made = _Made(vectors, groups, average(vectors, groups), described(looks, wanted), consent)
        with self._storage.begin() as work:
            self._gallery.refresh(work)  # so that little is left to do while others wait
        with self.one_at_a_time, self._storage.begin() as work:
            work.take_turn()  # other processes enrol too
            with stage(Stage.SEARCH):
                self._gallery.refresh(work)
                reason = self._reason_to_look(made.template)
            with stage(Stage.DATABASE):
                done = self._write(work, request, made, factors, reason)
        tell_enrolment(reason.value if reason else None)
        return done

    def _agreed(self, request: EnrolRequest) -> tuple[frozenset[str], Consent]:
        """Which attributes may be kept, and the line for the ledger."""
        wanted = self._rules.attributes if request.attributes is None else request.attributes & self._rules.attributes
        uses = request.uses
        if uses is None:
            uses = frozenset({LOGIN, ATTRIBUTES} if wanted else {LOGIN})
        if request.own_text is not None:
            consent = Consent(self._storage.now(), OWN_TEXT, request.own_text, uses)
        else:
            consent = self._rules.consent.given(uses, request.consent_digest, self._storage.now())
        return wanted if ATTRIBUTES in consent.uses else frozenset(), consent

    def _old_enough(self, looks: Attributes) -> None:
        """Raises TooYoung by the estimate itself: either end of its range would err for nine in ten."""
        least = self._rules.minimum_age
        if least and (looks.age is None or looks.age.years < least):
            raise TooYoung(least)

    def _reason_to_look(self, enrolled: Template) -> FlagReason | None:
        """Why an operator should look at this person. Raises AlreadyEnrolled for a face that is there."""
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
        work: UnitOfWork,
        request: EnrolRequest,
        made: "_Made",
        factors: Mapping[str, Mapping[str, Any]],
        reason: FlagReason | None,
    ) -> Enrolled:
        user_id = self._new_id()
        code = factor.recovery_code()
        work.add_person(
            user_id,
            templates=[
                NewTemplate(vector.values, vector.model_id, number, self._gallery.generation)
                for vector, number in zip(made.vectors, made.groups, strict=True)
            ],
            attributes=made.attributes,
            metadata=_metadata(request),
            consent=made.consent,
            flagged=reason is not None,
            flag_reason=reason.value if reason else None,
            factors={**factors, RECOVERY: {"sha256": factor.digest_of(code)}},
        )
        if request.reference and not work.references.put(user_id, request.reference):
            raise ReferenceTaken
        work.note(
            "enrolled",
            user_id,
            photos=len(made.vectors),
            captures=made.template.captures,
            model=made.template.vector.model_id,
            flagged=reason.value if reason else None,
            consent=made.consent.version,
            consent_digest=made.consent.digest,
            uses=",".join(sorted(made.consent.uses)),
            second_factor=FACTOR in factors,
        )
        work.commit()
        self._gallery.put(user_id, made.template)
        captures = made.template.captures
        return Enrolled(user_id, work.now, len(made.vectors), captures, reason, made.attributes, code)


def _metadata(request: EnrolRequest) -> Mapping[str, Any] | None:
    given = {LABEL: request.label, REFERENCE: request.reference}
    return {name: value for name, value in given.items() if value} or None


@dataclass(frozen=True, slots=True)
class _Made:
    """What came out of the pictures: a vector and the number of its moment for each, and their average."""

    vectors: Sequence[FaceVector]
    groups: Sequence[int]
    template: Template
    attributes: Mapping[str, Any]
    consent: Consent
