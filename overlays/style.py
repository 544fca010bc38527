"""What an overlay is, and which there are."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar, Final, Protocol

from embeddings.types import Face, Pixels
from overlays.hide.blur import Blur
from overlays.hide.pixelate import Pixelate
from overlays.hide.solid import Solid


class OverlayStyle(Protocol):
    """One way to draw over faces.

    `draw` is pure: it gives a new array of the same shape and type and leaves its input alone. A style that `hides`
    covers each face's box times `overlays.region.COVER` and leaves too little of it to find or tell the face.
    """

    name: ClassVar[str]
    hides: ClassVar[bool]

    def draw(self, pixels: Pixels, faces: Sequence[Face]) -> Pixels: ...


class UnknownStyle(ValueError):
    """No style has that name; `styles` are the names there are."""

    code: ClassVar[str] = "unknown_style"

    def __init__(self) -> None:
        self.styles = tuple(STYLES)
        super().__init__(f"there is no such overlay style; there are {', '.join(self.styles)}")


STYLES: Final[Mapping[str, type[OverlayStyle]]] = MappingProxyType(
    {kind.name: kind for kind in (Solid, Pixelate, Blur)},
)
"""The styles by name, in the order in which they are shown."""


def style(name: str) -> OverlayStyle:
    """The style of that name, ready to draw. Raises UnknownStyle."""
    kind = STYLES.get(name)
    if kind is None:
        raise UnknownStyle
    return kind()
