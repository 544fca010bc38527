"""Films and pictures from files, and what a watcher keeps of their frames."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np

from embeddings.image import ImageLimits, decode
from embeddings.liveness.observation import Observation
from embeddings.liveness.watcher import Nets, Watcher
from embeddings.types import Pixels

PICTURES: Final = frozenset({".jpg", ".jpeg", ".png", ".webp"})
FILMS: Final = frozenset({".mp4", ".mjpeg", ".webm", ".mov", ".mkv", ".avi"})
LONGEST: Final = 1800  # frames of a film that are looked at
WIDEST: Final = 960  # px of the longer side; what a page sends is smaller
USUAL_RATE: Final = 25.0


class NoFilm(ValueError):
    """A file cannot be read as a film."""


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """A film's frames as a watcher saw them; `rate`: frames a second; `source`: whose, for counting people."""

    source: str
    rate: float
    frames: tuple[Observation, ...]


def files(given: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """The films and the pictures among paths, folders opened, in order of their names."""
    each = [path for one in given for path in (sorted(one.iterdir()) if one.is_dir() else [one])]
    films = [path for path in each if path.suffix.lower() in FILMS]
    return films, [path for path in each if path.suffix.lower() in PICTURES]


def rate(path: Path) -> float:
    """Frames a second. Raises NoFilm."""
    try:
        with av.open(str(path)) as film:
            given: Fraction | None = film.streams.video[0].average_rate
            return float(given) if given else USUAL_RATE
    except (av.FFmpegError, IndexError) as error:
        raise NoFilm(f"{path.name} is no film that can be read") from error


def frames(path: Path) -> Iterator[Pixels]:
    """Upright RGB, at most LONGEST, of the size that a page sends. Raises NoFilm."""
    return map(bounded, decoded(path))


def decoded(path: Path) -> Iterator[Pixels]:
    """Likewise, as large as it is. Raises NoFilm."""
    try:
        with av.open(str(path)) as film:
            for number, frame in enumerate(film.decode(video=0)):
                if number >= LONGEST:
                    return
                turned = np.rot90(frame.to_ndarray(format="rgb24"), frame.rotation // 90 if frame.rotation else 0)
                yield np.ascontiguousarray(turned)
    except (av.FFmpegError, IndexError) as error:
        raise NoFilm(f"{path.name} is no film that can be read") from error


def picture(path: Path) -> Pixels:
    """Raises ImageRefused."""
    return bounded(decode(path.read_bytes(), ImageLimits()).pixels)


def bounded(pixels: Pixels) -> Pixels:
    """At most WIDEST px on the longer side."""
    height, width = pixels.shape[:2]
    scale = WIDEST / max(height, width)
    if scale >= 1:
        return pixels
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def watch(nets: Nets, source: str, film: Iterable[Pixels], per_second: float) -> Watched:
    """Every frame through the real watcher, once. Raises NoFilm for none."""
    watcher = Watcher(nets)
    seen = tuple(watcher.look(pixels, number / per_second) for number, pixels in enumerate(film))
    if not seen:
        raise NoFilm(f"{source} holds no frame")
    return Watched(source, per_second, seen)
