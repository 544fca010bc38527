"""Corners of a face, followed from a frame in which it looks straight: what `embeddings.liveness.solid` judges."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from embeddings.liveness.reading import eye_distance
from embeddings.liveness.solid import LEAST_TRACKS, Floats, Parallax, depth_at, ratio, residuals
from embeddings.types import HeadPose, Mesh

Grey = NDArray[np.uint8]
FACE: Final = 200  # px to which the face's longer side is scaled
LARGEST_SCALE: Final = 2.0
CORNERS: Final = 150
QUALITY: Final = 0.01
APART: Final = 5  # px
WINDOW: Final = (17, 17)
RETURNED: Final = 0.7  # px between a corner and where it comes back to when followed backwards
SHRUNK: Final = 0.93
STILL_YAW: Final = 3.0  # degrees within STILL seconds: a frame that may be the next reference
STILL_PITCH: Final = 4.0
STILL: Final = 0.25
REFRESHED: Final = 0.3  # seconds between two references
REFERENCE_YAW: Final = 18.0  # degrees, absolute: no reference from a turned head
FROM_YAW: Final = 15.0
FROM_PITCH: Final = 12.0
"""Degrees beside the reference from which on the corners are judged: at 36 a fast turn has left 12 of 150 of them."""
OPINIONS: Final = 5  # frames judged for each reference
MARGIN: Final = 0.35  # of the face's side about it


@dataclass(slots=True)
class _Reference:
    at: float
    pose: HeadPose
    mesh: Floats
    eyes: float
    points: Floats  # where the corners were, px of the picture
    scale: float
    opinions: int = 0


class CornerTracks:
    """Follows the corners of one face from frame to frame; holds the last frame and one reference."""

    def __init__(self) -> None:
        self._reference: _Reference | None = None
        self._grey: Grey | None = None
        self._points: Floats = np.zeros((0, 2))
        self._kept: NDArray[np.int64] = np.zeros(0, np.int64)
        self._poses: list[tuple[float, HeadPose]] = []

    def forget(self) -> None:
        """After a frame without a face."""
        self._reference, self._grey, self._poses = None, None, []

    def follow(self, at: float, grey: Grey, mesh: Mesh, pose: HeadPose) -> Parallax | None:
        """What the corners say, for a few frames once the head has turned far enough from the reference.

        `grey`: the picture, uint8 [height, width].
        """
        reference, before, self._grey = self._reference, self._grey, grey
        still = self._still(at, pose)
        if reference is None or before is None:
            self._begin(at, grey, mesh, pose)
            return None
        self._step(before, grey, reference)
        yaw, pitch = abs(pose.yaw - reference.pose.yaw), abs(pose.pitch - reference.pose.pitch)
        enough = len(self._kept) >= LEAST_TRACKS
        if at - reference.at >= REFRESHED and (still or not enough):
            self._begin(at, grey, mesh, pose)
        elif enough and (yaw >= FROM_YAW or pitch >= FROM_PITCH) and reference.opinions < OPINIONS:
            reference.opinions += 1
            return self._judge(reference)
        return None

    def _still(self, at: float, pose: HeadPose) -> bool:
        self._poses = [each for each in self._poses if at - each[0] <= STILL] + [(at, pose)]
        yaws, pitches = zip(*((each.yaw, each.pitch) for _, each in self._poses), strict=True)
        long_enough = at - self._poses[0][0] >= STILL / 2
        return long_enough and max(yaws) - min(yaws) < STILL_YAW and max(pitches) - min(pitches) < STILL_PITCH

    def _begin(self, at: float, grey: Grey, mesh: Mesh, pose: HeadPose) -> None:
        if abs(pose.yaw) > REFERENCE_YAW:
            self._reference = None
            return
        points = mesh.points.astype(np.float64)
        outline = np.asarray(cv2.convexHull(points[:, :2].astype(np.float32)), np.float64)[:, 0]
        side = float((outline.max(axis=0) - outline.min(axis=0)).max())
        scale = min(FACE / max(side, 1.0), LARGEST_SCALE)
        cut, corner = _about(grey, outline, scale)
        if cut is None:
            self._reference = None
            return
        mask = np.zeros(cut.shape, np.uint8)
        middle = outline.mean(axis=0)
        inside = ((middle + SHRUNK * (outline - middle) - corner) * scale).round().astype(np.int32)
        cv2.fillConvexPoly(mask, inside, 255)
        corners: object = cv2.goodFeaturesToTrack(cut, CORNERS, QUALITY, APART, mask=mask)  # None for none
        found = np.reshape(np.asarray(corners if isinstance(corners, np.ndarray) else [], np.float64), (-1, 2))
        self._points = found / scale + corner
        self._kept = np.arange(len(found))
        self._reference = _Reference(at, pose, points, eye_distance(mesh), self._points.copy(), scale)

    def _step(self, before: Grey, after: Grey, reference: _Reference) -> None:
        if not len(self._kept) or before.shape != after.shape:
            self._kept = self._kept[:0]
            return
        scale = reference.scale
        one, corner = _about(before, self._points, scale)
        other, _ = _about(after, self._points, scale)
        if one is None or other is None:
            self._kept = self._kept[:0]
            return
        start = ((self._points - corner) * scale).astype(np.float32)[:, None]
        there, found, _ = cv2.calcOpticalFlowPyrLK(one, other, start, None, winSize=WINDOW)  # type: ignore[call-overload]
        back, found_back, _ = cv2.calcOpticalFlowPyrLK(other, one, there, None, winSize=WINDOW)  # type: ignore[call-overload]
        off = np.linalg.norm(back - start, axis=2)[:, 0]
        good = (off < RETURNED) & (found[:, 0] > 0) & (found_back[:, 0] > 0)
        self._points = there[good, 0].astype(np.float64) / scale + corner
        self._kept = self._kept[good]

    def _judge(self, reference: _Reference) -> Parallax:
        before, after = reference.points[self._kept], self._points
        flat, solid = residuals(
            before * reference.scale,
            after * reference.scale,
            depth_at(before, reference.mesh) * reference.scale,
        )
        bulge = flat / max(reference.eyes * reference.scale, 1e-9)
        pose = reference.pose
        return Parallax(ratio(flat, solid), bulge, len(before), pose.yaw, pose.pitch, reference.at)


def _about(grey: Grey, points: Floats, scale: float) -> tuple[Grey | None, Floats]:
    """The picture about some points with room to move, scaled, and where its corner lies; None outside the picture."""
    low, high = points.min(axis=0), points.max(axis=0)
    room = MARGIN * float((high - low).max()) + 8 / scale
    height, width = grey.shape
    left, top = np.maximum(np.floor(low - room), 0).astype(int)
    right, bottom = np.minimum(np.ceil(high + room), (width, height)).astype(int)
    corner = np.array([left, top], np.float64)
    if right - left < WINDOW[0] or bottom - top < WINDOW[1]:
        return None, corner
    size = (max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale)))
    if min(size) < WINDOW[0]:
        return None, corner
    return np.asarray(cv2.resize(grey[top:bottom, left:right], size, interpolation=cv2.INTER_AREA), np.uint8), corner
