"""Whether a face is live or shown to the camera, by deepface's FasNet. Needs the optional package deepface.

FasNet is two small nets of Minivision's Silent-Face-Anti-Spoofing; each sees the face with more of what is around it.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from embeddings.deepface_package import FASNET, load, model_id, part, unusable, weights_folder
from embeddings.types import Face, Pixels

_SIDE: Final = 80
_SCALES: Final = (2.7, 4.0)
_LIVE: Final = 1  # of three classes; 0 and 2 are kinds of attack
_SUM_TOLERANCE: Final = 1e-2


@dataclass(frozen=True, slots=True)
class Liveness:
    """`live`: probability that a face is bona fide and no presentation attack, 0 to 1, not calibrated here."""

    live: float
    model_id: str


class DeepFaceAntiSpoof:
    """May be shared between threads."""

    def __init__(self, fasnet: Any) -> None:
        """`fasnet`: deepface's object. Raises DeepFaceNotInstalled."""
        self._nets = (fasnet.first_model, fasnet.second_model)
        self._crop = part("models.spoofing.FasNetUtils").crop
        self._run = part("commons.onnx_utils").run_session
        self._model_id = model_id("fasnet")

    @classmethod
    def load(cls) -> "DeepFaceAntiSpoof":
        """Looks for the weight files, then tries the nets once. Raises DeepFaceUnusable."""
        (fasnet,) = load([FASNET])
        made = cls(fasnet)
        try:
            shares = [made._run(net, np.zeros((_SIDE, _SIDE, 3), np.uint8)) for net in made._nets]
        except Exception as error:  # onnxruntime's exceptions have no common base
            raise unusable(FASNET, weights_folder()) from error
        if any(given.shape != (1, 3) or not abs(float(given.sum()) - 1) < _SUM_TOLERANCE for given in shares):
            raise unusable(FASNET, weights_folder())
        return made

    def look(self, pixels: Pixels, face: Face) -> Liveness:
        """Of one face of a picture. Raises ValueError where no pixel of its box lies in the picture."""
        area = _area(pixels, face)
        shares = [
            self._run(net, self._crop(pixels, area, scale, _SIDE, _SIDE)[..., ::-1])[0, _LIVE]  # BGR
            for net, scale in zip(self._nets, _SCALES, strict=True)
        ]
        return Liveness(float(np.mean(shares, dtype=np.float64)), self._model_id)


def _area(pixels: Pixels, face: Face) -> tuple[int, int, int, int]:
    """The box in whole pixels within the picture, as deepface has it: x, y, width, height."""
    height, width = pixels.shape[:2]
    x, y = max(0, int(face.box.x)), max(0, int(face.box.y))
    across, down = min(width - x - 1, int(face.box.width)), min(height - y - 1, int(face.box.height))
    if min(across, down) < 1 or min(face.box.right, face.box.bottom) <= 0:
        raise ValueError("the face lies outside the picture")
    return x, y, across, down
