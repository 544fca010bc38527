"""A film of several people cut into people: each followed by a window of its own, as a camera would see them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from embeddings.detect import Detector, Purpose
from embeddings.types import Box, Pixels
from evaluation.liveness.films import decoded, rate

OVERLAP: Final = 0.3  # least, of a face with where it was a frame ago
MISSED: Final = 5  # frames in which a face may be missed
LEAST_SECONDS: Final = 2.0
LEAST_FACE: Final = 70.0  # px of the longer side, the median of a track: a login asks for more
WINDOW: Final = 2.4  # sides of the face
SMOOTH: Final = 0.4  # seconds: a window that follows every tremble would hold the head still
SIDE: Final = 480  # px of what is made, larger faces keep their own size


@dataclass(slots=True)
class Track:
    """One face from frame to frame: `boxes` by the frame's number."""

    boxes: dict[int, Box] = field(default_factory=dict)

    @property
    def last(self) -> int:
        return max(self.boxes)

    @property
    def face(self) -> float:
        return float(np.median([max(box.width, box.height) for box in self.boxes.values()]))

    def overlap(self, box: Box) -> float:
        return box.iou(self.boxes[self.last])


def tracks(detector: Detector, path: Path) -> list[Track]:
    """Of faces that are large and long enough. Raises NoFilm."""
    found: list[Track] = []
    for number, pixels in enumerate(decoded(path)):
        free = [face.box for face in detector.detect(pixels, Purpose.FIND).faces]
        for track in [each for each in found if number - each.last <= MISSED]:
            near = max(free, key=track.overlap, default=None)
            if near is not None and track.overlap(near) >= OVERLAP:
                track.boxes[number] = near
                free.remove(near)
        found += [Track({number: box}) for box in free]
    length = LEAST_SECONDS * rate(path)
    return [track for track in found if len(track.boxes) >= length and track.face >= LEAST_FACE]


def person(path: Path, track: Track) -> Iterator[Pixels]:
    """The film of one of them: uint8 [s, s, 3]. Raises NoFilm."""
    numbers = np.arange(min(track.boxes), track.last + 1)
    known = sorted(track.boxes)
    centres = np.array([track.boxes[number].center for number in known])
    path_of = np.column_stack([np.interp(numbers, known, centres[:, axis]) for axis in (0, 1)]).astype(np.float32)
    steady = cv2.GaussianBlur(path_of, (1, 0), sigmaX=0.01, sigmaY=SMOOTH * rate(path)) if len(numbers) > 1 else path_of
    side = WINDOW * track.face
    scale = max(SIDE, side) / side
    for number, pixels in enumerate(decoded(path)):
        if number > track.last:
            return
        if number >= numbers[0]:
            x, y = steady[number - numbers[0]]
            moved = np.array([[scale, 0, scale * (side / 2 - x)], [0, scale, scale * (side / 2 - y)]], np.float32)
            size = (round(scale * side), round(scale * side))
            cut = cv2.warpAffine(pixels, moved, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            yield np.asarray(cut, np.uint8)
