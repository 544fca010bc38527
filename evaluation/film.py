"""Are faces left uncovered in a film whose faces were hidden?

Counted are *face-frames*: a face of at least LEAST_PX in height that the slow, thorough search finds in one frame of
the original, the frame taken for itself. It is *uncovered* where less than COVERED of its box shows the cover's colour
in the finished film, after all coding. Pixels that had that colour before (dark hair, a dark suit) say nothing and are
left out.

The thorough search errs to finding more, so some of what it finds is no face: a fold of cloth, writing on a wall. Such
a box often comes in one frame and is gone in the next. `uncovered` counts it all the same. `confirmed` counts apart
those boxes alone of which the search finds something at the same place in another frame within AROUND frames, and
which are so a little likelier to be faces; an error that keeps still is among them. Both are told, and the reach is for
the first. A face that the thorough search misses is in neither.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from embeddings.film import Film
from embeddings.types import Box, Face, Pixels

LEAST_PX: Final = 20.0
COVERED: Final = 0.9
AROUND: Final = 3
SAME_IOU: Final = 0.25
NEAR_INK: Final = 28
"""Of 255, in each colour: what coding may make of the cover's colour."""
Search = Callable[[Pixels], Sequence[Face]]


@dataclass(frozen=True, slots=True)
class Coverage:
    """Shares are None where there was no face-frame. `hidden_area`: of a frame, on average, in the cover's colour."""

    frames: int
    face_frames: int
    uncovered: int
    share: float | None
    confirmed: int
    confirmed_uncovered: int
    confirmed_share: float | None
    hidden_area: float


@dataclass(frozen=True, slots=True)
class _Frame:
    boxes: tuple[Box, ...]
    covered: tuple[bool, ...]
    hidden_area: float


def coverage(original: Film, finished: Film, search: Search, ink: tuple[int, int, int], every: int = 1) -> Coverage:
    """`finished`: the same film, its faces covered in the plain colour `ink`. `every`: frames from one that is
    searched to the next; `confirmed` is then about frames that were searched, `every` apart."""
    seen = list(_frames(original, finished, search, ink, every))
    confirmed = [
        covered
        for number, frame in enumerate(seen)
        for box, covered in zip(frame.boxes, frame.covered, strict=True)
        if is_confirmed(box, number, [each.boxes for each in seen])
    ]
    everything = [covered for frame in seen for covered in frame.covered]
    return Coverage(
        frames=len(seen),
        face_frames=len(everything),
        uncovered=everything.count(False),
        share=_share(everything),
        confirmed=len(confirmed),
        confirmed_uncovered=confirmed.count(False),
        confirmed_share=_share(confirmed),
        hidden_area=round(float(np.mean([frame.hidden_area for frame in seen] or [0.0])), 4),
    )


def _frames(original: Film, finished: Film, search: Search, ink: tuple[int, int, int], every: int) -> Iterator[_Frame]:
    for before, after in zip(original.frames(), finished.frames(), strict=True):
        if before.number % every or before.pixels is None:
            continue
        height, width = before.pixels.shape[:2]
        dark = near(before.pixels, ink)
        hidden = np.ones_like(dark) if after.pixels is None else near(after.pixels[:height, :width], ink)
        boxes = tuple(face.box for face in search(before.pixels) if face.box.height >= LEAST_PX)
        yield _Frame(boxes, tuple(is_covered(box, hidden, dark) for box in boxes), float(hidden.mean()))


def near(pixels: Pixels, ink: tuple[int, int, int]) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """Which pixels have about that colour: bool [height, width]."""
    difference = np.abs(pixels.astype(np.int16) - np.array(ink, np.int16)).max(axis=2)
    return np.asarray(difference <= NEAR_INK)


def is_covered(
    box: Box,
    hidden: np.ndarray[tuple[int, int], np.dtype[np.bool_]],
    dark: np.ndarray[tuple[int, int], np.dtype[np.bool_]],
) -> bool:
    """Whether the part of the box inside the picture shows the cover where it was not as dark before."""
    rows = slice(max(0, round(box.y)), max(0, round(box.bottom)))
    columns = slice(max(0, round(box.x)), max(0, round(box.right)))
    cover, before = hidden[rows, columns], dark[rows, columns]
    told = cover[~before]
    return bool(told.size == 0 or told.mean() >= COVERED)


def is_confirmed(box: Box, number: int, found: Sequence[Sequence[Box]]) -> bool:
    others = (*range(max(0, number - AROUND), number), *range(number + 1, min(len(found), number + AROUND + 1)))
    return any(box.iou(each) > SAME_IOU for other in others for each in found[other])


def _share(covered: Sequence[bool]) -> float | None:
    return round(covered.count(False) / len(covered), 5) if covered else None
