"""Enrolment of many people at once: one folder of pictures for each person, several folders side by side.

May be stopped and begun again: who is enrolled already answers `already_enrolled` and is kept as they are.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import UUID

from db.errors import TransformChanged
from embeddings.captures import FramesDisagree
from embeddings.image import ImageRefused
from embeddings.pipeline import Capture, FacePipeline
from embeddings.quality import FaceRefused
from service.errors import AlreadyEnrolled
from service.workflows.enrol import Enrol, EnrolRequest

MOST_PHOTOS: Final = 10
"""Of one person, as over HTTP; further ones are left out, those first by name are taken."""
SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".webp"})
UNREADABLE: Final = "broken_image"


@dataclass(frozen=True, slots=True)
class Folder:
    """One person: the folder's name and the files in it, by name."""

    name: str
    photos: tuple[Path, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of one folder: a `user_id`, or the `code` of what stood in the way.

    `photos`: pictures in the folder; `used`: pictures that made the template; `refused`: how many pictures were of no
    use, by code.
    """

    folder: str
    photos: int
    used: int = 0
    user_id: UUID | None = None
    flagged: bool = False
    code: str | None = None
    refused: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Terms:
    """`consent_text`: SHA-256 (hex) of the text that everybody agreed to; `label`: keep the folder's name
    as the person's label."""

    consent_text: str
    label: bool = False


def folders(root: Path) -> list[Folder]:
    """The people below `root`, by name; folders without a picture and files in `root` itself are passed over."""
    found = []
    for folder in sorted(path for path in root.iterdir() if path.is_dir()):
        photos = tuple(sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file()))
        if photos:
            found.append(Folder(folder.name, photos))
    return found


class BulkEnrol:
    """Enrols folders on several threads; pictures are read when their turn comes and forgotten with it."""

    def __init__(self, pipeline: FacePipeline, enrol: Enrol, workers: int) -> None:
        self._pipeline = pipeline
        self._enrol = enrol
        self._workers = workers

    def __call__(self, people: Sequence[Folder], terms: Terms) -> Iterator[Imported]:
        """One answer a folder, as they come. Raises StorageUnavailable and the like; folders done by then stay done."""
        with ThreadPoolExecutor(self._workers, thread_name_prefix="import") as pool:
            waiting: set[Future[Imported]] = {pool.submit(self._one, folder, terms) for folder in people}
            try:
                for done in as_completed(waiting):
                    yield done.result()
            finally:
                pool.shutdown(cancel_futures=True)

    def _one(self, folder: Folder, terms: Terms) -> Imported:
        captures, refused = self._captures(folder.photos[:MOST_PHOTOS])
        if not captures:
            return Imported(folder.name, len(folder.photos), code=next(iter(refused)), refused=refused)
        request = EnrolRequest(
            (), consent=True, label=folder.name if terms.label else None, own_text=terms.consent_text
        )
        try:
            enrolled = self._enrol.keep(request, captures)
        except (AlreadyEnrolled, FramesDisagree, TransformChanged) as refusal:
            return Imported(folder.name, len(folder.photos), code=refusal.code, refused=refused)
        return Imported(
            folder.name, len(folder.photos), enrolled.photos, enrolled.user_id, enrolled.flagged, refused=refused
        )

    def _captures(self, photos: Sequence[Path]) -> tuple[list[Capture], Mapping[str, int]]:
        """Of the usable pictures; why the others are not, by code, the most frequent first."""
        captures, refused = [], Counter[str]()
        for path in photos:
            try:
                captures.append(self._pipeline.capture(path.read_bytes()))
            except (ImageRefused, FaceRefused) as refusal:
                refused[refusal.code] += 1
            except OSError:
                refused[UNREADABLE] += 1
        return captures, dict(refused.most_common())
