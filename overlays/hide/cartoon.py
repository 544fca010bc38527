"""A comic drawing in the person's rough colours, with the features of nobody.

A filter over the picture keeps who it is; here nothing is traced. Of the person there are only three colours, each the
nearest of a few, how the head is held, and mouth and eyes, roughly.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from embeddings.types import Box, Pixels
from overlays.backdrop import backdrop
from overlays.canvas import Fade, Path, Places
from overlays.hair import KINDS
from overlays.head import head_of, held
from overlays.hide.avatar import HAIRS, IRISES, MOST, SHIRTS, SKINS
from overlays.looks import EXTENT, Colour, Look
from overlays.portrait import Palette, Portrait, expression_of, mixed
from overlays.region import SKULL_MIDDLE, Extent, cover_of, largest_first, visible
from overlays.sketch import BLACK, Sketch
from overlays.subject import Subject

INK: Final[Colour] = (26, 18, 34)
GROUNDS: Final[tuple[tuple[Colour, Colour], ...]] = (
    ((255, 214, 10), (255, 232, 110)), ((64, 186, 232), (130, 214, 244)), ((244, 96, 96), (252, 150, 140)),
    ((120, 204, 130), (172, 226, 172)), ((186, 140, 232), (212, 180, 244)),
)  # fmt: skip
RAYS: Final = 28
PITCH: Final = 0.105  # of the dots, eye units


@dataclass(frozen=True, slots=True)
class Dots:
    """Printer's dots of one colour: the larger the more opaque `tone` is there. `pitch` in px."""

    tone: Fade
    colour: Colour
    pitch: float

    def at(self, x: Places, y: Places) -> NDArray[np.float32]:
        pitch = np.float32(self.pitch)
        along, across = (x + y) / pitch, (x - y) / pitch
        away = np.hypot(along - np.rint(along), across - np.rint(across))
        radius = np.sqrt(self.tone.at(x, y)[:, :, 3]) * np.float32(0.56)
        drawn = np.empty((*radius.shape, 4), np.float32)
        drawn[:, :, :3] = self.colour
        drawn[:, :, 3] = np.clip((radius - away) * (pitch / np.float32(1.4)) + np.float32(0.5), 0, 1) * (radius > 0.06)
        return drawn


class Cartoon:
    """Ink, flat colours and printer's dots."""

    name: ClassVar[str] = "cartoon"
    title: ClassVar[str] = "Comic"
    hides: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset({"mesh"})
    looks: ClassVar[Mapping[str, Look]] = MappingProxyType({"cover": EXTENT})

    def __init__(self, *, cover: Extent = "head") -> None:
        self._extent: Extent = cover

    def draw(self, pixels: Pixels, subjects: Sequence[Subject]) -> Pixels:
        """A new picture with the heads redrawn."""
        drawn = pixels.copy()
        for subject in largest_first(subjects):
            lot = np.random.default_rng(subject.seed)
            shirt, iris, kind, ground = (int(lot.integers(len(each))) for each in (SHIRTS, IRISES, KINDS, GROUNDS))
            head = head_of(subject)
            skin, hair = colours(drawn, subject.face.box)
            palette = Palette(skin, hair, SHIRTS[shirt], IRISES[iris], INK)
            cover = cover_of(subject, self._extent)
            shown = held(head, MOST, SKULL_MIDDLE, lot)
            on = backdrop(drawn, shown, cover, *GROUNDS[ground][:1] * 2)
            if on is None:
                continue
            x, y = cover.outline.center
            _rays(on, np.array([x, y]), max(cover.outline.width, cover.outline.height), GROUNDS[ground][1])
            portrait = Portrait(palette, KINDS[kind], expression_of(head), 0.06)
            portrait.draw(on)
            _print(on, portrait.outline(shown), skin)
            on.canvas.finish(drawn)
        return drawn


def colours(pixels: Pixels, box: Box) -> tuple[Colour, Colour]:
    """The nearest of SKINS to the middle of the face, and of HAIRS to what is above the forehead."""
    skin = _mean(pixels, Box(box.x + box.width * 0.25, box.y + box.height * 0.35, box.width * 0.5, box.height * 0.35))
    hair = _mean(pixels, Box(box.x + box.width * 0.25, box.y - box.height * 0.2, box.width * 0.5, box.height * 0.18))
    return _nearest(skin, SKINS), _nearest(hair, HAIRS)


def _mean(pixels: Pixels, box: Box) -> Colour | None:
    area = visible(box, *pixels.shape[:2])
    if area is None:
        return None
    red, green, blue = np.rint(cv2.mean(pixels[area.slices])[:3]).astype(int).tolist()
    return red, green, blue


def _nearest(found: Colour | None, choices: Sequence[Colour]) -> Colour:
    if found is None:
        return choices[0]
    return min(choices, key=lambda one: sum((a - b) ** 2 for a, b in zip(one, found, strict=True)))


def _rays(sketch: Sketch, middle: Path, reach: float, colour: Colour) -> None:
    angles = np.linspace(0, 2 * np.pi, RAYS, endpoint=False)
    for start, end in zip(angles[::2], angles[1::2], strict=True):
        far = np.array([(np.cos(start), np.sin(start)), (np.cos(end), np.sin(end))]) * reach
        sketch.fill(np.vstack([middle, middle + far]), colour)


def _print(sketch: Sketch, face: Path, skin: Colour) -> None:
    tone = sketch.fade((-0.25, 0.0, 0.0), (1.1, 1.2, 0.3), ((0.0, BLACK, 0.0), (1.0, BLACK, 0.75)))
    pitch = max(PITCH * sketch.head.unit, 2.5)
    sketch.fill(face, Dots(tone, mixed(skin, (150, 40, 30), 0.55), pitch), 0.75)
