"""Dark glasses with a thick frame."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar, Final

from embeddings.types import Pixels
from overlays.decorate.drawing import FACE, each
from overlays.decorate.spectacles import Build, front, lenses, streaks, temples
from overlays.looks import Colour, Look, Tint
from overlays.shapes import points
from overlays.sketch import Sketch
from overlays.subject import Subject

FRAME: Final[Colour] = (24, 22, 26)
BUILD: Final = Build(
    lens=points(
        (-1.02, -0.22), (-0.8, -0.31), (-0.45, -0.33), (-0.17, -0.26), (-0.12, -0.08), (-0.2, 0.2), (-0.38, 0.36),
        (-0.64, 0.39), (-0.87, 0.29), (-0.99, 0.05),
    ),
    rim=0.1,
    hinge=(1.13, -0.2),
    bridge=points((-0.17, -0.2), (0.0, -0.25), (0.17, -0.2)),
    temple=0.14,
)  # fmt: skip


class Sunglasses:
    """The eyes are behind dark glass; the face is still to be known."""

    name: ClassVar[str] = "sunglasses"
    title: ClassVar[str] = "Sunglasses"
    hides: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset({"mesh"})
    looks: ClassVar[Mapping[str, Look]] = MappingProxyType({"colour": Tint(FRAME)})

    def __init__(self, *, colour: Colour = FRAME) -> None:
        self._frame = colour

    def draw(self, pixels: Pixels, subjects: Sequence[Subject]) -> Pixels:
        """A new picture with the glasses on."""
        return each(pixels, subjects, FACE, self._one)

    def _one(self, sketch: Sketch, subject: Subject) -> None:  # noqa: ARG002 - how the head stands is all it takes
        temples(sketch, BUILD, self._frame)
        face = sketch.face()
        for lens in lenses(BUILD):
            sketch.shadow(lens, 0.07, 0.5, face, (0.02, 0.1))
        for side, lens in zip((-1, 1), lenses(BUILD), strict=True):
            shown = sketch.shown(lens)
            glass = ((0.0, (10, 11, 15), 0.985), (0.55, (26, 26, 34), 0.97), (1.0, (78, 72, 78), 0.9))
            sketch.fill(shown, sketch.fade((0, -0.3, -0.4), (0, 0.42, -0.4), glass))
            sky = sketch.glow(
                lens.mean(axis=0) + (-0.12, -0.3, 0),
                0.55,
                0.3,
                ((0.0, (150, 176, 214), 0.34), (1.0, (150, 176, 214), 0.0)),
            )
            sketch.fill(shown, sky)
            streaks(sketch, shown, 0.57 * side, ((-0.2, 0.16), (0.04, 0.06)), 0.26)
        front(sketch, BUILD, self._frame, 0.55)
