"""Login: frames of one face are compared with a claimed person (1:1) or with everybody (1:N)."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from db.details import FACTOR
from db.errors import Fault, RecordUnreadable
from db.records import Person
from db.storage import Storage
from db.unit_of_work import UnitOfWork
from embeddings.attributes import combine, described
from embeddings.growth import stands
from embeddings.lookalike import verify_apart
from embeddings.matching import Decision, Outcome, identify, verify
from service import factor
from service.errors import ChallengeInvalid, LivenessRequired, NotRecognised, Stopped
from service.lockout import Attempt, Evidence, Lockout
from service.recogniser import Probe, Recogniser, Seen
from service.tokens import (
    ACR_LIVE,
    ACR_LIVE_AND_PASSPHRASE,
    ACR_PHOTO,
    ACR_PHOTO_AND_PASSPHRASE,
    Issued,
    Tokens,
)
from service.watch import Stage, stage, tell_login
from service.workflows.challenges import Challenges, Purpose, Shown
from service.workflows.model_change import ModelChange
from service.workflows.sharpen import Sharpen

SECOND_FACTOR: Final = "second_factor"
"""Outcome in the audit log: the face was right, the passphrase was not, or was missing."""

GROWN_AWAY: Final = "grown_away"
"""Likewise: the template was right, with what logins have added to it; what was enrolled was not."""


@dataclass(frozen=True, slots=True)
class LoginRequest:
    """`images`: encoded frames of one person; `user_id`: who they say they are; `taken_at`: seconds, one a frame.

    `client`: the address whose failures are counted; None for none. `challenge`: one that was passed, in the place of
    images.
    """

    images: Sequence[bytes] = field(repr=False)
    user_id: UUID | None = None
    taken_at: Sequence[float | None] | None = None
    passphrase: str | None = field(default=None, repr=False)
    client: str | None = field(default=None, repr=False)
    challenge: Shown | None = None

    @property
    def mode(self) -> str:
        return "1:N" if self.user_id is None else "1:1"


@dataclass(frozen=True, slots=True)
class LoginRules:
    """`fmr` of a claim, `fpir` of a search; `guarded`: a claim is refused where somebody else enrolled is as near.
    `live`: pictures alone open nothing."""

    fmr: float
    fpir: float
    guarded: bool
    live: bool = False


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
    """Called with a `LoginRequest`. `change`: from a previous embedder, while there is one; `sharpen`: where templates
    may grow."""

    def __init__(
        self,
        current: Recogniser,
        storage: Storage,
        tokens: Tokens,
        lockout: Lockout,
        challenges: Challenges,
        *,
        rules: LoginRules,
        change: ModelChange | None = None,
        sharpen: Sharpen | None = None,
    ) -> None:
        self._current = current
        self._change = change
        self._sharpen = sharpen
        self._storage = storage
        self._tokens = tokens
        self._lockout = lockout
        self._challenges = challenges
        self._rules = rules

    def __call__(self, request: LoginRequest) -> LoggedIn:
        """Raises LivenessRequired, ChallengeInvalid,
        Locked or Stopped, ImageRefused, FaceRefused, FramesDisagree, GalleryTooLarge, RecordUnreadable for
        a right face or, whatever the reason, NotRecognised."""
        if self._rules.live and request.challenge is None:
            raise LivenessRequired
        attempt, alive = self._lockout.attempt(request.user_id, request.client), request.challenge is not None
        with stage(Stage.DATABASE), self._storage.begin() as work:
            self._lockout.check(work, attempt, _evidence(shown=request.passphrase is not None), alive=alive)
        judge = self._judge(request.user_id)
        with stage(Stage.PICTURE):
            by = self._looking(request)
            probe = by(judge)
        with stage(Stage.DATABASE), self._storage.begin() as work:
            judge.gallery.refresh(work)
            verdict = self._verdict(work, request, judge, probe)
            work.take_turn()
            verdict = self._held_back(work, attempt, verdict, alive=alive)
            self._settle(work, request, attempt, verdict)
            work.commit()
        tell_login(request.mode, verdict.outcome)
        if verdict.person is None or verdict.decision.point is None:
            if verdict.outcome == RecordUnreadable.code:
                raise RecordUnreadable(Fault.PAYLOAD)
            raise NotRecognised
        if self._change is not None and request.user_id is not None and self._change.concerns(verdict.person):
            self._change.take_over(verdict.person.user_id, probe, by)
        elif self._sharpen is not None and request.challenge is not None:
            self._sharpen(verdict.person, probe)
        return self._welcome(request, verdict.person, verdict.decision.point.fmr, verdict.acr, probe.captures)

    def _looking(self, request: LoginRequest) -> Callable[[Recogniser], Probe]:
        """What a recogniser makes of the request's frames. Raises ChallengeInvalid."""
        if request.challenge is None:
            return lambda judge: judge.probe(request.images, request.taken_at)
        moments = self._challenges.take(request.challenge, Purpose.LOGIN)

        def by(judge: Recogniser) -> Probe:
            found = [its for each in moments if (its := each.by(judge.model_id)) is not None]
            if not found:  # passed before the embedder was changed
                raise ChallengeInvalid
            return judge.probe_of(found, [0.0] * len(found))  # the frames of one minute are one capture

        return by

    def _judge(self, claimed: UUID | None) -> Recogniser:
        """The previous embedder for a claim of somebody who has no template of the current one yet."""
        if claimed is not None and self._change is not None and self._change.waits(claimed):
            return self._change.previous
        return self._current

    def _verdict(self, work: UnitOfWork, request: LoginRequest, judge: Recogniser, probe: Probe) -> "_Verdict":
        """Compares and hashes as much for nobody as for somebody; looks up only who is accepted."""
        points, index = judge.pipeline.spec.operating_points, judge.gallery.index
        claimed, passphrase = request.user_id, request.passphrase
        if claimed is None:
            with stage(Stage.SEARCH):
                decision = identify(index, probe.template, points, self._rules.fpir)
            claimed = decision.key
            known = _knows(work, claimed, passphrase)
        else:
            known = _knows(work, claimed, passphrase)
            # What only they know tells twins apart as well.
            compare = verify_apart if self._rules.guarded and not known else verify
            with stage(Stage.SEARCH):
                decision = compare(index, claimed, probe.template, points, self._rules.fmr)
        found = _Found(known, request.challenge is not None, len(request.images) or len(probe.captures))
        if not decision.accepted or claimed is None:
            return _Verdict(claimed, None, decision.outcome.value, decision, found)
        try:
            person = work.person(claimed)
            kept = work.details.get(claimed, FACTOR) is not None
            still = person is None or not person.grown or _stands(work, judge, claimed, probe)
        except RecordUnreadable as refusal:
            return _Verdict(claimed, None, refusal.code, decision, found)
        if person is None:  # erased since the search
            return _Verdict(claimed, None, Outcome.UNKNOWN.value, decision, found)
        if not still:
            return _Verdict(claimed, None, GROWN_AWAY, decision, found)
        if kept and not known:
            return _Verdict(claimed, None, SECOND_FACTOR, decision, found)
        return _Verdict(claimed, person, decision.outcome.value, decision, found)

    def _held_back(self, work: UnitOfWork, attempt: Attempt, verdict: "_Verdict", *, alive: bool) -> "_Verdict":
        """Others may have failed since this attempt began. Raises Locked; where only a second factor opens any more
        and this was none, it is one more failure."""
        try:
            self._lockout.check(work, attempt, _evidence(shown=verdict.known), alive=alive)
        except Stopped:
            return replace(verdict, person=None, outcome=Stopped.code)
        return verdict

    def _settle(self, work: UnitOfWork, request: LoginRequest, attempt: Attempt, verdict: "_Verdict") -> None:
        """Counts and notes how it ended, with the true reason."""
        if verdict.person is None:
            self._lockout.failed(work, attempt)
        else:
            self._lockout.succeeded(work, attempt, verdict.person.user_id)
            work.logged_in(verdict.person.user_id)
        work.note(
            "login",
            verdict.claimed,
            outcome=verdict.outcome,
            mode=request.mode,
            band=verdict.decision.band.value,
            fmr=verdict.decision.point.fmr if verdict.decision.point is not None else None,
            frames=verdict.shown.frames,
            acr=verdict.acr if verdict.person is not None else None,
        )

    def _welcome(
        self, request: LoginRequest, person: Person, fmr: float, acr: str, captures: Sequence[Seen]
    ) -> LoggedIn:
        kept = person.attributes or {}
        now = described(combine([capture.attributes for capture in captures]), kept.keys() & {"emotion"})
        return LoggedIn(
            user_id=person.user_id,
            enrolled_at=person.created_at,
            last_login_at=person.last_login_at,
            mode=request.mode,
            fmr=fmr,
            acr=acr,
            issued=self._tokens.issue(person.user_id, acr),
            attributes=kept,
            emotion=now.get("emotion"),
        )


@dataclass(frozen=True, slots=True)
class _Found:
    """`known`: the passphrase was right. `alive`: a challenge was passed. `frames`: how many were sent or kept."""

    known: bool
    alive: bool
    frames: int


@dataclass(frozen=True, slots=True)
class _Verdict:
    """`person`: who is let in. `claimed`: whom the attempt was about, where anybody."""

    claimed: UUID | None
    person: Person | None
    outcome: str
    decision: Decision
    shown: "_Found"

    @property
    def known(self) -> bool:
        return self.shown.known

    @property
    def acr(self) -> str:
        if self.shown.alive:
            return ACR_LIVE_AND_PASSPHRASE if self.known else ACR_LIVE
        return ACR_PHOTO_AND_PASSPHRASE if self.known else ACR_PHOTO


def _stands(work: UnitOfWork, judge: Recogniser, user_id: UUID, probe: Probe) -> bool:
    """Whether what was enrolled, without what logins have added, is near enough as well."""
    enrolled = judge.gallery.enrolled(work.templates(user_id))
    return enrolled is not None and stands(judge.gallery.index, judge.pipeline.spec, enrolled, probe.template)


def _knows(work: UnitOfWork, user_id: UUID | None, passphrase: str | None) -> bool:
    """Whether this is the passphrase of somebody; it is hashed also where they have none, and for nobody."""
    if passphrase is None:
        return False
    kept = None
    if user_id is not None:
        with suppress(RecordUnreadable):  # told to the right face alone
            kept = work.details.get(user_id, FACTOR)
    with stage(Stage.PASSPHRASE):
        return factor.matches(kept, passphrase)


def _evidence(*, shown: bool) -> Evidence:
    return Evidence.PASSPHRASE if shown else Evidence.FACE
