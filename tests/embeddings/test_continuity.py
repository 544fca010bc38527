"""Frames that follow each other as a camera's do, and such that do not."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from embeddings.liveness.continuity import Break, Continuity
from embeddings.liveness.observation import THUMB, Look, Observation
from embeddings.types import Box, HeadPose
from tests.embeddings.traces import reading

RATE = 25
SCENE = cv2.resize(np.random.default_rng(2).uniform(0, 255, (30, 40)).astype(np.float32), (120, 90))


def frame(number: int, shift: float, x: float = 100.0, size: float = 80.0) -> Observation:
    """A scene that a camera sways past, with noise."""
    moved = cv2.getRectSubPix(SCENE, THUMB, (60.0 + shift, 45.0))
    noisy = moved + np.random.default_rng(number).normal(0, 0.6, moved.shape)
    look = Look(Box(x, 80, 120, 150), HeadPose(0, 0, 0), reading(number / RATE, size=size), 0.1, 120)
    return Observation(number / RATE, 640, 480, look, 0, noisy.clip(0, 255).astype(np.uint8), number)


def film(shifts: list[float]) -> list[Observation]:
    return [frame(number, shift) for number, shift in enumerate(shifts)]


def broken(frames: list[Observation]) -> Break | None:
    continuity = Continuity()
    for each in frames:
        continuity.feed(each)
    return continuity.broken


SWAY = [float(4 * np.sin(number / 6)) for number in range(60)]


def test_a_camera_that_moves_and_stalls_is_no_cut() -> None:
    assert broken(film(SWAY)) is None
    assert broken(film([0.0] * 60)) is None
    stalled = film(SWAY)
    for number in (20, 21, 40):  # the same picture again, coded anew, and then a frame that has moved farther
        stalled[number] = replace(stalled[number], thumb=stalled[number - 1].thumb)
    assert broken(stalled) is None
    faster = film([2 * shift for shift in SWAY])
    assert broken([each for number, each in enumerate(faster) if number % 7 != 3]) is None  # left out by the line


@pytest.mark.parametrize("jump", [3.0, 6.0, 12.0])
def test_a_cut_is_seen(jump: float) -> None:
    still = [0.2 * shift for shift in SWAY]
    assert broken(film([*still[:30], *(shift + jump for shift in still[30:])])) is Break.CUT


def test_a_change_of_light_is_no_cut() -> None:
    lit = [replace(each, thumb=each.thumb // 2 + (40 if each.at > 1 else 30)) for each in film(SWAY)]
    assert broken(lit) is None


def test_frozen_and_repeated_pictures() -> None:
    frames = film(SWAY)
    assert broken([*frames[:10], *(replace(frames[10], at=0.4 + each / RATE) for each in range(20))]) is Break.FROZEN
    again = [replace(each, at=(60 + number) / RATE) for number, each in enumerate(frames[::-1])]
    assert broken([*frames, *again]) is Break.REPEATED
    twice = [replace(each, at=each.at + more) for each in frames for more in (0.0, 0.02)]
    assert broken(twice) is None


def test_the_face_does_not_jump_nor_the_picture_change() -> None:
    frames = film(SWAY)
    assert broken([*frames[:20], frame(20, SWAY[20], x=170.0)]) is Break.JUMPED
    assert broken([*frames[:20], frame(20, SWAY[20], size=110.0)]) is Break.JUMPED
    assert broken([*frames[:20], replace(frames[20], width=320)]) is Break.RESIZED
