"""From the frames of a film to what is kept of them: one face is followed from frame to frame."""

import zlib
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from embeddings.align import Aligner
from embeddings.detect import CenterFace, Detector, Purpose
from embeddings.embed import FaceEmbedder
from embeddings.iris import IrisNet
from embeddings.liveness.observation import Look, Observation, luma, relative_sharpness, thumb, tint
from embeddings.liveness.pad import Pad
from embeddings.liveness.reading import Reading, eye_distance, mouth_shape
from embeddings.liveness.solid import Parallax
from embeddings.liveness.tracks import CornerTracks
from embeddings.mesh import SURE, FaceMesh, pose
from embeddings.onnx import Runtime
from embeddings.types import Box, Face, FaceVector, HeadPose, Mesh, Pixels

OTHER_SIZE: Final = 0.4  # of the face's longer side, from which on another face counts
OVERLAP: Final = 0.2  # least overlap of a detected face with the one that is followed
VECTOR_EVERY: Final = 0.5  # seconds
VECTOR_YAW: Final = 15.0  # degrees, absolute
VECTOR_PITCH: Final = 25.0
VECTORS: Final = 60  # of one film at most


class Nets:
    """The networks of a watcher. May be shared between threads and watchers."""

    def __init__(
        self,
        detector: Detector,
        mesh: FaceMesh,
        iris: IrisNet,
        aligner: Aligner,
        embedder: FaceEmbedder,
        pad: Pad | None = None,
    ) -> None:
        self.detector, self.mesh, self.iris = detector, mesh, iris
        self.aligner, self.embedder, self.pad = aligner, embedder, pad

    @classmethod
    def load(cls, runtime: Runtime, embedder: FaceEmbedder, pad: Pad | None = None) -> "Nets":
        """Raises BrokenModel, WeightsUnusable."""
        mesh, iris = FaceMesh.load(runtime), IrisNet.load(runtime)
        return cls(CenterFace.load(runtime), mesh, iris, Aligner.load(), embedder, pad)


class Watcher:
    """Follows one face through one film. Holds the last frame in grey, and no other picture."""

    def __init__(self, nets: Nets, *, eyes: bool = True, light: bool = False) -> None:
        """`eyes`: look at the eyes too, which only a challenge with a blink needs; `light`: at the colours of the face,
        which only an answer to the screen's light needs."""
        self._nets, self._light = nets, light
        self._eyes = eyes
        self._mesh: Mesh | None = None
        self._tracks = CornerTracks()
        self._vector_at = -np.inf
        self._vectors = 0

    def look(self, pixels: Pixels, at: float) -> Observation:
        """One frame, upright RGB, taken at `at` (seconds, rising)."""
        grey = luma(pixels)
        faces = self._nets.detector.detect(pixels, Purpose.FIND).faces
        face = self._followed(faces)
        mesh = self._find(pixels, face)
        look = None
        if mesh is None:
            self._tracks.forget()
        else:
            look = self._read(pixels, grey, at, face, mesh)
        self._mesh = mesh
        others = _others(faces, face)
        height, width = grey.shape
        return Observation(at, width, height, look, others, thumb(grey), zlib.crc32(pixels.tobytes()))

    def _followed(self, faces: Sequence[Face]) -> Face | None:
        if self._mesh is None:
            return max(faces, key=lambda face: face.box.area, default=None)
        last = mesh_box(self._mesh)
        near = max(faces, key=lambda face: face.box.iou(last), default=None)
        return near if near is not None and near.box.iou(last) >= OVERLAP else None

    def _find(self, pixels: Pixels, face: Face | None) -> Mesh | None:
        """The mesh by where it was, which is steadier, else by the detector."""
        if self._mesh is not None:
            mesh = self._nets.mesh.follow(pixels, self._mesh)
            if mesh.score >= SURE:
                return mesh
        if face is None or min(face.box.width, face.box.height) <= 0:
            return None
        mesh = self._nets.mesh.find(pixels, face, twice=True)
        return mesh if mesh.score >= SURE else None

    def _read(self, pixels: Pixels, grey: NDArray[np.uint8], at: float, face: Face | None, mesh: Mesh) -> Look | None:
        try:
            head = pose(mesh)
            eyes = self._opening(pixels, mesh) if self._eyes else None
        except ValueError:  # points that coincide
            return None
        box = mesh_box(mesh)
        reading = Reading(at, head.yaw, head.pitch, eyes, *mouth_shape(mesh), eye_distance(mesh))
        sharp, bright = relative_sharpness(grey, face.box if face is not None else box)
        parallax: Parallax | None = self._tracks.follow(at, grey, mesh, head)
        vector, pad = self._recognise(pixels, at, face, head)
        return Look(
            box, head, reading, sharp, bright, vector, parallax, pad, tint(pixels, box) if self._light else None
        )

    def _opening(self, pixels: Pixels, mesh: Mesh) -> float:
        eyes = self._nets.iris.find(pixels, mesh)
        return (eyes.left.opening + eyes.right.opening) / 2

    def _recognise(
        self, pixels: Pixels, at: float, face: Face | None, head: HeadPose
    ) -> tuple[FaceVector | None, float | None]:
        """Now and then, while the face looks here: who it is, and what the passive detector says."""
        straight = abs(head.yaw) <= VECTOR_YAW and abs(head.pitch) <= VECTOR_PITCH
        if face is None or not straight or at - self._vector_at < VECTOR_EVERY or self._vectors >= VECTORS:
            return None, None
        self._vector_at, self._vectors = at, self._vectors + 1
        try:
            vector = self._nets.embedder.vector(pixels, face, self._nets.aligner.chip(pixels, face))
            return vector, self._nets.pad.score(pixels, face) if self._nets.pad is not None else None
        except ValueError:  # points that coincide, or a face outside of the picture
            return None, None


def mesh_box(mesh: Mesh) -> Box:
    low, high = mesh.points[:, :2].min(axis=0), mesh.points[:, :2].max(axis=0)
    return Box(float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1]))


def _others(faces: Sequence[Face], face: Face | None) -> int:
    if face is None:
        return max(0, len(faces) - 1)
    least = OTHER_SIZE * max(face.box.width, face.box.height)
    return sum(each is not face and max(each.box.width, each.box.height) >= least for each in faces)
