"""Moving pictures: the faces that are followed from frame to frame are drawn over."""

from collections.abc import Sequence

from embeddings.pipeline import FacePipeline
from embeddings.types import Pixels
from overlays.compose import compose
from overlays.style import OverlayStyle
from overlays.subject import Subject
from overlays.tracking import Followed


class Painter:
    """Called with a frame and the faces in it; gives a new frame."""

    def __init__(self, pipeline: FacePipeline, styles: Sequence[OverlayStyle]) -> None:
        self._pipeline = pipeline
        self._styles = tuple(styles)
        self._needs = frozenset[str]().union(*(style.needs for style in styles))

    @property
    def hides(self) -> bool:
        return any(style.hides for style in self._styles)

    def __call__(self, pixels: Pixels, followed: Sequence[Followed]) -> Pixels:
        """Nothing is looked for beyond what the styles need: a blur needs no mesh."""
        faces = [each.face for each in followed]
        meshes = [self._pipeline.mesh(pixels, face) if "mesh" in self._needs else None for face in faces]
        emotions = self._pipeline.emotions(pixels, faces) if "emotion" in self._needs else [None] * len(faces)
        subjects = [
            Subject(each.face, mesh, emotion, each.seed)
            for each, mesh, emotion in zip(followed, meshes, emotions, strict=True)
        ]
        return compose(pixels, subjects, self._styles)
