"""The one door to the vision rooms: the bytes of a picture in, faces, quality and vectors out.

No picture outlives the call it was given to.
"""

from dataclasses import dataclass

from embeddings.align import Aligner
from embeddings.detect import CenterFace, Detection, Detector, Purpose
from embeddings.embed import FaceEmbedder, ModelSpec
from embeddings.fused import EmbedderName, face_embedder
from embeddings.image import ImageLimits, Picture, decode
from embeddings.onnx import Runtime
from embeddings.quality import FaceRefused, QualityGate, QualityLimits
from embeddings.types import Face, FaceVector, Pixels, Quality, Refusal


@dataclass(frozen=True, slots=True)
class SeenFace:
    """A face and what the quality gate thinks of it."""

    face: Face
    quality: Quality


@dataclass(frozen=True, slots=True)
class Analysis:
    """A picture's size in px, upright, and its faces, the largest first."""

    width: int
    height: int
    faces: tuple[SeenFace, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Capture:
    """The one clear face of a picture: its vector, where it is, how good it is, and the picture's size in px."""

    vector: FaceVector
    face: Face
    quality: Quality
    width: int
    height: int


class FacePipeline:
    """Detector, alignment, embedder and quality gate in a row. May be shared between threads."""

    def __init__(
        self, detector: Detector, aligner: Aligner, embedder: FaceEmbedder, gate: QualityGate, limits: ImageLimits
    ) -> None:
        self._detector = detector
        self._aligner = aligner
        self._embedder = embedder
        self._gate = gate
        self._limits = limits

    @classmethod
    def load(
        cls, limits: ImageLimits, quality_limits: QualityLimits, backend: EmbedderName = "onnx", threads: int = 1
    ) -> "FacePipeline":
        """Loads every model (about .4 s). `threads`: for one run of a network. Raises WeightsUnusable, BrokenModel."""
        runtime = Runtime(threads)
        return cls(
            CenterFace.load(runtime),
            Aligner.load(),
            face_embedder(backend, runtime),
            QualityGate(quality_limits),
            limits,
        )

    @property
    def spec(self) -> ModelSpec:
        """What goes with the vectors of this pipeline."""
        return self._embedder.spec

    def analyse(self, data: bytes) -> Analysis:
        """Every face of a picture and its quality; no vector is made. Raises ImageRefused."""
        pixels = decode(data, self._limits).pixels
        height, width = pixels.shape[:2]
        found = self._detector.detect(pixels, Purpose.FIND).faces
        faces = tuple(SeenFace(face, self._gate.measure(self._aligner.chip(pixels, face), face)) for face in found)
        return Analysis(width, height, faces)

    def capture(self, data: bytes) -> Capture:
        """The vector of the one clear face. Raises ImageRefused, or FaceRefused with every reason."""
        return self.capture_pixels(decode(data, self._limits).pixels)

    def capture_pixels(self, pixels: Pixels) -> Capture:
        """The same for a picture that is decoded already, uint8 [height, width, 3], RGB, upright."""
        face = self._gate.main_face(self._detector.detect(pixels, Purpose.FIND).faces)
        chip = self._aligner.chip(pixels, face)
        quality = self._gate.measure(chip, face)
        if quality.refusals:
            raise FaceRefused(*quality.refusals)
        vector = self._embedder.vector(pixels, face, chip)
        height, width = pixels.shape[:2]
        return Capture(vector, face, quality, width, height)

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
        return Capture(vector, face, self._gate.measure(chip, face), width, height)

    def locate(self, data: bytes) -> tuple[Picture, Detection]:
        """The decoded picture, and every face that may be in it: recall first. Raises ImageRefused."""
        picture = decode(data, self._limits)
        return picture, self._detector.detect(picture.pixels, Purpose.HIDE)
