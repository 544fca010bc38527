"""Overlays: a picture goes in and comes back with its faces hidden, as a fresh file without metadata."""

from dataclasses import dataclass, field

from embeddings.image import PictureFormat, encode
from embeddings.pipeline import FacePipeline
from overlays.style import Subject, style


@dataclass(frozen=True, slots=True)
class OverlayRequest:
    """`image`: an encoded picture; `format` of the answer: that of the picture when None."""

    image: bytes = field(repr=False)
    style: str
    format: PictureFormat | None = None


@dataclass(frozen=True, slots=True)
class Overlaid:
    """`smallest_face_px`: the smallest face that was searched for, in pixels of the picture."""

    image: bytes = field(repr=False)
    format: PictureFormat
    faces: int
    hides: bool
    smallest_face_px: float


class Overlay:
    """Called with an `OverlayRequest`."""

    def __init__(self, pipeline: FacePipeline) -> None:
        self._pipeline = pipeline

    def __call__(self, request: OverlayRequest) -> Overlaid:
        """Raises UnknownStyle or ImageRefused. A picture without faces comes back with none hidden."""
        chosen = style(request.style)
        picture, detection = self._pipeline.locate(request.image)
        drawn = chosen.draw(picture.pixels, [Subject(face) for face in detection.faces])
        answer = request.format or picture.format
        return Overlaid(
            image=encode(drawn, answer),
            format=answer,
            faces=len(detection.faces),
            hides=chosen.hides,
            smallest_face_px=detection.smallest_face_px,
        )
