"""A drawn head of nobody in the place of the person's, on a plain backdrop that covers the whole cover."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar, Final

import numpy as np

from embeddings.types import Pixels
from overlays.backdrop import backdrop
from overlays.hair import KINDS, Hair
from overlays.head import head_of, held
from overlays.looks import EXTENT, Colour, Look
from overlays.portrait import Palette, Portrait, expression_of
from overlays.region import SKULL_MIDDLE, Extent, cover_of, largest_first
from overlays.subject import Subject

SKINS: Final[tuple[Colour, ...]] = (
    (255, 219, 190), (244, 199, 164), (226, 174, 134), (198, 140, 100), (155, 102, 70), (112, 72, 52),
)  # fmt: skip
HAIRS: Final[tuple[Colour, ...]] = (
    (44, 32, 32), (82, 54, 40), (128, 78, 46), (186, 128, 66), (226, 184, 110), (168, 72, 44), (150, 146, 152),
)  # fmt: skip
SHIRTS: Final[tuple[Colour, ...]] = (
    (58, 96, 188), (38, 142, 128), (206, 84, 76), (120, 84, 172), (232, 166, 60), (70, 84, 104),
)  # fmt: skip
BACKDROPS: Final[tuple[tuple[Colour, Colour], ...]] = (
    ((196, 222, 250), (140, 178, 236)), ((206, 238, 222), (130, 202, 178)), ((252, 222, 204), (244, 172, 148)),
    ((228, 214, 250), (180, 158, 232)), ((252, 236, 190), (242, 204, 118)), ((250, 212, 224), (236, 154, 180)),
)  # fmt: skip
IRISES: Final[tuple[Colour, ...]] = ((86, 54, 34), (64, 104, 150), (74, 118, 82), (112, 86, 50))
MOST: Final = 0.5  # radians to which a drawn head turns: in profile there is too little of it to see


class Avatar:
    """Chosen by lot from the subject's seed; of the person only how the head is held, and mouth and eyes, roughly."""

    name: ClassVar[str] = "avatar"
    title: ClassVar[str] = "Drawn stand-in"
    hides: ClassVar[bool] = True
    needs: ClassVar[frozenset[str]] = frozenset({"mesh"})
    looks: ClassVar[Mapping[str, Look]] = MappingProxyType({"cover": EXTENT})

    def __init__(self, *, cover: Extent = "head") -> None:
        self._extent: Extent = cover

    def draw(self, pixels: Pixels, subjects: Sequence[Subject]) -> Pixels:
        """A new picture with the heads replaced."""
        drawn = pixels.copy()
        for subject in largest_first(subjects):
            lot = np.random.default_rng(subject.seed)
            palette, hair, colours = person(lot)
            head = head_of(subject)
            shown = held(head, MOST, SKULL_MIDDLE, lot)
            on = backdrop(drawn, shown, cover_of(subject, self._extent), *colours)
            if on is not None:
                Portrait(palette, hair, expression_of(head)).draw(on)
                on.canvas.finish(drawn)
        return drawn


def person(lot: np.random.Generator) -> tuple[Palette, Hair, tuple[Colour, Colour]]:
    """Colours, hair and backdrop of somebody who is not there."""
    skin, hair, shirt, iris, kind, behind = (
        int(lot.integers(len(choices))) for choices in (SKINS, HAIRS, SHIRTS, IRISES, KINDS, BACKDROPS)
    )
    return Palette(SKINS[skin], HAIRS[hair], SHIRTS[shirt], IRISES[iris]), KINDS[kind], BACKDROPS[behind]
