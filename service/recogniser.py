"""One embedder with all that its vectors need: the pipeline that makes them, the gallery that they are sought in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from embeddings.attributes import Attributes
from embeddings.captures import Template, agree, average, group
from embeddings.pipeline import Capture, FacePipeline
from embeddings.quality import FaceRefused
from embeddings.types import FaceVector
from service.gallery import Gallery


class Seen(Protocol):
    """One frame of somebody: a `Capture`, or what a challenge kept of one."""

    @property
    def vector(self) -> FaceVector: ...

    @property
    def attributes(self) -> Attributes: ...

    @property
    def good(self) -> bool:
        """Whether a template may grow by it."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """The usable frames of a login, and their average."""

    captures: Sequence[Seen]
    template: Template


@dataclass(frozen=True, slots=True)
class Recogniser:
    """May be shared between threads."""

    pipeline: FacePipeline
    gallery: Gallery

    @property
    def model_id(self) -> str:
        return self.pipeline.spec.model_id

    def probe(self, images: Sequence[bytes], taken_at: Sequence[float | None] | None) -> Probe:
        """Of encoded frames of one person, with the seconds when each was taken, where that is known.

        Unusable frames are passed over. Raises ImageRefused, FramesDisagree, and the FaceRefused of the first unusable
        frame where none is left.
        """
        captures: list[Capture] = []
        times: list[float | None] = []
        refused: FaceRefused | None = None
        for image, at in zip(images, taken_at or [None] * len(images), strict=True):
            try:
                captures.append(self.pipeline.capture(image))
                times.append(at)
            except FaceRefused as refusal:
                refused = refused or refusal
        if refused is not None and not captures:
            raise refused
        return self.probe_of(captures, times)

    def probe_of(self, captures: Sequence[Seen], times: Sequence[float | None]) -> Probe:
        """The same of frames that were looked at already. Raises FramesDisagree."""
        spec, vectors = self.pipeline.spec, [capture.vector for capture in captures]
        agree(vectors, spec.operating_points, spec.same_capture_distance)
        return Probe(captures, average(vectors, group(vectors, times, spec.same_capture_distance)))
