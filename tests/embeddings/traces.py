"""Poses of a head over time, drawn for tests: what a referee is fed with."""

from collections.abc import Iterator

from embeddings.liveness.reading import Reading
from embeddings.liveness.referee import Referee
from embeddings.liveness.steps import Step

RATE = 25
PEAKS = {
    Step.TURN_LEFT: (30.0, 4.0),
    Step.TURN_RIGHT: (-30.0, 6.0),
    Step.LOOK_UP: (2.0, 25.0),
    Step.LOOK_DOWN: (-3.0, -25.0),
}
YAW, PITCH = 2.0, -6.0  # of this head at rest


def reading(at: float, yaw: float = 0.0, pitch: float = 0.0, **changed: float) -> Reading:
    """A head at rest, turned by so many degrees."""
    usual = {"eyes": 0.3, "mouth": 0.6, "lift": 0.0, "size": 80.0} | changed
    return Reading(at, YAW + yaw, PITCH + pitch, **usual)


class Person:
    """Feeds a referee frame by frame."""

    def __init__(self, referee: Referee, rate: int = RATE) -> None:
        self.referee, self.step, self.at = referee, 1 / rate, 0.0

    def show(self, seconds: float, yaw: float = 0.0, pitch: float = 0.0, **changed: float) -> None:
        for _ in range(max(1, round(seconds / self.step))):
            self.referee.feed(self.at, reading(self.at, yaw, pitch, **changed))
            self.at += self.step

    def vanish(self, seconds: float) -> None:
        for _ in range(round(seconds / self.step)):
            self.referee.feed(self.at, None)
            self.at += self.step

    def wait(self) -> Step | None:
        """At rest until a step is asked, or it is over."""
        for _ in range(20 * RATE):
            if self.referee.asked is not None or self.referee.finished:
                break
            self.show(self.step)
        return self.referee.asked

    def turn(self, step: Step, share: float = 1.0, hold: float = 0.4) -> None:
        """There and back."""
        yaw, pitch = PEAKS[step]
        for part in (0.3, 0.6, 0.9):
            self.show(self.step, share * part * yaw, share * part * pitch)
        self.show(hold, share * yaw, share * pitch)
        for part in (0.6, 0.3):
            self.show(self.step, share * part * yaw, share * part * pitch)

    def do(self, step: Step) -> None:
        """Any step, as it is asked for."""
        if step in PEAKS:
            self.turn(step)
        elif step is Step.SMILE:
            self.show(0.6, mouth=0.78, lift=0.07)
        elif step is Step.COME_CLOSER:
            self.show(0.6, size=104.0)
        else:
            for _ in range(2):
                self.show(0.12, eyes=0.1)
                self.show(0.2)

    def answer(self) -> Iterator[Step]:
        """Every step, each after the time that a person needs."""
        while (step := self.wait()) is not None:
            yield step
            self.show(0.3)
            self.do(step)
