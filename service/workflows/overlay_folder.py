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
FILMS: Final = frozenset({".mp4", ".webm", ".mov", ".mkv", ".avi", ".m4v", ".mpg", ".mpeg", ".mjpeg"})
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
    """`code`: why there is no file: of the error table, or UNREADABLE, UNWRITABLE, EXISTS, FILM."""

    name: str
    code: str | None = None
    detail: str | None = None
    overlaid: Overlaid | None = None


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
        if job.source.suffix.lower() in FILMS:
            return Done(job.name, FILM)
        if job.target.exists() and not self._overwrite:
            return Done(job.name, EXISTS)
        try:
            image = job.source.read_bytes()
        except OSError as error:
            return Done(job.name, UNREADABLE, error.strerror)
        wanted = request.format or FORMATS.get(job.target.suffix.lower())
        try:
            done = self._overlay(replace(request, image=image, format=wanted))
        except Exception as error:
            known = describe(error)
            if known is None:
                raise
            detail = known[1].get("detail") or known[1].get("advice")
            return Done(job.name, known[0], None if detail is None else str(detail))
        try:
            write(job.target, done.image)
        except OSError as error:
            return Done(job.name, UNWRITABLE, error.strerror)
        return Done(job.name, overlaid=done)


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
