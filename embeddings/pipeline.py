"""The one door to the vision rooms: the bytes of a picture in, faces, quality and vectors out.

No picture outlives the call it was given to.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import cv2

from embeddings.align import Aligner
from embeddings.attribute_models import AttributeModels, attribute_estimator
from embeddings.attributes import NOTHING, AttributeEstimator, Attributes
from embeddings.centerface import SAME_FACE_IOU
from embeddings.detect import CenterFace, Detection, Detector, Purpose
from embeddings.embed import FaceEmbedder, ModelSpec, TurnedEmbedder
from embeddings.embedders import face_embedder
from embeddings.hide import Care
from embeddings.image import ImageLimits, Picture, decode
from embeddings.iris import IrisNet
from embeddings.liveness.pad import Pad
from embeddings.liveness.watcher import Nets
from embeddings.mesh import SURE, FaceMesh
from embeddings.onnx import Runtime
from embeddings.protection import Transform
from embeddings.quality import FaceRefused, QualityGate, QualityLimits, is_good
from embeddings.side_by_side import Cores, SideBySide
from embeddings.transparency import on_black
from embeddings.types import Face, FaceVector, Mesh, Pixels, Quality, Refusal


@dataclass(frozen=True, slots=True)
class SeenFace:
    """A face, what the quality gate thinks of it, and what it appears to be."""

    face: Face
    quality: Quality
    attributes: Attributes = NOTHING


@dataclass(frozen=True, slots=True)
class Analysis:
    """A picture's size in px, upright, and its faces, the largest first."""

    width: int
    height: int
    faces: tuple[SeenFace, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Capture:
    """The one clear face of a picture: its vector, where it is, how good it is, what it appears to be, and the
    picture's size in px."""

    vector: FaceVector
    face: Face
    quality: Quality
    width: int
    height: int
    attributes: Attributes = NOTHING

    @property
    def good(self) -> bool:
        """Whether a template may grow by it."""
        return is_good(self.quality)


class FacePipeline:
    """Detector, alignment, mesh, quality gate and embedder in a row. May be shared between threads."""

    def __init__(
        self,
        detector: Detector,
        aligner: Aligner,
        mesh: FaceMesh,
        embedder: FaceEmbedder,
        *,
        gate: QualityGate,
        limits: ImageLimits,
        estimator: AttributeEstimator | None = None,
        cores: Cores | None = None,
    ) -> None:
        self._detector = detector
        self._aligner = aligner
        self._mesh = mesh
        self._embedder = embedder
        self._gate = gate
        self._limits = limits
        self._estimator = estimator
        self._cores = cores or Cores()

    @classmethod
    def load(
        cls,
        limits: ImageLimits,
        quality_limits: QualityLimits,
        backend: str = "fused",
        threads: int = 1,
        attributes: frozenset[str] = frozenset(),
        *,
        attribute_models: AttributeModels = "packaged",
        care: Care = Care.USUAL,
        runtime: Runtime | None = None,
    ) -> "FacePipeline":
        """Loads every model (about .4 s). `threads`: for one run of a network, and for OpenCV in the whole process;
        `attributes`: those of KINDS to find; `runtime`: that of networks which are shared with others, in the place of
        one of so many threads.

        `backend`: a name for `embeddings.embedders`; `care`: how thoroughly faces are searched that are to be hidden.
        Raises ValueError, WeightsUnusable, BrokenModel, CardRefused, DeepFaceUnusable.
        """
        cv2.setNumThreads(threads)  # else it takes every core for pieces too small to gain by it
        runtime = runtime or Runtime(threads)
        return cls(
            CenterFace.load(runtime, care),
            Aligner.load(),
            FaceMesh.load(runtime),
            face_embedder(backend, runtime),
            gate=QualityGate(quality_limits),
            limits=limits,
            estimator=attribute_estimator(attribute_models, runtime, attributes),
            cores=runtime.cores,
        )

    def with_embedder(self, embedder: FaceEmbedder) -> "FacePipeline":
        """One that makes other vectors, and has everything else in common with this one."""
        return FacePipeline(
            self._detector,
            self._aligner,
            self._mesh,
            embedder,
            gate=self._gate,
            limits=self._limits,
            estimator=self._estimator,
            cores=self._cores,
        )

    def turned(self, transform: Transform) -> "FacePipeline":
        """One whose vectors are under a secret transform, and nets and everything else this one's."""
        return self.with_embedder(TurnedEmbedder(self._embedder, transform))

    def nets(self, iris: IrisNet, pad: Pad | None = None) -> Nets:
        """What watches the frames of a challenge, with this one's nets and vectors."""
        return Nets(self._detector, self._mesh, iris, self._aligner, self._embedder, pad)

    @property
    def spec(self) -> ModelSpec:
        """What goes with the vectors of this pipeline."""
        return self._embedder.spec

    def analyse(self, data: bytes, *, attributes: bool = False) -> Analysis:
        """Every face of a picture, its quality and, on request, its attributes; no vector. Raises ImageRefused."""
        pixels = decode(data, self._limits).pixels
        height, width = pixels.shape[:2]
        found = self._detector.detect(pixels, Purpose.FIND).faces
        looks = self._looks(pixels, found, wanted=attributes)
        faces = tuple(
            SeenFace(face, self._quality(pixels, face, self._aligner.chip(pixels, face)), look)
            for face, look in zip(found, looks, strict=True)
        )
        return Analysis(width, height, faces)

    def _quality(self, pixels: Pixels, face: Face, chip: Pixels) -> Quality:
        return self._gate.measure(chip, face, self._mesh.find(pixels, face))

    def _looks(self, pixels: Pixels, faces: Sequence[Face], *, wanted: bool) -> list[Attributes]:
        if self._estimator is None or not wanted:
            return [NOTHING] * len(faces)
        return self._estimator.estimate(pixels, faces)

    def capture(self, data: bytes) -> Capture:
        """The vector of the one clear face. Raises ImageRefused, or FaceRefused with every reason."""
        return self.capture_pixels(decode(data, self._limits).pixels)

    def capture_pixels(self, pixels: Pixels) -> Capture:
        """The same for a picture that is decoded already, uint8 [height, width, 3], RGB, upright."""
        with SideBySide(self._cores, whole=True) as steps:
            face = self._gate.main_face(self._detector.detect(pixels, Purpose.FIND).faces)
            looking = partial(self._looks, pixels, [face], wanted=True)
            looks = steps.try_begin(looking) if self._estimator else None
            vector_of = self._embedder.begin(steps, pixels, face)
            chip = self._aligner.chip(pixels, face)
            meshing = partial(self._mesh.find, pixels, face)
            # Attributes take longer than vector and mesh in a row, and the second net has more use for a core.
            mesh = None if looks else steps.try_begin(meshing)
            # On idle cores nothing waits for the gate; where others wait for this one, nothing is done that it refuses.
            vector: FaceVector | None = None
            if mesh or looks:
                with suppress(ValueError):  # told below, unless the gate refuses the face
                    vector = vector_of(chip)
            quality = self._gate.measure(chip, face, (mesh or meshing)())
            if quality.refusals:
                raise FaceRefused(*quality.refusals)
            if vector is None:
                vector = vector_of(chip)
            (attributes,) = (looks or looking)()
        height, width = pixels.shape[:2]
        return Capture(vector, face, quality, width, height, attributes)

    def central(self, data: bytes) -> Capture:
        """The vector of the face nearest the middle, whatever the gate objects to; for measuring, never for a login.

        Raises ImageRefused, or FaceRefused where there is no face.
        """
        pixels = decode(data, self._limits).pixels
        height, width = pixels.shape[:2]
        faces = self._detector.detect(pixels, Purpose.FIND).faces
        if not faces:
            raise FaceRefused(Refusal.NO_FACE)
        centres = ((face, face.box.center) for face in faces)
        face = min(centres, key=lambda item: (item[1][0] - width / 2) ** 2 + (item[1][1] - height / 2) ** 2)[0]
        chip = self._aligner.chip(pixels, face)
        vector = self._embedder.vector(pixels, face, chip)
        return Capture(vector, face, self._quality(pixels, face, chip), width, height)

    def locate(self, data: bytes) -> tuple[Picture, Detection]:
        """The decoded picture, and every face that may be in it: recall first. Raises ImageRefused."""
        picture = decode(data, self._limits)
        return picture, self.search(picture)

    def search(self, picture: Picture) -> Detection:
        """Every face that may be in it, recall first; of a transparent picture also what a dark page would show."""
        found = self._detector.detect(picture.pixels, Purpose.HIDE)
        if picture.alpha is None:
            return found
        dark = self._detector.detect(on_black(picture.pixels, picture.alpha), Purpose.HIDE)
        more = [face for face in dark.faces if all(face.box.iou(other.box) < SAME_FACE_IOU for other in found.faces)]
        together = sorted((*found.faces, *more), key=lambda face: face.box.area, reverse=True)
        return Detection(tuple(together), max(found.smallest_face_px, dark.smallest_face_px))

    def look(self, pixels: Pixels, purpose: Purpose) -> tuple[Face, ...]:
        """What a search sees in a frame that is decoded already, uint8 [height, width, 3], RGB, upright."""
        return self._detector.detect(pixels, purpose).faces

    def vector(self, pixels: Pixels, face: Face) -> FaceVector | None:
        """Of a face that was found, whatever the gate objects to; None where its points give no direction."""
        try:
            return self._embedder.vector(pixels, face, self._aligner.chip(pixels, face))
        except ValueError:
            return None

    def clear(self, pixels: Pixels, face: Face) -> bool:
        """Whether the quality gate objects to nothing about a face that was found."""
        try:
            return not self._quality(pixels, face, self._aligner.chip(pixels, face)).refusals
        except ValueError:
            return False

    def mesh(self, pixels: Pixels, face: Face) -> Mesh | None:
        """The mesh of a face that was found; None where the network doubts that there is one."""
        try:
            mesh = self._mesh.find(pixels, face, twice=True)
        except ValueError:
            return None
        return mesh if mesh.score >= SURE else None

    def emotions(self, pixels: Pixels, faces: Sequence[Face]) -> list[str | None]:
        """What each face seems to feel, of `embeddings.attributes.Emotion`; None where that is not looked for."""
        looks = self._looks(pixels, faces, wanted=True)
        return [None if look.emotion is None else look.emotion.value.value for look in looks]
