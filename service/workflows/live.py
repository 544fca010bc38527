"""One camera, live: a frame in, the same frame with its faces drawn over out."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from embeddings.detect import Purpose
from embeddings.image import ImageLimits, PictureFormat, decode, encode
from embeddings.pipeline import FacePipeline
from embeddings.types import Pixels
from overlays.scene import Scene
from overlays.style import OverlayStyle
from overlays.tracking import Tracker
from service.logs import log_failure
from service.workflows.moving import Painter

THOROUGHLY_EVERY: Final = 10
QUALITY: Final = 80
LIMITS: Final = ImageLimits(max_bytes=2**20, max_pixels=1_048_576)
"""1280x720 and a little more. A larger frame would be late before it is searched."""


class Live:
    """Frames of one connection, one after the other. Not to be shared between threads."""

    def __init__(self, pipeline: FacePipeline, styles: Sequence[OverlayStyle]) -> None:
        self._pipeline = pipeline
        self._painter = Painter(pipeline, styles)
        self._begin((0, 0))

    def _begin(self, size: tuple[int, int]) -> None:
        self._size, self._tracker, self._scene, self._since = size, Tracker(), Scene(), 0

    def wear(self, styles: Sequence[OverlayStyle]) -> None:
        """From the next frame on."""
        self._painter = Painter(self._pipeline, styles)

    def __call__(self, data: bytes, moment: float) -> bytes:
        """A JPEG of the frame that came at `moment`, seconds, rising; black where it could not be processed.

        The first frame, every tenth and one of another scene are searched thoroughly. Raises ImageRefused.
        """
        pixels = decode(data, LIMITS).pixels
        try:
            drawn = self._drawn(pixels, moment)
        except Exception as error:  # noqa: BLE001 - whatever the reason, it is not shown as it came
            log_failure(error, event="frame_failed")
            drawn = np.zeros_like(pixels)
        return encode(drawn, PictureFormat.JPEG, QUALITY)

    def _drawn(self, pixels: Pixels, moment: float) -> Pixels:
        if pixels.shape[:2] != self._size:
            self._begin((pixels.shape[0], pixels.shape[1]))
        thorough = self._scene.changed(pixels) or self._since + 1 >= THOROUGHLY_EVERY
        self._since = 0 if thorough else self._since + 1
        seen = self._pipeline.look(pixels, Purpose.SUSPECT if thorough else Purpose.GLANCE)
        return self._painter(pixels, self._tracker.update(seen, moment, thorough=thorough))
