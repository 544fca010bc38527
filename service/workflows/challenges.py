"""Challenges of liveness: asked for, answered frame by frame, and used once by a login or an enrolment."""

import hashlib
import json
import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID, uuid4

from db.challenges import DAY, Claim, Tally
from db.errors import RecordUnreadable
from db.sealing import SealingKey
from db.storage import Storage
from embeddings.image import ImageLimits
from embeddings.liveness.judge import Limits as Sameness
from embeddings.liveness.referee import Phase
from embeddings.liveness.steps import Challenge, Step, draw
from embeddings.liveness.watcher import Nets, Watcher
from embeddings.pipeline import FacePipeline
from service.errors import ChallengeInvalid, NotAtOnce, TooManyChallenges
from service.liveness.kept import Moment, opened, sealed, sealing_key
from service.liveness.lights import Lights
from service.liveness.poses import Poses
from service.liveness.session import Eyes, Session, Watching
from service.liveness.told import Failure, Told, failed
from service.lockout import Limits, Lockout

SECRET: Final = "challenges"  # noqa: S105 - the purpose of a derived secret, not the secret
LIFE: Final = timedelta(seconds=60)
"""From asking for a challenge to its end, and once more until it is used."""
POSING: Final = timedelta(seconds=20)
"""An enrolment's poses on top."""
LIGHTING: Final = timedelta(seconds=20)
"""Likewise the screen's colours, and reading that they will come."""
NONCE_BYTES: Final = 16
LIMITS: Final = Limits(free=5, stop=15)
"""Failed challenges: five in a row cost nothing, at most fifteen a day. At .4 % luck a try these are 2 % and 6 %."""
MOST_WAITING: Final = 10
"""Challenges of one client that nobody has begun."""


class Purpose(StrEnum):
    """What a challenge may be used for, and for nothing else."""

    LOGIN = "login"
    ENROLMENT = "enrolment"


@dataclass(frozen=True, slots=True)
class Challenger:
    """Who asks: `name` an IP address, or an API key by its beginning; `counted`: whether failures count, as they do not
    for an application, whose users all come from its own address."""

    name: str = field(repr=False)
    counted: bool = True


@dataclass(frozen=True, slots=True)
class Shown:
    """A challenge as its owner shows it. `nonce`: hexadecimal, told once."""

    challenge_id: UUID
    nonce: str = field(repr=False)
    challenger: Challenger


@dataclass(frozen=True, slots=True)
class Opened:
    """`at_once`: all steps, where they were asked for. `light`: whether the screen's colours are shown after them."""

    challenge_id: UUID
    nonce: str = field(repr=False)
    expires_at: datetime
    count: int
    at_once: tuple[Step, ...] = ()
    light: bool = False


@dataclass(frozen=True, slots=True)
class Rules:
    """`steps`: that a challenge may ask for; `count` of them. `at_once`: whether they may be told at its beginning.
    `light`: whether the screen's colours are to be answered as well."""

    steps: Sequence[Step]
    count: int
    at_once: bool
    images: ImageLimits
    least_eyes: float
    light: bool = False


class Challenges:
    """Of one tenant, under one transform of its vectors (`generation`). `watch`: what looks at the frames of one.
    `previous`: of the embedder before a change, whose vectors are kept as well."""

    def __init__(
        self,
        pipeline: FacePipeline,
        nets: Nets,
        storage: Storage,
        lockout: Lockout,
        rules: Rules,
        *,
        generation: int,
        previous: FacePipeline | None = None,
    ) -> None:
        self._pipeline, self._previous = pipeline, previous
        self.watch: Callable[[], Watching] = lambda: Watcher(
            nets, eyes=Step.BLINK_TWICE in rules.steps, light=rules.light
        )
        self._storage, self._lockout = storage, lockout
        self._rules, self._generation = rules, generation
        self._sameness = Sameness.of(pipeline.spec, nets.pad)

    def open(self, purpose: Purpose, challenger: Challenger, *, at_once: bool = False) -> Opened:
        """Raises TooManyChallenges, and NotAtOnce where the settings do not allow it."""
        if at_once and not self._rules.at_once:
            raise NotAtOnce
        nonce, challenge_id = secrets.token_hex(NONCE_BYTES), uuid4()
        drawn = draw(self._rules.steps, self._rules.count) if at_once else None
        with self._storage.begin() as work:
            claim = self._claim(Shown(challenge_id, nonce, challenger), purpose)
            work.take_turn()  # as many at once as may be would be counted too late
            if challenger.counted:
                self._check(work.challenges.tally(claim.subject, work.now), work.now)
            until = work.now + self._life(purpose)
            work.challenges.add(claim, work.now, until, _written(drawn))
            work.commit()
        return Opened(challenge_id, nonce, until, self._rules.count, drawn.steps if drawn else (), self._rules.light)

    def begin(self, shown: Shown, purpose: Purpose, *, at_once: bool = False) -> "Answer":
        """Raises ChallengeInvalid for one that is not theirs, over, begun already or of the other kind."""
        with self._storage.begin() as work:
            written = work.challenges.at_once(shown.challenge_id)
            if (written is not None) is not at_once or not work.challenges.begin(self._claim(shown, purpose), work.now):
                raise ChallengeInvalid
            work.commit()
        challenge = _read(written) if written is not None else draw(self._rules.steps, self._rules.count)
        eyes = Eyes(self.watch(), self._pipeline, self._previous, self._rules.images, self._rules.least_eyes)
        poses = Poses() if purpose is Purpose.ENROLMENT else None
        allowed = () if at_once else self._rules.steps
        lights = Lights() if self._rules.light else None
        session = Session.of(eyes, challenge, self._sameness, allowed, poses, lights)
        return Answer(session, lambda answer: self._follow(answer, shown, purpose))

    def take(self, shown: Shown, purpose: Purpose) -> list[Moment]:
        """The frames of a passed challenge, once. Raises ChallengeInvalid."""
        with self._storage.begin() as work:
            found = work.challenges.take(self._claim(shown, purpose), work.now)
            work.commit()
        if found is None or found[1] != self._generation:
            raise ChallengeInvalid
        try:
            return opened(self._key(shown), shown.challenge_id, found[0])
        except RecordUnreadable:
            raise ChallengeInvalid from None

    def _life(self, purpose: Purpose) -> timedelta:
        posing = POSING if purpose is Purpose.ENROLMENT else timedelta(0)
        return LIFE + posing + (LIGHTING if self._rules.light else timedelta(0))

    def _follow(self, answer: "Answer", shown: Shown, purpose: Purpose) -> bool:
        """Writes down how far it has come. False where it was not passed, or too late."""
        session = answer.session
        with self._storage.begin() as work:
            if answer.told is None:
                work.challenges.told(shown.challenge_id, work.now)
                work.commit()
                return True
            passed = False
            if session.moments:
                record = sealed(self._key(shown), shown.challenge_id, session.moments)
                until = work.now + LIFE
                passed = work.challenges.passed(shown.challenge_id, work.now, until, record, self._generation)
            outcome, reasons = "passed" if passed else "failed", ",".join(session.reasons) or None
            work.note("challenge", None, outcome=outcome, purpose=purpose.value, reasons=reasons)
            work.commit()
        return passed

    def _check(self, tally: Tally, now: datetime) -> None:
        if tally.waiting >= MOST_WAITING:
            raise TooManyChallenges(LIFE)
        if tally.of_a_day >= (LIMITS.stop or 0) and tally.first_at is not None:
            raise TooManyChallenges(tally.first_at + DAY - now)
        pause = LIMITS.pause(tally.in_a_row)
        left = tally.last_at + pause - now if tally.last_at is not None else timedelta(0)
        if left > timedelta(0):
            raise TooManyChallenges(min(left, pause))

    def _claim(self, shown: Shown, purpose: Purpose) -> Claim:
        subject = self._lockout.challenger(shown.challenger.name)
        return Claim(shown.challenge_id, purpose.value, subject, hashlib.sha256(shown.nonce.encode()).digest())

    def _key(self, shown: Shown) -> SealingKey:
        return sealing_key(self._storage.secret(SECRET), shown.challenge_id, shown.nonce.encode())


class Answer:
    """One challenge being answered; `session` decides, and `follow` is told when the first step was shown, and of the
    end. To be closed whatever happens."""

    def __init__(self, session: Session, follow: Callable[["Answer"], bool]) -> None:
        self.session = session
        self._follow = follow
        self.told: Told | None = None
        self._counted = False
        self._one_at_a_time = threading.Lock()

    def feed(self, image: bytes, at: float, arrived: float, lit: int | None = None) -> Told:
        """See `Session.feed`. Before a step is shown it is written down that it was."""
        with self._one_at_a_time:
            if self.told is not None:
                return self.told
            told = self.session.feed(image, at, arrived, lit)
            if self.session.steps_told and not self._counted:
                self._counted = True
                self._follow(self)
            return self._ended(told) if told.finished else told

    def close(self) -> Told:
        """No more frames come."""
        with self._one_at_a_time:
            return self.told or self._ended(self.session.stop())

    def _ended(self, told: Told) -> Told:
        self.told = told
        if not self._follow(self) and told.phase == Phase.PASSED:
            self.told = failed(Failure.TOO_SLOW)
        self.session.moments.clear()
        return self.told


def _written(challenge: Challenge | None) -> str | None:
    return None if challenge is None else json.dumps([list(challenge.steps), list(challenge.pauses)])


def _read(written: str) -> Challenge:
    steps, pauses = json.loads(written)
    return Challenge(tuple(Step(each) for each in steps), tuple(pauses))
