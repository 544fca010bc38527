"""How a head is found to stand where five points are all that is known."""

from typing import Final

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from embeddings.types import Box, Face
from overlays.head import EYES, FIVE, HELD, Array, Head, head_of, mean_face, seen, turned
from overlays.subject import Subject

MEAN: Final = mean_face()
POINTS: Final = np.vstack([MEAN[list(EYES[0])].mean(axis=0), MEAN[list(EYES[1])].mean(axis=0), MEAN[list(FIVE)]])
ASIDE, NOD, LEAN = st.floats(-0.6, 0.6), st.floats(-0.4, 0.4), st.floats(-3.0, 3.0)


def cost(yaw: float, pitch: float, roll: float, unit: float, origin: Array, points: Array) -> float:
    """Squared misses in eye units, and what yaw and pitch cost."""
    shown = seen(POINTS, origin, turned(yaw, pitch, roll), unit)[:, :2]
    return float((((shown - points) / unit) ** 2).sum() + ((np.array(HELD[:2]) * (yaw, pitch)) ** 2).sum())


def found(points: Array, unit: float) -> Head:
    middle = points.mean(axis=0)
    box = Box(float(middle[0]) - 1.3 * unit, float(middle[1]) - 1.3 * unit, 2.6 * unit, 2.6 * unit)
    return head_of(Subject(Face(box, 0.9, points.astype(np.float32))))


def angles_of(turn: Array) -> tuple[float, float, float]:
    """Yaw, pitch and roll that `turned` makes this turn of."""
    pitch = -np.arcsin(np.clip(turn[2, 1], -1, 1))
    return float(np.arctan2(turn[2, 0], turn[2, 2])), float(pitch), float(np.arctan2(-turn[0, 1], turn[1, 1]))


@settings(deadline=None, max_examples=60)
@given(ASIDE, NOD, LEAN, st.floats(3, 300), st.integers(0, 2**32 - 1))
@example(0.0, 0.0, 0.0, 60.0, 0)
def test_no_head_near_the_one_found_fits_the_five_points_better(
    yaw: float, pitch: float, roll: float, unit: float, seed: int
) -> None:
    chance = np.random.default_rng(seed)
    origin = np.array([*chance.uniform(-50, 2000, 2), 0.0])
    points = seen(POINTS, origin, turned(yaw, pitch, roll), unit)[:, :2] + chance.normal(0, 0.03 * unit, (5, 2))
    head = found(points, unit)
    points = points.astype(np.float32).astype(np.float64)
    angles = angles_of(head.turn)
    best = cost(*angles, head.unit, head.origin, points)
    assert best < 0.15
    for _ in range(30):
        aside, nod, lean, larger, across, down = chance.normal(0, 0.02, 6)
        moved = head.origin + head.unit * np.array([across, down, 0])
        other = (angles[0] + aside, angles[1] + nod, angles[2] + lean)
        assert cost(*other, head.unit * float(np.exp(larger)), moved, points) > best - 1e-6


@settings(deadline=None, max_examples=60)
@given(ASIDE, NOD, LEAN, st.floats(3, 300))
def test_the_turn_is_found_again(yaw: float, pitch: float, roll: float, unit: float) -> None:
    points = seen(POINTS, np.array([200.0, 100.0, 0.0]), turned(yaw, pitch, roll), unit)[:, :2]
    head = found(points, unit)
    apart = np.arccos(np.clip((np.trace(head.turn.T @ turned(yaw, pitch, roll)) - 1) / 2, -1, 1))
    assert apart < 0.3  # held near a head that looks ahead: five points tell little of a nod
    assert abs(np.log(head.unit / unit)) < 0.15
