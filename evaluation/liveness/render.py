"""A picture turned before a camera: flat, bent, or as if it had the depth of a face; and a film filmed from a screen.

What is simulated is the best of each kind: no edge of paper, no glare, no bezel and no moire gives it away.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from embeddings.liveness.solid import depth_at
from embeddings.liveness.steps import Step
from embeddings.types import Box, Mesh, Pixels
from evaluation.liveness.pieces import Pieces, Span

Kind = Literal["flat", "bent", "warped"]
Floats = NDArray[np.float64]
RATE: Final = 25.0
SIZE: Final = (640, 480)
FACE: Final = 210.0  # px of the face's longer side
FOCAL: Final = 900.0  # px
GRID: Final = 28
PEAK: Final[dict[Kind, float]] = {"flat": 60.0, "bent": 40.0, "warped": 36.0}  # degrees
RADIUS: Final = 1.1  # of bent paper, in sides of the face
REST: Final = 15  # frames; the others likewise
BEFORE, GO, STAY, AFTER = 10, 9, 14, 5
NOISE: Final = 2.5  # standard deviation, of 255
QUALITY: Final = 85  # of JPEG
DIRECTIONS: Final = {Step.TURN_LEFT: (1, 0), Step.TURN_RIGHT: (-1, 0), Step.LOOK_UP: (0, 1), Step.LOOK_DOWN: (0, -1)}


@dataclass(frozen=True, slots=True, eq=False)
class Card:
    """A picture with one face, as a surface: the texture, the centre and side of the face in it, and its mesh."""

    texture: Pixels
    mesh: Floats
    x: float
    y: float
    side: float

    @classmethod
    def of(cls, pixels: Pixels, mesh: Mesh, box: Box) -> "Card":
        x, y = box.center
        return cls(pixels, mesh.points.astype(np.float64), x, y, max(box.width, box.height))


def clip(card: Card, kind: Kind, random: np.random.Generator) -> Iterator[Pixels]:
    """A rest, then each of DIRECTIONS from a rest and back."""
    surface = Surface(card, kind, vertical=bool(random.integers(2)))
    background = _background(random)
    for yaw, pitch in _angles(PEAK[kind]):
        moved = random.normal(0, 0.4, 2)
        yield _filmed(surface.draw(yaw, pitch, moved, background), random)


def pieces() -> Pieces:
    """Where `clip` rests and moves."""
    length = BEFORE + 2 * GO + STAY + AFTER
    starts = {step: REST + number * length for number, step in enumerate(DIRECTIONS)}
    return Pieces((Span(1, REST),), {step: (Span(at + BEFORE - 2, at + length),) for step, at in starts.items()})


def still(card: Card, random: np.random.Generator) -> Iterator[Pixels]:
    """The picture held before the camera."""
    surface, background = Surface(card, "flat", vertical=False), _background(random)
    for _ in range(2 * REST):
        yield _filmed(surface.draw(0, 0, random.normal(0, 0.4, 2), background), random)


class Surface:
    """The picture as a grid of points with a depth, smaller is nearer."""

    def __init__(self, card: Card, kind: Kind, *, vertical: bool) -> None:
        height, width = card.texture.shape[:2]
        reach = 1.6 * card.side
        across = np.linspace(max(0.0, card.x - reach), min(width - 1.0, card.x + reach), GRID)
        down = np.linspace(max(0.0, card.y - reach), min(height - 1.0, card.y + reach), GRID)
        self._texture, self._flat = card.texture, kind == "flat"
        self._uv = np.stack(np.meshgrid(across, down), axis=-1).reshape(-1, 2)
        scale = FACE / card.side
        flat = (self._uv - (card.x, card.y)) * scale
        depth = _depth(card, kind, self._uv, flat, vertical=vertical) * (scale if kind == "warped" else 1.0)
        self._points = np.column_stack([flat, depth])
        corner = np.arange(GRID * GRID).reshape(GRID, GRID)
        one, two, three, four = corner[:-1, :-1], corner[:-1, 1:], corner[1:, :-1], corner[1:, 1:]
        halves = [np.stack(each, axis=-1).reshape(-1, 3) for each in ((one, two, three), (two, four, three))]
        self._triangles = np.concatenate(halves)

    def draw(self, yaw: float, pitch: float, moved: Floats, background: Pixels) -> Pixels:
        """Turned by degrees, as in `HeadPose`, and moved by px."""
        turned = self._points @ _rotation(yaw, pitch).T
        share = FOCAL / (FOCAL + turned[:, 2:])
        seen = turned[:, :2] * share + (SIZE[0] / 2, SIZE[1] / 2) + moved
        if self._flat:
            return self._card(seen, background)
        label = np.full((SIZE[1], SIZE[0]), -1, np.int32)
        order = np.argsort(-turned[self._triangles, 2].mean(axis=1))  # the far ones first
        corners = (seen[self._triangles] * 16).round().astype(np.int32)
        for number in order.tolist():
            cv2.fillConvexPoly(label, corners[number], number, shift=4)
        ends = np.concatenate([seen[self._triangles], np.ones((len(corners), 3, 1))], axis=2)
        level = np.abs(np.linalg.det(ends)) < 1e-6
        ends[level] += np.eye(3)  # seen edge on: nothing of it is drawn
        maps = np.linalg.solve(ends, self._uv[self._triangles])
        y, x = np.nonzero(label >= 0)
        at = np.einsum("nk,nkc->nc", np.column_stack([x, y, np.ones(len(x))]), maps[label[y, x]])
        place = np.full((*label.shape, 2), -1, np.float32)
        place[y, x] = at
        drawn = cv2.remap(self._texture, place[..., 0], place[..., 1], cv2.INTER_LINEAR)
        return np.where(label[..., None] >= 0, drawn, background).astype(np.uint8)

    def _card(self, seen: Floats, background: Pixels) -> Pixels:
        """A flat picture, at once."""
        corners = [0, GRID - 1, GRID * (GRID - 1), GRID * GRID - 1]
        found = cv2.getPerspectiveTransform(self._uv[corners].astype(np.float32), seen[corners].astype(np.float32))
        low, high = self._uv[0].round().astype(int), self._uv[-1].round().astype(int)
        drawn = cv2.warpPerspective(self._texture, found, SIZE, flags=cv2.INTER_LINEAR)
        whole = np.zeros(self._texture.shape[:2], np.uint8)
        whole[low[1] : high[1] + 1, low[0] : high[0] + 1] = 1
        there = cv2.warpPerspective(whole, found, SIZE, flags=cv2.INTER_NEAREST)
        return np.where(there[..., None] > 0, drawn, background).astype(np.uint8)


def screened(film: Iterator[Pixels], random: np.random.Generator) -> Iterator[Pixels]:
    """As a screen shows it and another camera films it: softer, paler, bluer, never twice with the same noise."""
    scale, sigma = random.uniform(0.5, 0.85), random.uniform(0.5, 1.2)
    gain = np.array([random.uniform(0.85, 0.95), 1.0, random.uniform(1.05, 1.2)])
    for pixels in film:
        height, width = pixels.shape[:2]
        small = cv2.resize(pixels, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
        back = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
        soft = cv2.GaussianBlur(back, (0, 0), sigma).astype(np.float64)
        grey = soft.mean(axis=2, keepdims=True)
        cast = (grey + 0.8 * (soft - grey)) * gain
        yield _filmed(np.clip(12 + 0.92 * cast, 0, 255).astype(np.uint8), random)


def _depth(card: Card, kind: Kind, uv: Floats, flat: Floats, *, vertical: bool) -> Floats:
    if kind == "flat":
        return np.zeros(len(uv))
    if kind == "warped":
        depth = depth_at(uv, card.mesh)
        middle: Floats = depth - float(card.mesh[:, 2].max())  # a head turns about its neck
        return middle
    across = np.clip(flat[:, 1 if vertical else 0] / (RADIUS * FACE), -1.3, 1.3)
    bend: Floats = RADIUS * FACE * (1 - np.cos(across))
    return bend


def _rotation(yaw: float, pitch: float) -> Floats:
    a, b = np.deg2rad(yaw), np.deg2rad(pitch)
    # What is near (z < 0) goes to the right of the image for yaw > 0 and up for pitch > 0.
    turn = np.array([[np.cos(a), 0, -np.sin(a)], [0, 1, 0], [np.sin(a), 0, np.cos(a)]])
    nod = np.array([[1, 0, 0], [0, np.cos(b), np.sin(b)], [0, -np.sin(b), np.cos(b)]])
    both: Floats = nod @ turn
    return both


def _angles(peak: float) -> Iterator[tuple[float, float]]:
    yield from [(0.0, 0.0)] * REST
    ease = (1 - np.cos(np.linspace(0, np.pi, GO))) / 2
    way = np.concatenate([np.zeros(BEFORE), ease, np.ones(STAY), ease[::-1], np.zeros(AFTER)]) * peak
    for yaw, pitch in DIRECTIONS.values():
        yield from ((float(yaw * angle), float(pitch * angle)) for angle in way)


def _background(random: np.random.Generator) -> Pixels:
    coarse = random.uniform(60, 190, (6, 8, 3)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, SIZE, interpolation=cv2.INTER_CUBIC).clip(0, 255), np.uint8)


def _filmed(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """With a sensor's noise, and as JPEG leaves it."""
    noise = random.standard_normal(pixels.shape, np.float32) * np.float32(NOISE)
    noisy = np.clip(pixels + noise, 0, 255).astype(np.uint8)
    _, data = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
