"""One challenge under way: frames in, what to show next out; at the end the frames that a login goes on with.

All of it is in memory. Of the frames only those that a vector was made of are held, as they came, until the end.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from embeddings.image import ImageLimits, ImageRefused, decode
from embeddings.liveness.judge import Judge, Limits
from embeddings.liveness.observation import Observation
from embeddings.liveness.referee import Phase
from embeddings.liveness.steps import Challenge, Step, exchanged
from embeddings.liveness.verdict import Outcome, Verdict
from embeddings.pipeline import FacePipeline
from embeddings.quality import FaceRefused
from embeddings.types import Pixels
from service.liveness.kept import Moment
from service.liveness.lights import Lights
from service.liveness.poses import Poses
from service.liveness.told import Failure, Hint, Told, failed, failure, hint

SLACK: Final = 3.0
"""Seconds by which the times of frames may differ from those of their arrival: a network's delay, and no more time for
finding the right film."""


class Watching(Protocol):
    """A `Watcher`."""

    def look(self, pixels: Pixels, at: float) -> Observation: ...


@dataclass(frozen=True, slots=True)
class Eyes:
    """What looks at the frames: the nets' watcher, and the tenant's pipelines for the frames that are gone on with:
    that of the current embedder, and of the `previous` one while there is one."""

    watcher: Watching
    pipeline: FacePipeline
    previous: FacePipeline | None
    images: ImageLimits
    least_eyes: float


@dataclass(slots=True)
class Session:
    """Not to be shared between threads at one time. `allowed`: the steps that an exchange may draw from; `poses`: of an
    enrolment; `lights`: where the screen's colours are to be answered as well. `steps_told`: whether a step was shown;
    `reasons`: of the failure, for whoever runs the service."""

    eyes: Eyes
    judge: Judge
    allowed: Sequence[Step]
    poses: Poses | None = None
    lights: Lights | None = None
    steps_told: bool = False
    reasons: tuple[str, ...] = ()
    moments: list[Moment] = field(default_factory=list)
    _held: dict[float, bytes] = field(default_factory=dict)
    _begun: tuple[float, float] | None = None
    _over: Told | None = None
    _exchanged: bool = False
    _verdict: Verdict | None = None

    @classmethod
    def of(
        cls,
        eyes: Eyes,
        challenge: Challenge,
        limits: Limits,
        allowed: Sequence[Step],
        poses: Poses | None,
        lights: Lights | None = None,
    ) -> "Session":
        return cls(eyes, Judge(challenge, limits), allowed, poses, lights)

    def feed(self, image: bytes, at: float, arrived: float, lit: int | None = None) -> Told:
        """One frame, encoded; `at`: seconds by the camera's clock, `arrived`: by the service's; `lit`: see `Lights`."""
        if self._over is not None:
            return self._over
        first_at, first_arrived = self._begun = self._begun or (at, arrived)
        if not abs((at - first_at) - (arrived - first_arrived)) <= SLACK:
            return self._fail("frames_missing")
        try:
            pixels = decode(image, self.eyes.images).pixels
        except ImageRefused:
            return self._fail("frames_missing")
        seen = self.eyes.watcher.look(pixels, at)
        if seen.look is not None and seen.look.vector is not None:
            self._held[seen.look.reading.at] = image
        if self._verdict is not None:
            return self._after_steps(seen, lit)
        progress = self.judge.feed(seen)
        self.steps_told = self.steps_told or progress.step is not None
        if self.judge.finished:
            return self._judge(seen)
        told = hint(seen, progress.phase, self.eyes.least_eyes)
        may = progress.step is not None and not self._exchanged and self._other() is not None
        return Told(progress.phase, progress.step, progress.place, progress.count, told, may)

    def exchange(self) -> bool:
        """Another step in the place of the one that is asked, once; False where there is none."""
        step = self._other()
        if self._exchanged or step is None or self.judge.referee.asked is None:
            return False
        self.judge.referee.exchange(step)
        self._exchanged = True
        return True

    def stop(self) -> Told:
        """No more frames come."""
        return self._over or self._fail("not_finished")

    def _other(self) -> Step | None:
        referee = self.judge.referee
        try:
            return exchanged(referee.challenge, referee.place, self.allowed)
        except ValueError:
            return None

    def _judge(self, seen: Observation) -> Told:
        verdict = self.judge.verdict()
        if verdict.outcome is not Outcome.PASSED:
            return self._fail(*verdict.reasons)
        self._verdict = verdict
        if self.lights is None:
            return self._go_on(seen, verdict)
        self.judge.continuity.lit = True
        self.lights.begin(seen.at, self.judge.limits.same_person, verdict.frames)
        return self._lighting(self.lights)

    def _after_steps(self, seen: Observation, lit: int | None) -> Told:
        """The screen's light, then the poses: the film must be one as before."""
        self.judge.continuity.feed(seen)
        if self.judge.continuity.broken is not None:
            return self._fail(self.judge.continuity.broken.value)
        if self.lights is not None and not self.lights.over:
            return self._light(self.lights, seen, lit)
        return self._pose(seen)

    def _light(self, lights: Lights, seen: Observation, lit: int | None) -> Told:
        lights.feed(seen, lit)
        if not lights.over:
            return self._lighting(lights, Hint.NO_FACE if seen.look is None else None)
        check = lights.check()
        if check.outcome is not Outcome.PASSED or self._verdict is None:
            return self._fail(check.reason or "light_not_answered")
        self.judge.continuity.lit = False
        self.judge.continuity.restart()
        return self._go_on(seen, self._verdict)

    def _lighting(self, lights: Lights, said: Hint | None = None) -> Told:
        return Told("lighting", None, lights.number, len(lights.colours), said, colour=lights.asked)

    def _go_on(self, seen: Observation, verdict: Verdict) -> Told:
        if self.poses is None:
            return self._pass([look.reading.at for look in verdict.frames])
        self.poses.begin(seen.at, self.judge, verdict.frames)
        return self._posing()

    def _pose(self, seen: Observation) -> Told:
        assert self.poses is not None  # noqa: S101 - for the type checker
        self.poses.feed(seen)
        if not self.poses.done:
            return self._posing(hint(seen, Phase.PASSED, self.eyes.least_eyes))
        return self._pass(self.poses.chosen)

    def _posing(self, said: Hint | None = None) -> Told:
        assert self.poses is not None  # noqa: S101 - likewise
        asked = self.poses.asked
        return Told("posing", asked.value if asked is not None else None, self.poses.place, self.poses.count, said)

    def _pass(self, times: Sequence[float]) -> Told:
        """The frames chosen go through the same gate as the pictures of any login."""
        refused: tuple[str, ...] = ()
        for at in times:
            try:
                capture = self.eyes.pipeline.capture(self._held[at])
            except FaceRefused as refusal:
                refused = tuple(each.value for each in refusal.reasons)
            else:
                previous = self.eyes.previous
                before = previous.capture(self._held[at]).vector if previous is not None else None
                self.moments.append(Moment(capture.vector, capture.attributes, capture.good, before))
        if not self.moments:
            return self._fail(*refused)
        count = len(self.judge.referee.challenge.steps)
        return self._end(Told(Phase.PASSED, done=count, count=count))

    def _fail(self, *reasons: str) -> Told:
        self.reasons = reasons
        return self._end(failed(failure(reasons) if reasons else Failure.UNCLEAR))

    def _end(self, told: Told) -> Told:
        self._over = told
        self._held.clear()
        return told
