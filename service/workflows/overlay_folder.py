"""Overlays for a file or a folder of files: the tree is kept, and what cannot be hidden is not copied."""

import os
import secrets
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from embeddings.image import PictureFormat
from service.errors import describe
from service.workflows.film import FilmDone
from service.workflows.overlay import Overlaid, OverlayRequest

FORMATS: Final = {
    ".jpg": PictureFormat.JPEG,
    ".jpeg": PictureFormat.JPEG,
    ".png": PictureFormat.PNG,
    ".webp": PictureFormat.WEBP,
}
ENDINGS: Final = {PictureFormat.JPEG: ".jpg", PictureFormat.PNG: ".png", PictureFormat.WEBP: ".webp"}
PICTURES: Final = frozenset(
    {
        *FORMATS,
        ".heic",
        ".heif",
        ".avif",
        ".gif",
        ".bmp",
        ".tif",
        ".tiff",
        ".jxl",
        ".jp2",
        ".dng",
        ".cr2",
        ".nef",
        ".arw",
    }
)
"""Endings of files that are tried: of a picture that is not understood it is said so, of a text file it is not."""
FILMS: Final = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".3gp", ".mpg", ".mpeg", ".mjpeg"})
UNREADABLE: Final = "unreadable"
UNWRITABLE: Final = "unwritable"
EXISTS: Final = "exists"
FILM: Final = "film"
_AHEAD: Final = 2
"""Pictures begun for each job before the first is waited for."""


@dataclass(frozen=True, slots=True)
class Job:
    """`name`: of `source` below the folder, for people to read."""

    name: str
    source: Path
    target: Path


@dataclass(frozen=True, slots=True)
class Done:
    """`overlaid` of a picture, `film` of a film, or `code`: why there is no file; of the error table, or UNREADABLE,
    UNWRITABLE, EXISTS, FILM."""

    name: str
    code: str | None = None
    detail: str | None = None
    overlaid: Overlaid | None = None
    film: FilmDone | None = None


def jobs(source: Path, target: Path, ending: str | None, suffixes: frozenset[str]) -> list[Job]:
    """The files of a folder whose names end so, in order; links are not followed, and neither what begins with a dot
    nor the folder that is written to is entered. `ending`: of the new files, theirs when None."""
    found = []
    for folder, folders, files in os.walk(source):
        here = Path(folder)
        folders[:] = sorted(
            each for each in folders if not each.startswith(".") and (here / each).resolve() != target.resolve()
        )
        for file in sorted(files):
            path = here / file
            if not file.startswith(".") and not path.is_symlink() and path.suffix.lower() in suffixes:
                name = path.relative_to(source)
                found.append(Job(str(name), path, target / (name if ending is None else name.with_suffix(ending))))
    return found


class OverlayFolder:
    """Called with jobs; `workers` pictures are worked on side by side."""

    def __init__(self, overlay: Callable[[OverlayRequest], Overlaid], workers: int, *, overwrite: bool) -> None:
        self._overlay = overlay
        self._workers = workers
        self._overwrite = overwrite

    def __call__(self, listed: Sequence[Job], request: OverlayRequest) -> Iterator[Done]:
        """As they are done, in order; `request` says everything but the picture."""
        running = deque[Future[Done]]()
        with ThreadPoolExecutor(self._workers) as pool:
            for number, job in enumerate(listed):
                running.append(pool.submit(self._one, job, replace(request, seed=seed_of(request.seed, number))))
                if len(running) > _AHEAD * self._workers:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()

    def _one(self, job: Job, request: OverlayRequest) -> Done:
        if job.target.exists() and not self._overwrite:
            return Done(job.name, EXISTS)
        try:
            image = job.source.read_bytes()
        except OSError as error:
            return Done(job.name, UNREADABLE, error.strerror)
        wanted = request.format or FORMATS.get(job.target.suffix.lower())
        try:
            done = self._overlay(replace(request, image=image, format=wanted))
        except Exception as error:  # noqa: BLE001 - what has no row in the table is raised
            return refused(job.name, error)
        try:
            write(job.target, done.image)
        except OSError as error:
            return Done(job.name, UNWRITABLE, error.strerror)
        return Done(job.name, overlaid=done)


class FilmFolder:
    """Called with the films of a folder: made one after the other, each with all cores.

    `make`: draws one, given the film, the new file and a seed; what it raises is of the error table, or OSError.
    """

    def __init__(self, make: Callable[[Path, Path, int], FilmDone], *, overwrite: bool) -> None:
        self._make = make
        self._overwrite = overwrite
        self._made = set[Path]()

    def __call__(self, listed: Sequence[Job], request: OverlayRequest) -> Iterator[Done]:
        """As they are done; none where people are told apart, since in a film every face is drawn on."""
        for number, job in enumerate(listed):
            if not request.which.by_person:
                yield self._one(job, seed_of(request.seed, number))
            else:
                yield Done(job.name, FILM)

    def _one(self, job: Job, seed: int) -> Done:
        if job.target in self._made or (job.target.exists() and not self._overwrite):
            return Done(job.name, EXISTS)  # two films whose names end differently would have one new name
        try:
            job.target.parent.mkdir(parents=True, exist_ok=True)
            done = self._make(job.source, job.target, seed)
        except OSError as error:
            return Done(job.name, UNREADABLE if error.filename == str(job.source) else UNWRITABLE, error.strerror)
        except Exception as error:  # noqa: BLE001 - what has no row in the table is raised
            return refused(job.name, error)
        self._made.add(job.target)
        return Done(job.name, film=done)


def refused(name: str, error: Exception) -> Done:
    """Why there is no file; an error that nobody foresaw is raised."""
    known = describe(error)
    if known is None:
        raise error
    detail = known[1].get("detail") or known[1].get("advice")
    return Done(name, known[0], None if detail is None else str(detail))


def is_film(path: Path) -> bool:
    return path.suffix.lower() in FILMS


def seed_of(seed: int, number: int) -> int:
    """One for each picture: chance that is the same in two of them hides nothing in either."""
    return int(np.random.SeedSequence((seed, number)).generate_state(1, np.uint64)[0])


def write(target: Path, content: bytes) -> None:
    """The whole file or none."""
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        beside.write_bytes(content)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
