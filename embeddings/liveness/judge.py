"""A challenge from its first frame to its verdict: the steps, and everything else that must hold meanwhile."""

from dataclasses import dataclass, field
from typing import Final, Self

from embeddings.embed import ModelSpec
from embeddings.liveness.continuity import Continuity
from embeddings.liveness.observation import Look, Observation
from embeddings.liveness.pad import Pad
from embeddings.liveness.referee import Phase, Referee
from embeddings.liveness.solid import Parallax
from embeddings.liveness.steps import TURNS, Challenge, Step
from embeddings.liveness.verdict import (
    Check,
    Outcome,
    Verdict,
    best_frames,
    failed,
    fused,
    one_person,
    passed,
    passive,
    picture_quality,
    solid_head,
    undecided,
)
from embeddings.operating import Measure, Mode, of_measure, verification_point

FRAMES: Final = 3000
"""The most frames of a challenge: 50 seconds at 60 a second."""
RESTS: Final = 600
OTHERS: Final = 3
"""Frames in a row with a second face of similar size, from which on somebody else is there."""
SAME_PERSON_FMR: Final = 1e-4
"""How often another person's frame may pass as the same person's, were it a photo of another day."""
ASK_AGAIN: Final = frozenset({"frames_missing"})
"""Faults of the connection, not of the person."""


@dataclass(frozen=True, slots=True)
class Limits:
    """`same_person`: farthest distance of a vector from the mean of the others, by the embedder that made them.
    `pad`: threshold of the passive detector, None without one."""

    same_person: float
    pad: float | None = None

    @classmethod
    def of(cls, spec: ModelSpec, pad: Pad | None = None) -> Self:
        """Raises ValueError for a model without operating points."""
        points = of_measure(spec.by_distance().operating_points, Measure.DISTANCE)
        point = verification_point(points, Mode(1, 1), SAME_PERSON_FMR)
        return cls(point.threshold, pad.threshold if pad is not None else None)


@dataclass(frozen=True, slots=True)
class Progress:
    """What to show: `step` in the phase `asked`, otherwise to look straight. `place`: steps done, of `count`."""

    phase: Phase
    step: Step | None
    place: int
    count: int


@dataclass(slots=True)
class Judge:
    """Fed with the observations of one `Watcher`, in order."""

    challenge: Challenge
    limits: Limits
    referee: Referee = field(init=False)
    continuity: Continuity = field(default_factory=Continuity)
    _rests: list[Look] = field(default_factory=list)
    _vectors: list[Look] = field(default_factory=list)
    _turns: dict[int, list[Parallax]] = field(default_factory=dict)
    _frames: int = 0
    _others: int = 0
    _accompanied: bool = False

    def __post_init__(self) -> None:
        self.referee = Referee(self.challenge)

    @property
    def finished(self) -> bool:
        return self.referee.finished or self.continuity.broken is not None or self._accompanied

    def feed(self, frame: Observation) -> Progress:
        """Nothing changes once finished."""
        if not self.finished:
            self._frames += 1
            self._feed(frame)
        asked = self.referee.asked if not self.finished else None
        return Progress(self.phase, asked, self.referee.place, len(self.referee.challenge.steps))

    @property
    def phase(self) -> Phase:
        """`failed` too where something else than the steps has failed."""
        return Phase.FAILED if self.finished and self.referee.phase is not Phase.PASSED else self.referee.phase

    def verdict(self) -> Verdict:
        """Every check; before the end the steps are undecided."""
        checks = [
            self._steps(),
            failed("one_face", "several_faces") if self._accompanied else passed("one_face"),
            self._one_film(),
            one_person(self._vectors, self.limits.same_person),
            solid_head(list(self._turns.values())),
            picture_quality(self._rests),
        ]
        if self.limits.pad is not None:
            checks.append(passive(self._vectors, self.limits.pad))
        outcome, neutral = fused(checks), self.referee.neutral
        if outcome is not Outcome.PASSED or neutral is None:
            return Verdict(outcome, tuple(checks))
        return Verdict(outcome, tuple(checks), best_frames(self._vectors, (neutral.yaw, neutral.pitch)))

    def _feed(self, frame: Observation) -> None:
        self.continuity.feed(frame)
        self._others = self._others + 1 if frame.others else 0
        self._accompanied = self._others >= OTHERS
        place, look = self.referee.place, frame.look
        phase = self.referee.feed(frame.at, look.reading if look is not None else None)
        if self._frames >= FRAMES:
            phase = self.referee.stop()
        if look is None:
            return
        if look.vector is not None and phase is not Phase.SETTLING:
            self._vectors.append(look)
        if phase is Phase.WAITING and self.referee.at_rest and len(self._rests) < RESTS:
            self._rests.append(look)
        if phase in {Phase.ASKED, Phase.RETURNING}:
            self._weigh(place, look)

    def _weigh(self, place: int, look: Look) -> None:
        """Corners count beside a reference that looked straight, in the turn that was asked for."""
        neutral, parallax, step = self.referee.neutral, look.parallax, self.referee.challenge.steps[place]
        if neutral is None or parallax is None or step not in TURNS:
            return
        if neutral.is_near(parallax.yaw, parallax.pitch):
            self._turns.setdefault(place, []).append(parallax)

    def _steps(self) -> Check:
        referee = self.referee
        if referee.phase is Phase.PASSED:
            return passed("steps", float(referee.place))
        if referee.fault is None:
            return undecided("steps", "not_finished", float(referee.place))
        verdict = undecided if referee.fault in ASK_AGAIN else failed
        return verdict("steps", referee.fault.value, float(referee.place))

    def _one_film(self) -> Check:
        broken = self.continuity.broken
        if broken is not None:
            return failed("one_film", broken.value, self.continuity.largest)
        return passed("one_film", self.continuity.largest)
