"""What is left of a face under each hiding style, for an attacker who knows where it was.

Two photos of each person are covered. The attacker aligns by the points of the original, which they know, and holds the
covered face against
- its own original (*matched*: passes as one photo with another at FMR 1e-3), or
- a gallery of the other photos covered in the same way (*parrot*: Newton, Sweeney and Malin 2005, "Preserving privacy
  by de-identifying face images"), rank 1: the right person is the most alike; ties share the hit.
Attackers: the shipped vectors, dlib's alone, and bare pixels of the cover (PIXELS a side, the means of their columns
taken off), the last by parrot only. `matched` and `parrot_rank1` of a style are the worst of its attackers.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from embeddings.embed import DLIB_SPEC, ModelSpec
from embeddings.image import ImageLimits, ImageRefused, Picture, decode
from embeddings.likeness import Likeness
from embeddings.operating import Measure
from embeddings.pipeline import FacePipeline
from embeddings.types import FaceVector, Pixels
from evaluation.faces import SUFFIXES
from evaluation.statistics import interval
from overlays.compose import compose
from overlays.region import cover_of, visible
from overlays.style import OverlayStyle, Subject

FMR: Final = 1e-3
PIXELS: Final = 16
AT_PLACE: Final = 1.6
"""Sides of the original's box within which a face that is found in the covered picture is found on the cover."""
Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Attacker:
    """`of`: what a vector of the shipped embedder is for this attacker."""

    name: str
    spec: ModelSpec
    of: Callable[[FaceVector], FaceVector]


@dataclass(frozen=True, slots=True, eq=False)
class Covered:
    """One face under one style: what the attacker makes of it, None where a net sees nothing at all."""

    before: FaceVector | None
    after: FaceVector | None
    pixels: Vector
    detected: bool


def people(folder: Path, most: int, seed: int) -> dict[str, list[Path]]:
    """Two photos each of at most `most` people who have two, chosen by `seed`. Raises ValueError for fewer than 2."""
    chance = np.random.default_rng(seed)
    found: dict[str, list[Path]] = {}
    for each in sorted(path for path in folder.iterdir() if path.is_dir()):
        photos = sorted(path for path in each.iterdir() if path.suffix.lower() in SUFFIXES)
        if len(photos) > 1:
            found[each.name] = [photos[place] for place in sorted(chance.permutation(len(photos))[:2])]
    if len(found) < 2:
        raise ValueError("a folder of people holds one folder of pictures for each person, two of them at least")
    names = sorted(found)
    return {names[place]: found[names[place]] for place in sorted(chance.permutation(len(names))[:most])}


def overlays(
    chosen: dict[str, list[Path]],
    pipeline: FacePipeline,
    styles: Sequence[OverlayStyle],
    *,
    seed: int,
    threads: int = 2,
    seen: Callable[[], None],
) -> list[dict[str, Any]]:
    """One row a style. `seen`: called after each person; whoever has a photo without a face is left out."""

    def one(person: tuple[int, list[Path]]) -> list[list[Covered]] | None:
        number, photos = person
        rows = [_covered(path, pipeline, styles, seed + 2 * number + place) for place, path in enumerate(photos)]
        seen()
        whole = [row for row in rows if row is not None]
        return whole if len(whole) == len(rows) else None

    with ThreadPoolExecutor(threads) as pool:
        measured = [pair for pair in pool.map(one, enumerate(chosen.values())) if pair is not None]
    return [
        row(style.name, [(pair[0][place], pair[1][place]) for pair in measured], pipeline.spec)
        for place, style in enumerate(styles)
    ]


def _covered(path: Path, pipeline: FacePipeline, styles: Sequence[OverlayStyle], seed: int) -> list[Covered] | None:
    """The face nearest the middle under each style; None where the picture shows none."""
    try:
        picture = decode(path.read_bytes(), ImageLimits())
    except ImageRefused:
        return None
    height, width = picture.pixels.shape[:2]
    found = pipeline.search(picture).faces
    if not found:
        return None
    face = min(found, key=lambda each: np.hypot(each.box.center[0] - width / 2, each.box.center[1] - height / 2))
    pixels = picture.pixels
    emotion = pipeline.emotions(pixels, [face])[0]
    random = int(np.random.default_rng(seed).integers(2**31))
    subject = Subject(face, pipeline.mesh(pixels, face), emotion, random)
    before = pipeline.vector(pixels, face)
    return [_under(picture, subject, before, style, pipeline) for style in styles]


def _under(
    picture: Picture, subject: Subject, before: FaceVector | None, style: OverlayStyle, pipeline: FacePipeline
) -> Covered:
    drawn = compose(picture.pixels, [subject], [style])
    found = pipeline.search(Picture(drawn, picture.format)).faces
    around = subject.face.box.scaled(AT_PLACE)
    middles = [face.box.center for face in found]
    detected = any(around.x <= x <= around.right and around.y <= y <= around.bottom for x, y in middles)
    return Covered(before, pipeline.vector(drawn, subject.face), _patch(drawn, subject), detected)


def _patch(drawn: Pixels, subject: Subject) -> Vector:
    """The cover's own pixels, float32 [PIXELS * PIXELS * 3]; nothing beside it."""
    area = visible(cover_of(subject, "face").promised, *drawn.shape[:2])
    if area is None:
        return np.zeros(PIXELS * PIXELS * 3, np.float32)
    small = cv2.resize(drawn[area.slices], (PIXELS, PIXELS), interpolation=cv2.INTER_AREA)
    return small.astype(np.float32).ravel()


def row(style: str, pairs: Sequence[tuple[Covered, Covered]], spec: ModelSpec) -> dict[str, Any]:
    """What all attackers make of one style; `pairs`: the two covered photos of each person."""
    owners = np.array([str(number) for number in range(len(pairs)) for _ in range(2)])
    faces = [face for pair in pairs for face in pair]
    told: dict[str, dict[str, Any]] = {}
    for attacker in attackers(spec):
        matched = np.array([_matches(face, attacker) for face in faces])
        hits = parrot(_alike(pairs, attacker))
        told[attacker.name] = {
            "matched_at_1e-3": float(matched.mean()),
            "matched_interval": interval(matched, owners),
            **_rank(hits),
        }
    told["pixels"] = _rank(parrot(_pixels_alike(pairs)))
    worst = max(told.values(), key=lambda each: each["parrot_rank1"])
    return {
        "style": style,
        "n": len(faces),
        "people": len(pairs),
        "matched_at_1e-3": max(each.get("matched_at_1e-3", 0.0) for each in told.values()),
        "parrot_rank1": worst["parrot_rank1"],
        "parrot_interval": worst["parrot_interval"],
        "chance": 1 / max(1, len(pairs)),
        "still_detected": float(np.mean([face.detected for face in faces])),
        "attackers": told,
    }


def attackers(spec: ModelSpec) -> list[Attacker]:
    """The shipped embedder, and the first of its views alone where it is dlib's."""
    found = [Attacker("shipped", spec, lambda vector: vector)]
    if spec.views[:1] == (DLIB_SPEC.dimension,):
        found.append(Attacker("dlib", DLIB_SPEC, _first_view))
    return found


def _first_view(vector: FaceVector) -> FaceVector:
    part = vector.values[: DLIB_SPEC.dimension].astype(np.float64)
    return FaceVector((part / np.linalg.norm(part)).astype(np.float32), DLIB_SPEC.model_id)


def _matches(face: Covered, attacker: Attacker) -> bool:
    if face.before is None or face.after is None:
        return False
    return Likeness(attacker.spec, FMR).same(attacker.of(face.before), attacker.of(face.after))


def _alike(pairs: Sequence[tuple[Covered, Covered]], attacker: Attacker) -> NDArray[np.float64]:
    """How alike each first photo is to each second one under the cover: float64 [people, people], -inf for nothing."""
    likeness = Likeness(attacker.spec, FMR)
    sign = 1.0 if likeness.point.measure is Measure.SCORE else -1.0
    sides = [
        [None if face.after is None else attacker.of(face.after) for face in side] for side in zip(*pairs, strict=True)
    ]
    table = np.full((len(pairs), len(pairs)), -np.inf)
    for place, probe in enumerate(sides[0]):
        known = [other for other, template in enumerate(sides[1]) if template is not None]
        if probe is not None and known:
            templates = [template for template in sides[1] if template is not None]
            table[place, known] = sign * likeness.values(probe, templates)
    return table


def _pixels_alike(pairs: Sequence[tuple[Covered, Covered]]) -> NDArray[np.float64]:
    one, other = (np.stack([face.pixels for face in side]).astype(np.float64) for side in zip(*pairs, strict=True))
    mean = np.concatenate((one, other)).mean(axis=0)
    one, other = one - mean, other - mean
    squares = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1)[None, :]
    found: NDArray[np.float64] = 2 * one @ other.T - squares
    return found


def parrot(alike: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each probe, 1 where its own template is the most alike, a share of it where others are just as much so."""
    best = alike.max(axis=1)
    own = np.diag(alike)
    found: NDArray[np.float64] = np.where(own >= best, 1 / (alike >= best[:, None]).sum(axis=1), 0.0)
    return found


def _rank(hits: NDArray[np.float64]) -> dict[str, Any]:
    drawn = np.random.default_rng(0).integers(0, hits.size, (1000, hits.size))
    low, high = np.percentile(hits[drawn].mean(axis=1), (2.5, 97.5))
    return {"parrot_rank1": float(hits.mean()), "parrot_interval": (float(low), float(high))}
