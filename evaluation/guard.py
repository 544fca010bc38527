"""What the look-alike guard costs people who claim to be themselves, and which false claims it stops."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from embeddings.captures import average
from embeddings.embed import ModelSpec
from embeddings.operating import VERIFICATION_FMR, Mode, of_measure, verification_point
from embeddings.types import FaceVector
from evaluation.faces import Faces
from evaluation.trials import turned

SEED: Final = 20_260_101
Rooms = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Claims:
    """`room` float64 [logins, people]: how far beyond the threshold each login comes as each person; accepted from 0
    on without the guard. `own` int [logins]: who it really is."""

    room: Rooms
    own: NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class GuardRates:
    """Over galleries of one size. `genuine`: claims to be oneself; `fnmr` without the guard, `cost`: what it adds.

    `enrolled`: false claims by people of the gallery that pass without it, `enrolled_stopped` of them; `strangers`:
    the same by people who are not in it.
    """

    size: int
    margin: float
    genuine: int
    fnmr: float
    cost: float
    enrolled: int
    enrolled_stopped: float
    strangers: int
    strangers_stopped: float


def claims(faces: Faces, spec: ModelSpec, mode: Mode, fmr: float = VERIFICATION_FMR) -> Claims:
    """Everybody is enrolled with the mode's number of pictures, or as many as leave one login, at least one."""
    points, names = of_measure(spec.operating_points, spec.comparison.measure), np.array(faces.people)
    templates, limits, probes, own = [], [], [], []
    for number, name in enumerate(np.unique(names)):
        rows = np.flatnonzero(names == name)
        kept = max(1, min(mode.enrolled, len(rows) - mode.captures))
        templates.append(_mean(faces.vectors[rows[:kept]]))
        point = verification_point(points, Mode(kept, mode.captures), fmr)
        limits.append(turned(point.threshold, point.measure))
        for start in range(kept, len(rows) - mode.captures + 1, mode.captures):
            probes.append(_mean(faces.vectors[rows[start : start + mode.captures]]))
            own.append(number)
    enrolled, room = np.stack(templates), np.empty((len(probes), len(templates)))
    theirs, numbers = spec.comparison.own(enrolled), spec.comparison.own(np.stack(probes))
    for row, probe in enumerate(probes):
        distances = np.linalg.norm(enrolled.astype(np.float64) - probe, axis=1)
        values = spec.comparison.values(distances, float(numbers[row]), theirs)
        room[row] = turned(1.0, spec.comparison.measure) * values - np.array(limits)
    return Claims(room, np.array(own))


def guard_rates(found: Claims, size: int, margin: float, draws: int = 20) -> GuardRates:
    """Galleries drawn from everybody, the same for every margin. Raises ValueError where there are too few people."""
    random, people = np.random.default_rng(SEED), found.room.shape[1]
    counts = np.zeros((3, 3), np.int64)  # of oneself, enrolled, strangers: claims, passing, stopped
    for _ in range(draws):
        gallery = random.choice(people, size, replace=False)
        counts += _counted(found.room[:, gallery], gallery[None, :] == found.own[:, None], margin)
    (genuine, passed, refused), (_, enrolled, held), (_, strangers, kept_out) = counts.tolist()
    return GuardRates(
        size,
        margin,
        genuine,
        1 - passed / max(1, genuine),
        refused / max(1, genuine),
        enrolled,
        held / max(1, enrolled),
        strangers,
        kept_out / max(1, strangers),
    )


def stopped(room: Rooms, margin: float) -> NDArray[np.bool_]:
    """Which claims pass the threshold and are refused by the guard, [logins, people]: see `verify_apart`."""
    best = room.argmax(axis=1)
    top = room[np.arange(len(room)), best]
    second = np.partition(room, -2, axis=1)[:, -2] if room.shape[1] > 1 else np.full(len(room), -np.inf)
    rival = np.repeat(top[:, None], room.shape[1], axis=1)
    rival[np.arange(len(room)), best] = second
    held: NDArray[np.bool_] = (room >= 0) & (rival >= 0) & (room - rival < margin)
    return held


def _counted(room: Rooms, same: NDArray[np.bool_], margin: float) -> NDArray[np.int64]:
    passes, held = room >= 0, stopped(room, margin)
    there = np.broadcast_to(same.max(axis=1, keepdims=True), same.shape)
    kinds = (same, there & ~same, ~there)
    return np.array([[kind.sum(), (passes & kind).sum(), (held & kind).sum()] for kind in kinds])


def _mean(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    each = [FaceVector(vector, "") for vector in vectors]
    return average(each, range(len(each))).vector.values
