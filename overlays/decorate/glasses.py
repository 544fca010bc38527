"""Clear glasses with a thin frame."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar, Final

from embeddings.types import Pixels
from overlays.decorate.drawing import FACE, each
from overlays.decorate.spectacles import Build, cast, front, lenses, streaks, temples
from overlays.looks import Colour, Look, Tint
from overlays.shapes import points
from overlays.sketch import WHITE, Sketch
from overlays.subject import Subject

FRAME: Final[Colour] = (74, 46, 32)
BUILD: Final = Build(
    lens=points(
        (-0.98, 0.02), (-0.9, -0.22), (-0.68, -0.34), (-0.44, -0.34), (-0.22, -0.22), (-0.15, 0.02), (-0.22, 0.26),
        (-0.42, 0.4), (-0.68, 0.41), (-0.89, 0.28),
    ),
    rim=0.06,
    hinge=(1.1, -0.1),
    bridge=points((-0.17, -0.05), (-0.08, -0.14), (0.08, -0.14), (0.17, -0.05)),
    temple=0.075,
)  # fmt: skip


class Glasses:
    """Round glasses; the face is still to be known."""

    name: ClassVar[str] = "glasses"
    title: ClassVar[str] = "Glasses"
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
        cast(sketch, BUILD, 0.4)
        for side, lens in zip((-1, 1), lenses(BUILD), strict=True):
            shown = sketch.shown(lens)
            sketch.fill(
                shown, sketch.fade((0, -0.35, -0.4), (0, 0.4, -0.4), ((0.0, (214, 230, 246), 0.2), (1.0, WHITE, 0.03)))
            )
            streaks(sketch, shown, 0.57 * side, ((-0.18, 0.13), (0.02, 0.05)), 0.32)
        front(sketch, BUILD, self._frame, 0.6)
