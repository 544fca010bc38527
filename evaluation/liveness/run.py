"""Many random challenges, answered by people on film and by attacks made of the same films and of pictures."""

import random
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from embeddings.detect import Purpose
from embeddings.liveness.judge import Limits
from embeddings.liveness.steps import COUNT, DEFAULT_STEPS, Challenge, draw
from embeddings.liveness.watcher import Nets, mesh_box
from embeddings.types import Pixels
from evaluation.liveness import render
from evaluation.liveness.crowd import person, tracks
from evaluation.liveness.films import Watched, files, frames, picture, rate, watch
from evaluation.liveness.people import Vector, people, usual
from evaluation.liveness.pieces import Pieces, cut
from evaluation.liveness.players import Answering, Player, Recording, play, steps_of
from evaluation.liveness.render import Card, Kind
from evaluation.liveness.report import Try, rates

TRIES: Final = 500
KINDS: Final[dict[str, Kind]] = {"photo_turned": "flat", "photo_bent": "bent", "photo_warped": "warped"}
Told = Callable[[str], None]


@dataclass(slots=True)
class Bench:
    """`tries`: of each species, shared out evenly. The same films give the same tries."""

    nets: Nets
    limits: Limits
    tries: int = TRIES
    told: Told = lambda _: None
    species: dict[str, list[Try]] = field(default_factory=dict)
    live: list[Try] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)
    vectors: dict[str, Vector] = field(default_factory=dict)

    def run(self, live: Sequence[Path], attacks: Sequence[Path], crowds: Sequence[Path] = ()) -> dict[str, Any]:
        """`crowds`: films of several people, of whom stills are presented. Raises NoFilm, ImageRefused."""
        films, portraits = files(live)
        attacking, pictures = files(attacks)
        watched = [self._watched(path) for path in films]
        self._people(watched)
        self._recorded(watched, films)
        self._filmed("refilmed", [self._watched(path) for path in attacking])
        cards = [(path.stem, picture(path)) for path in (*pictures, *portraits)]
        cards += [(path.stem, _frontal(film, path)) for path, film in zip(films, watched, strict=True)]
        cards += [still for path in files(crowds)[0] for still in self._stills(path)]
        self._pictures(cards)
        who = people(self.vectors, self.limits.same_person)
        return {
            "bpcer": rates(self.live, who, live=True),
            "apcer": {name: rates(tries, who, live=False) for name, tries in sorted(self.species.items())},
            "steps": {"allowed": list(DEFAULT_STEPS), "count": COUNT},
            "too_few_movements": self.unanswered,
        }

    def _people(self, watched: list[Watched]) -> None:
        able = [(film, pieces) for film in watched for pieces in [cut(film)] if len(steps_of(pieces)) >= COUNT]
        names = {film.source for film, _ in able}
        self.unanswered = [film.source for film in watched if film.source not in names]
        for film, pieces in able:
            share = self._share(len(able))
            self.live += self._tries("live", share, partial(Answering, film, pieces), pieces)
            for name, smooth in (("spliced", False), ("on_cue", True)):
                made = self._tries(name, share, partial(Answering, film, pieces), None, smooth)
                self.species.setdefault(name, []).extend(made)

    def _recorded(self, watched: list[Watched], paths: list[Path]) -> None:
        self._filmed("recording", watched, answering=False)
        shown = []
        for path in paths:
            self.told(f"{path.name} on a screen")
            seed = np.random.default_rng(zlib.crc32(path.name.encode()))
            shown.append(watch(self.nets, path.stem, render.screened(frames(path), seed), rate(path)))
        self._filmed("screen", shown)

    def _filmed(self, name: str, watched: list[Watched], *, answering: bool = True) -> None:
        """As it is, over and over; and where it has the movements, started on cue."""
        for film in watched:
            share = self._share(len(watched))
            looped = self._tries(name, share, partial(Recording, film))
            self.species.setdefault(name, []).extend(looped)
            pieces = cut(film)
            if answering and len(steps_of(pieces)) > 0:
                cued = self._tries(name, share, partial(Answering, film, pieces))
                self.species.setdefault(f"{name}_on_cue", []).extend(cued)

    def _pictures(self, cards: list[tuple[str, Pixels]]) -> None:
        found = [(name, card) for name, pixels in cards for card in [self._card(pixels)] if card is not None]
        for name, card in found:
            self.told(f"{name} before the camera")
            share = self._share(len(found))
            seed = np.random.default_rng(zlib.crc32(name.encode()))
            held = self._known(watch(self.nets, name, render.still(card, seed), render.RATE))
            self._add("photo_still", self._tries(name, share, partial(Recording, held)))
            for species, kind in KINDS.items():
                film, pieces = watch(self.nets, name, render.clip(card, kind, seed), render.RATE), render.pieces()
                self._add(species, self._tries(name, share, partial(Answering, film, pieces)))

    def _stills(self, path: Path) -> Iterator[tuple[str, Pixels]]:
        """Of each person in a film, the frame that looks straightest."""
        for number, track in enumerate(tracks(self.nets.detector, path)):
            name = f"{path.stem} {number + 1}"
            self.told(name)
            film = watch(self.nets, name, person(path, track), rate(path))
            yield name, _at(person(path, track), _straightest(film))

    def _card(self, pixels: Pixels) -> Card | None:
        face = max(self.nets.detector.detect(pixels, Purpose.FIND).faces, key=lambda each: each.box.area, default=None)
        if face is None:
            return None
        mesh = self.nets.mesh.find(pixels, face, twice=True)
        return Card.of(pixels, mesh, mesh_box(mesh))

    def _add(self, species: str, tries: list[Try]) -> None:
        self.species.setdefault(species, []).extend(tries)

    def _tries(
        self,
        name: str,
        count: int,
        player: Callable[[random.Random], Player],
        answered: Pieces | None = None,
        smooth: bool = True,
    ) -> list[Try]:
        """`answered`: a person is only asked for what the film holds."""
        made = []
        for number in range(count):
            source = random.Random(f"{name} {number}")  # noqa: S311 - the same tries each time
            played = player(source)
            challenge = self._challenge(source, answered)
            made.append(Try.of(played.film.source, play(played, challenge, self.limits, smooth=smooth)))
        return made

    def _challenge(self, source: random.Random, answered: Pieces | None) -> Challenge:
        allowed = DEFAULT_STEPS if answered is None else steps_of(answered)
        return draw(allowed, COUNT, source)

    def _share(self, sources: int) -> int:
        return max(1, -(-self.tries // max(1, sources)))

    def _watched(self, path: Path) -> Watched:
        self.told(path.name)
        return self._known(watch(self.nets, path.stem, frames(path), rate(path)))

    def _known(self, film: Watched) -> Watched:
        vector = usual(film)
        if vector is not None:
            self.vectors[film.source] = vector
        return film


def _frontal(film: Watched, path: Path) -> Pixels:
    """The frame in which the face looks straightest."""
    return _at(frames(path), _straightest(film))


def _straightest(film: Watched) -> int:
    seen = [(abs(each.look.pose.yaw), number) for number, each in enumerate(film.frames) if each.look is not None]
    return min(seen, default=(0.0, 0))[1]


def _at(film: Iterator[Pixels], number: int) -> Pixels:
    for each, pixels in enumerate(film):
        if each == number:
            return pixels
    raise ValueError("the film is shorter")
