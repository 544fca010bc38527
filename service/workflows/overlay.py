"""Overlays: a picture goes in and comes back with its faces hidden or dressed up, as a fresh file without metadata.

A hiding style is held to its promise: see `service.workflows.overlay_proof`. Where the first drawing does not keep it,
it is drawn again, larger over what was left and over what was bare too; where that does not either, nothing is given.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Final

import numpy as np

from embeddings.image import ImageLimits, Picture, PictureFormat, decode, encode
from embeddings.pipeline import FacePipeline
from embeddings.types import Face, Mesh
from overlays.compose import compose
from overlays.drawn import drawn_alpha
from overlays.style import OverlayStyle, Subject
from service.errors import ServiceError
from service.familiar import Familiar
from service.workflows.overlay_choice import Chosen, Which, choose, kept
from service.workflows.overlay_proof import NotHidden, Proof, Prover

QUALITY: Final = 92
FULLY_PX: Final = 12.0
"""A search down to faces of this many pixels is a full one: it is not on pictures of more than 12 megapixels."""
ROUNDS: Final = 6
"""Drawings at most, the first one included. Covers change what a search finds beside them, so it may take a few."""
GROWN: Final = 1.3
"""How much larger, each side, a cover is drawn over a face that the one before left."""


class NotSearchedFully(ServiceError):
    """`detail`: how small a face may be and still be found."""

    code: ClassVar[str] = "not_searched_fully"

    def __init__(self, smallest_face_px: float) -> None:
        self.detail = f"Faces of less than {smallest_face_px:.0f} pixels would not be found."
        super().__init__(self.detail)


@dataclass(frozen=True, slots=True)
class OverlayRequest:
    """`image`: an encoded picture; `format` of the answer: that of the picture when None; `quality` of a JPEG or WebP.

    `styles` one over the other. `check`: search the finished picture too. `strict`: refuse what cannot be searched
    fully. `seed`: of what a style leaves to chance; two pictures never share one, or what is the same in both shows.
    """

    image: bytes = field(repr=False)
    styles: Sequence[OverlayStyle]
    format: PictureFormat | None = None
    quality: int = QUALITY
    which: Which = field(default_factory=Which)
    check: bool = True
    strict: bool = False
    seed: int = 0

    @property
    def hides(self) -> bool:
        return any(style.hides for style in self.styles)


@dataclass(frozen=True, slots=True)
class Overlaid:
    """`faces`: how many were drawn on. `smallest_face_px`: the smallest face that was searched for, in pixels of the
    picture. `proof`: of a hiding style whose picture was searched again."""

    image: bytes = field(repr=False)
    format: PictureFormat
    faces: int
    hides: bool
    smallest_face_px: float
    proof: Proof | None = None


@dataclass(frozen=True, slots=True)
class Located:
    """A picture's size and the faces found in it, largest first: their numbers are those that `Which` takes."""

    width: int
    height: int
    faces: tuple[Face, ...]
    smallest_face_px: float


class Overlay:
    """Called with an `OverlayRequest`. `familiar`: the people of a tenant, by its name."""

    def __init__(self, pipeline: FacePipeline, familiar: Callable[[str], Familiar]) -> None:
        self._pipeline = pipeline
        self._prover = Prover(pipeline)
        self._familiar = familiar

    def faces(self, image: bytes) -> Located:
        """What would be hidden, without drawing. Raises ImageRefused."""
        picture, detection = self._pipeline.locate(image)
        height, width = picture.pixels.shape[:2]
        return Located(width, height, detection.faces, detection.smallest_face_px)

    def __call__(self, request: OverlayRequest) -> Overlaid:
        """A picture without faces comes back with none hidden.

        Raises ImageRefused, FormatTooSmall, NotSearchedFully, UnknownFace, NotHidden, and what `Familiar` raises.
        """
        picture, detection = self._pipeline.locate(request.image)
        if request.strict and detection.smallest_face_px > FULLY_PX:
            raise NotSearchedFully(detection.smallest_face_px)
        familiar = self._familiar(request.which.tenant) if request.which.by_person else None
        chosen = choose(request.which, picture.pixels, detection.faces, familiar, hides=request.hides)
        answer = request.format or picture.format
        image, chosen, proof = self._drawn(picture, chosen, request, answer)
        return Overlaid(image, answer, len(chosen.drawn), request.hides, detection.smallest_face_px, proof)

    def _drawn(
        self, picture: Picture, chosen: Chosen, request: OverlayRequest, answer: PictureFormat
    ) -> tuple[bytes, Chosen, Proof | None]:
        """The file, what is drawn on in it, and the proof where there is one. Raises NotHidden, FormatTooSmall."""
        larger: frozenset[int] = frozenset()
        proof, prove = None, self._prover.of(picture.pixels)
        for _ in range(ROUNDS):
            image = self._file(picture, chosen, larger, request, answer)
            if not (request.check and request.hides):
                return image, chosen, None
            finished = decode(image, ImageLimits(len(image), picture.pixels.size))
            proof = prove(finished, chosen.drawn, chosen.left)
            if not request.which.everybody:
                proof = replace(proof, bare=())
            proof = replace(proof, bare=tuple(face for face in proof.bare if not kept(face, request.which.keep)))
            if proof.holds:
                return image, chosen, proof
            if proof.left & larger:
                break
            larger |= proof.left
            chosen = replace(chosen, drawn=(*chosen.drawn, *proof.bare))
        assert proof is not None  # noqa: S101 - for the type checker
        raise NotHidden(len(proof.left), len(proof.bare))

    def _file(
        self, picture: Picture, chosen: Chosen, larger: frozenset[int], request: OverlayRequest, answer: PictureFormat
    ) -> bytes:
        subjects = self._subjects(picture, chosen.drawn, request)
        subjects = [grown(each, GROWN) if number in larger else each for number, each in enumerate(subjects)]
        drawn = compose(picture.pixels, subjects, request.styles)
        alpha = picture.alpha
        if alpha is not None and answer is not PictureFormat.JPEG:
            alpha = drawn_alpha(alpha, subjects, request.styles)
        return encode(drawn, answer, request.quality, alpha)

    def _subjects(self, picture: Picture, faces: Sequence[Face], request: OverlayRequest) -> list[Subject]:
        """With what the styles need of them, and no more."""
        needs = frozenset[str]().union(*(style.needs for style in request.styles))
        pixels, number = picture.pixels, len(faces)
        meshes = [self._pipeline.mesh(pixels, face) for face in faces] if "mesh" in needs else [None] * number
        emotions = self._pipeline.emotions(pixels, faces) if "emotion" in needs else [None] * number
        seeds = np.random.SeedSequence(request.seed).generate_state(max(number, 1), np.uint64).tolist()
        return [
            Subject(face, mesh, emotion, seed)
            for face, mesh, emotion, seed in zip(faces, meshes, emotions, seeds, strict=False)
        ]


def grown(subject: Subject, factor: float) -> Subject:
    """The same standing place with a face so many times as large about its middle."""
    face, mesh = subject.face, subject.mesh
    middle = np.array(face.box.center, np.float32)
    larger = Face(face.box.scaled(factor), face.score, (face.points - middle) * factor + middle)
    if mesh is not None:
        centre = mesh.points.mean(axis=0)
        mesh = Mesh((mesh.points - centre) * np.float32(factor) + centre, mesh.score)
    return replace(subject, face=larger, mesh=mesh)
