"""Whom of the people enrolled the faces of a picture show, as far as they agreed to be looked for in pictures."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from db.storage import Storage
from db.unit_of_work import UnitOfWork
from embeddings.captures import Template
from embeddings.matching import identify, verify
from embeddings.operating import VERIFICATION_FMR, of_measure
from embeddings.types import Face, FaceVector, Pixels
from service.consent import OVERLAYS
from service.errors import OverlaysNotAgreed, UnknownUser
from service.recogniser import Recogniser


class Familiar:
    """Of one tenant. Answers are numbers of faces, never a score; nothing is kept. `fpir`: of a search, for each face.

    Only a face that the quality gate takes for a login is told from others.
    """

    def __init__(self, judge: Recogniser, storage: Storage, fpir: float) -> None:
        self._judge = judge
        self._storage = storage
        self._fpir = fpir

    def welcome(self, pixels: Pixels, faces: Sequence[Face]) -> set[int]:
        """Faces of people who are enrolled and agreed to overlays.

        Each is sought among everybody, as at a login by face alone. Two faces that are taken for one person are
        nobody's, and neither is one that two people come near to. Raises GalleryTooLarge, StorageUnavailable.
        """
        points, index = self._judge.pipeline.spec.operating_points, self._judge.gallery.index
        claims: defaultdict[UUID, list[int]] = defaultdict(list)
        vectors = self._vectors(pixels, faces)
        with self._storage.begin() as work:
            self._judge.gallery.refresh(work)
            for number, vector in vectors.items():
                key = identify(index, Template(vector, 1), points, self._fpir).key
                if key is not None:
                    claims[key].append(number)
            return {numbers[0] for key, numbers in claims.items() if len(numbers) == 1 and _agreed(work, key)}

    def maybe(self, user_id: UUID, pixels: Pixels, faces: Sequence[Face]) -> set[int]:
        """Faces that may be somebody's: all but those that are clearly somebody else's.

        Raises UnknownUser, OverlaysNotAgreed, RecordUnreadable, StorageUnavailable.
        """
        points = of_measure(self._judge.pipeline.spec.operating_points, self._judge.gallery.index.comparison.measure)
        loosest = max(point.fmr for point in points)
        vectors = self._vectors(pixels, faces)
        with self._storage.begin() as work:
            if not self._is_enrolled(work, user_id):
                return set(range(len(faces)))
            others = {number for number, vector in vectors.items() if not self._is(user_id, vector, loosest)}
        return set(range(len(faces))) - others

    def surely(self, user_id: UUID, pixels: Pixels, faces: Sequence[Face]) -> set[int]:
        """The face that is somebody's, as at a login that names them; none where several could be. Raises likewise."""
        vectors = self._vectors(pixels, faces)
        with self._storage.begin() as work:
            self._is_enrolled(work, user_id)
            theirs = {number for number, vector in vectors.items() if self._is(user_id, vector, VERIFICATION_FMR)}
        return theirs if len(theirs) == 1 else set()

    def _vectors(self, pixels: Pixels, faces: Sequence[Face]) -> dict[int, FaceVector]:
        pipeline, found = self._judge.pipeline, dict[int, FaceVector]()
        for number, face in enumerate(faces):
            vector = pipeline.vector(pixels, face) if pipeline.clear(pixels, face) else None
            if vector is not None:
                found[number] = vector
        return found

    def _is_enrolled(self, work: UnitOfWork, user_id: UUID) -> bool:
        """Whether there is a template of the model in use. Raises UnknownUser, OverlaysNotAgreed."""
        if work.person(user_id) is None:
            raise UnknownUser
        if not _agreed(work, user_id):
            raise OverlaysNotAgreed
        self._judge.gallery.refresh(work)
        return user_id in self._judge.gallery.index

    def _is(self, user_id: UUID, vector: FaceVector, fmr: float) -> bool:
        points, index = self._judge.pipeline.spec.operating_points, self._judge.gallery.index
        return verify(index, user_id, Template(vector, 1), points, fmr).accepted


def _agreed(work: UnitOfWork, user_id: UUID) -> bool:
    lines = work.consents(user_id)
    return bool(lines) and OVERLAYS in lines[-1].uses
