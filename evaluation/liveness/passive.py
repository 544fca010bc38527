"""What a challenge looks at all the while, on films of people who were never asked to do anything: how often each check
would turn such a person away. They turn as they please, so the steps cannot be judged, and a head that is not turned
enough is not measured."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from embeddings.liveness.continuity import Continuity
from embeddings.liveness.judge import OTHERS, Limits
from embeddings.liveness.observation import Look
from embeddings.liveness.reading import NEUTRAL_YAW, PITCH, YAW, Neutral
from embeddings.liveness.solid import Parallax
from embeddings.liveness.verdict import (
    Check,
    failed,
    one_person,
    passed,
    picture_quality,
    solid_head,
)
from embeddings.liveness.watcher import Nets
from evaluation.liveness.crowd import person, tracks
from evaluation.liveness.films import Watched, rate, watch
from evaluation.liveness.people import Vector, people, usual
from evaluation.liveness.report import Try, rates

TURNED: Final = 0.75
MOST_TURNED: Final = 1.4
"""Of what a step asks for: 15 to 28 degrees of yaw, 11 to 21 of pitch, where corners are still seen."""


@dataclass(slots=True)
class Crowd:
    """`told`: what is looked at; `ratios`: of the corners, the median of each film's turns."""

    nets: Nets
    limits: Limits
    told: Callable[[str], None] = lambda _: None
    checks: dict[str, list[Try]] = field(default_factory=dict)
    turns: int = 0
    ratios: dict[str, float] = field(default_factory=dict)

    def run(self, films: Sequence[Path]) -> dict[str, Any]:
        """Raises NoFilm."""
        vectors: dict[str, Vector] = {}
        for path in films:
            self.told(path.name)
            for number, track in enumerate(tracks(self.nets.detector, path)):
                name = f"{path.stem} {number + 1}"
                self.told(name)
                film = watch(self.nets, name, person(path, track), rate(path))
                vector = usual(film)
                vectors |= {name: vector} if vector is not None else {}
                self._judge(film)
        who = people(vectors, self.limits.same_person)
        return {
            "people": len(set(who.values())),
            "turns": self.turns,
            "ratios": self.ratios,
            "refused": {name: rates(tries, who, live=True) for name, tries in self.checks.items()},
        }

    def _judge(self, film: Watched) -> None:
        solid, turns = solid_turns(film)
        self.turns += turns
        self.ratios |= {film.source: round(solid.score, 2)} if solid.score is not None else {}
        for check in (solid, *always(film, self.limits)):
            reasons = (check.reason,) if check.reason is not None else ()
            self.checks.setdefault(check.name, []).append(Try(film.source, check.outcome, reasons))


def always(film: Watched, limits: Limits) -> list[Check]:
    """One face, one film, one person, picture."""
    looks = [frame.look for frame in film.frames if frame.look is not None]
    continuity, beside = Continuity(), 0
    accompanied = False
    for frame in film.frames:
        continuity.feed(frame)
        beside = beside + 1 if frame.others else 0
        accompanied = accompanied or beside >= OTHERS
    broken = continuity.broken
    straight = _straight(looks)
    return [
        failed("one_face", "several_faces") if accompanied else passed("one_face"),
        failed("one_film", broken.value, continuity.largest) if broken else passed("one_film", continuity.largest),
        one_person([look for look in looks if look.vector is not None], limits.same_person),
        picture_quality(straight),
    ]


def solid_turns(film: Watched) -> tuple[Check, int]:
    """Of the turns from TURNED on away from the usual pose, judged as those that were asked for; and how many."""
    looks = [frame.look for frame in film.frames if frame.look is not None]
    straight = _straight(looks)
    if not straight:
        return solid_head([]), 0
    neutral = Neutral.of([look.reading for look in straight])
    turns: list[list[Parallax]] = [[]]
    for look in looks:
        seen = look.parallax
        if seen is not None and _turned(look, neutral) and neutral.is_near(seen.yaw, seen.pitch):
            turns[-1].append(seen)
        elif neutral.looks_straight(look.reading) and turns[-1]:
            turns.append([])
    measured = [turn for turn in turns if turn]
    return solid_head(measured), len(measured)


def _straight(looks: Sequence[Look]) -> list[Look]:
    """Those that look as the person does most of the time."""
    if not looks:
        return []
    usual_yaw = float(np.median([look.reading.yaw for look in looks]))
    usual_pitch = float(np.median([look.reading.pitch for look in looks]))
    off = [max(abs(look.reading.yaw - usual_yaw), abs(look.reading.pitch - usual_pitch)) for look in looks]
    return [look for look, degrees in zip(looks, off, strict=True) if degrees <= NEUTRAL_YAW]


def _turned(look: Look, neutral: Neutral) -> bool:
    yaw, pitch = abs(look.reading.yaw - neutral.yaw) / YAW, abs(look.reading.pitch - neutral.pitch) / PITCH
    return TURNED <= max(yaw, pitch) <= MOST_TURNED
