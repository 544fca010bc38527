"""A turning head is told from a turning picture of one: a drawn head of nobody, and a drawn plane."""

from typing import Literal

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embeddings.liveness.solid import LEAST_TRACKS, Parallax, residuals
from embeddings.liveness.solid import ratio as ratio_of
from embeddings.liveness.tracks import CornerTracks
from embeddings.liveness.verdict import FLAT, LEAST_BULGE, Outcome, solid_head
from embeddings.types import Box, HeadPose, Mesh, Pixels
from evaluation.liveness.render import SIZE, Card, Surface

SIDE = 220


def ellipsoid(points: int = 468) -> Mesh:
    """The front of a head in the middle of a picture of SIZE."""
    random = np.random.default_rng(3)
    angle, radius = random.uniform(0, 2 * np.pi, points), np.sqrt(random.uniform(0, 1, points))
    x, y = radius * np.cos(angle), radius * np.sin(angle)
    depth = -0.5 * SIDE * np.sqrt(np.maximum(0, 1 - radius**2)) - 0.18 * SIDE * np.exp(-40 * (x**2 + y**2))
    flat = np.column_stack([SIZE[0] / 2 + 0.42 * SIDE * x, SIZE[1] / 2 + SIDE / 2 * y, depth])
    flat[[33, 263], :2] = [(SIZE[0] / 2 - 45, SIZE[1] / 2 - 30), (SIZE[0] / 2 + 45, SIZE[1] / 2 - 30)]
    return Mesh(flat.astype(np.float32), 1.0)


def texture() -> Pixels:
    random = np.random.default_rng(5)
    spots = random.uniform(40, 220, (SIZE[1] // 8, SIZE[0] // 8)).astype(np.float32)
    grey = cv2.resize(spots, SIZE, interpolation=cv2.INTER_CUBIC).clip(0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def opinions(kind: Literal["flat", "bent", "warped"], yaw: float, pitch: float) -> list[Parallax]:
    """What the corners say of a surface that turns so far within half a second; the pose is told, as a mesh would."""
    mesh, pixels = ellipsoid(), texture()
    surface = Surface(Card.of(pixels, mesh, Box(SIZE[0] / 2 - 92, SIZE[1] / 2 - 110, 184, 220)), kind, vertical=False)
    tracks, seen = CornerTracks(), []
    for number in range(24):
        share = min(1.0, max(0, number - 9) / 12)
        drawn = surface.draw(share * yaw, share * pitch, np.zeros(2), np.full_like(pixels, 128))
        told = HeadPose(share * yaw, share * pitch, 0.0)
        found = tracks.follow(number / 25, drawn[..., 0].copy(), mesh, told)
        seen += [found] if found is not None else []
    return seen


@pytest.mark.parametrize(("yaw", "pitch"), [(25, 0), (-25, 0), (0, 22), (0, -22)])
def test_a_head_is_solid_and_a_picture_is_not(yaw: float, pitch: float) -> None:
    head, card = opinions("warped", yaw, pitch), opinions("flat", yaw, pitch)
    assert len(head) == len(card) == 5
    assert min(each.ratio for each in head) > 1.5
    assert min(each.bulge for each in head) > LEAST_BULGE
    assert max(each.ratio for each in card) < FLAT or max(each.bulge for each in card) < LEAST_BULGE
    assert all((each.yaw, each.pitch) == (0, 0) for each in head)


def test_a_head_that_stays_says_nothing() -> None:
    assert opinions("warped", 8, 0) == []


@given(st.integers(0, 10_000), st.floats(-0.4, 0.4), st.floats(0.8, 1.2))
@settings(max_examples=50, deadline=None)
def test_each_map_fits_its_own_kind(seed: int, turn: float, scale: float) -> None:
    random = np.random.default_rng(seed)
    before = random.uniform(0, 200, (80, 2))
    depth = -80 * np.exp(-((before - 100) ** 2).sum(axis=1) / 6000)
    linear = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    solid = before @ linear.T + np.outer(depth, (0.4, 0.1)) + (5, 7)
    flat, left = residuals(before, solid, depth)
    assert left < 1e-6 < flat
    assert ratio_of(flat, left) > 10
    tilted = np.array([[scale, turn, 3], [-turn, 1, 2], [2e-4, -1e-4, 1]])
    plane = cv2.perspectiveTransform(before[:, None], tilted)[:, 0].astype(np.float64)
    flat, left = residuals(before, plane, depth)
    assert flat < 1e-3
    assert flat <= left + 1e-3


def test_too_few_corners_do_not_tell() -> None:
    few = np.zeros((LEAST_TRACKS - 1, 2))
    with pytest.raises(ValueError, match="too few"):
        residuals(few, few, few[:, 0])


def opinion(ratio: float, bulge: float = 0.04) -> list[Parallax]:
    return [Parallax(ratio, bulge, 60, 0.0, 0.0, 0.0)] * 3


@pytest.mark.parametrize(
    ("turns", "outcome", "reason"),
    [
        ([opinion(1.2), opinion(1.1), opinion(1.8)], Outcome.PASSED, None),
        ([opinion(1.2), [], opinion(1.8)], Outcome.PASSED, None),
        ([opinion(1.2), opinion(0.8), opinion(1.8)], Outcome.FAILED, "head_looks_flat"),
        ([opinion(0.9), opinion(0.92), opinion(1.8)], Outcome.FAILED, "head_looks_flat"),
        ([opinion(1.2), opinion(1.2, 0.01)], Outcome.FAILED, "head_looks_flat"),
        ([opinion(2.8), opinion(2.9), opinion(1.5)], Outcome.FAILED, "head_looks_drawn"),
        ([opinion(1.2), []], Outcome.UNDECIDED, "head_not_measured"),
        ([opinion(0.5)], Outcome.FAILED, "head_looks_flat"),
        ([], Outcome.UNDECIDED, "head_not_measured"),
    ],
)
def test_every_turn_must_look_solid(turns: list[list[Parallax]], outcome: Outcome, reason: str | None) -> None:
    check = solid_head(turns)
    assert (check.outcome, check.reason) == (outcome, reason)
