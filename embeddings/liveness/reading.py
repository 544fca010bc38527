"""What the referee sees of a frame: a few numbers, no picture; and what they mean beside a neutral face."""

from dataclasses import dataclass
from statistics import median
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from embeddings.liveness.steps import Step
from embeddings.mesh import LEFT_EYE_CORNERS, RIGHT_EYE_CORNERS
from embeddings.types import Mesh

YAW: Final = 20.0
PITCH: Final = 15.0
"""Degrees beside neutral from which on a turn is one. A flat card turned by up to 60 degrees reads 20 of yaw in 17 %
and 15 of pitch in 4 % of cases, since the mesh invents a face on it; people reach 24 to 50."""
DIAGONAL: Final = 0.8
"""How large the smaller of both may be beside the larger, each over its limit, for a turn to be a wrong one:
who turns to one side raises the chin too, by up to .9 of that. For the one that was asked, 1."""
NEUTRAL_YAW: Final = 8.0
NEUTRAL_PITCH: Final = 10.0
"""Degrees that count as looking straight: at rest within one film people drift by 5."""
FRONTAL: Final = 12.0  # degrees beside neutral up to which mouth, eyes and size are read
SMILE_WIDTH: Final = 1.18
SMILE_LIFT: Final = 0.045
"""Of the neutral mouth, and of the distance of the eyes. Talk reaches 1.12 and .041; one smile was measured, 1.30."""
SHUT: Final = 0.6
OPEN: Final = 0.8
"""Of the neutral opening of the eyes. A blink falls to .2 to .5."""
CLOSER: Final = 1.25  # times the neutral size; people who sit still reach 1.18

_MOUTH: Final = (61, 291)  # outer corners, MediaPipe's numbers
_LIPS: Final = (13, 14)


@dataclass(frozen=True, slots=True)
class Reading:
    """`at`: seconds of any one clock. Angles as in `HeadPose`, degrees. `eyes`: mean opening of both, None where it was
    not looked at. `mouth`: width over the distance of the eyes; `lift`: corners above the middle of the lips.
    `size`: distance of the outer corners of the eyes in three dimensions, px. A frame in which no face is
    sure is None in the place of a Reading.
    """

    at: float
    yaw: float
    pitch: float
    eyes: float | None
    mouth: float
    lift: float
    size: float


@dataclass(frozen=True, slots=True)
class Neutral:
    """The face at rest, what everything is measured against: medians of a few readings."""

    yaw: float
    pitch: float
    eyes: float | None
    mouth: float
    lift: float
    size: float

    @classmethod
    def of(cls, readings: list[Reading]) -> Self:
        """Raises ValueError without readings."""
        if not readings:
            raise ValueError("a neutral face is a median of readings")
        seen = [each.eyes for each in readings if each.eyes is not None]
        return cls(
            median(each.yaw for each in readings),
            median(each.pitch for each in readings),
            median(seen) if seen else None,
            median(each.mouth for each in readings),
            median(each.lift for each in readings),
            median(each.size for each in readings),
        )

    def looks_straight(self, reading: Reading) -> bool:
        return self.is_near(reading.yaw, reading.pitch)

    def is_near(self, yaw: float, pitch: float) -> bool:
        return abs(yaw - self.yaw) <= NEUTRAL_YAW and abs(pitch - self.pitch) <= NEUTRAL_PITCH

    def frontal(self, reading: Reading) -> bool:
        return max(abs(reading.yaw - self.yaw), abs(reading.pitch - self.pitch)) <= FRONTAL

    def turn(self, reading: Reading, diagonal: float = DIAGONAL) -> Step | None:
        """The turn that the head is in, by the axis that dominates; None for none, and for what is too diagonal."""
        yaw, pitch = (reading.yaw - self.yaw) / YAW, (reading.pitch - self.pitch) / PITCH
        larger, smaller = max(abs(yaw), abs(pitch)), min(abs(yaw), abs(pitch))
        if larger < 1 or smaller > diagonal * larger:
            return None
        if abs(yaw) >= abs(pitch):
            return Step.TURN_LEFT if yaw > 0 else Step.TURN_RIGHT
        return Step.LOOK_UP if pitch > 0 else Step.LOOK_DOWN

    def smiles(self, reading: Reading) -> bool:
        wide = reading.mouth >= SMILE_WIDTH * self.mouth
        return wide and reading.lift - self.lift >= SMILE_LIFT and self.frontal(reading)

    def closer(self, reading: Reading) -> bool:
        return reading.size >= CLOSER * self.size and self.frontal(reading)

    def eyes_shut(self, reading: Reading) -> bool | None:
        """None in between, for turned heads and where the eyes were not looked at."""
        if self.eyes is None or reading.eyes is None or not self.frontal(reading):
            return None
        if reading.eyes < SHUT * self.eyes:
            return True
        return False if reading.eyes > OPEN * self.eyes else None


def mouth_shape(mesh: Mesh) -> tuple[float, float]:
    """`Reading.mouth` and `Reading.lift` of a mesh."""
    points = mesh.points.astype(np.float64)
    unit = max(eye_distance(mesh), 1e-9)
    one, other = points[list(_MOUTH)]
    middle = points[list(_LIPS)].mean(axis=0)
    below = points[152] - points[10]
    lift = float((middle - (one + other) / 2) @ (below / max(float(np.linalg.norm(below)), 1e-9)))
    return float(np.linalg.norm(one - other)) / unit, lift / unit


def eye_distance(mesh: Mesh) -> float:
    """Between the outer corners of the eyes, in three dimensions, px of the picture."""
    ends: NDArray[np.float64] = mesh.points[[RIGHT_EYE_CORNERS[0], LEFT_EYE_CORNERS[1]]].astype(np.float64)
    return float(np.linalg.norm(ends[0] - ends[1]))
