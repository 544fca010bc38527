"""What an overlay is, and which there are."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar, Final, Protocol

from embeddings.types import Pixels
from overlays.decorate.crown import Crown
from overlays.decorate.glasses import Glasses
from overlays.decorate.hat import Hat
from overlays.decorate.landmarks import Landmarks
from overlays.decorate.moustache import Moustache
from overlays.decorate.sticker import Sticker
from overlays.decorate.sunglasses import Sunglasses
from overlays.hide.avatar import Avatar
from overlays.hide.blur import Blur
from overlays.hide.cartoon import Cartoon
from overlays.hide.emoji import Emoji
from overlays.hide.mask import Mask
from overlays.hide.pixelate import Pixelate
from overlays.hide.solid import Solid
from overlays.looks import BadLook, Look, read
from overlays.subject import Subject

__all__ = ["STYLES", "BadLook", "OverlayStyle", "Subject", "UnknownStyle", "style"]


class OverlayStyle(Protocol):
    """One way to draw over faces. The constructor takes the look, by the names in `looks`.

    `draw` is pure: it gives a new array of the same shape and type and leaves its input alone. A style that `hides`
    covers what `overlays.region.cover_of` says and leaves too little of it to find or tell the face; one that does not
    decorates. `needs`: what of a `Subject` it draws better with, of `mesh` and `emotion`; it draws without, too.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    hides: ClassVar[bool]
    needs: ClassVar[frozenset[str]]
    looks: ClassVar[Mapping[str, Look]]

    def draw(self, pixels: Pixels, subjects: Sequence[Subject]) -> Pixels: ...


class UnknownStyle(ValueError):
    """No style has that name; `styles` are the names there are."""

    code: ClassVar[str] = "unknown_style"

    def __init__(self) -> None:
        self.styles = tuple(STYLES)
        super().__init__(f"there is no such overlay style; there are {', '.join(self.styles)}")


STYLES: Final[Mapping[str, type[OverlayStyle]]] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            Solid,
            Pixelate,
            Blur,
            Mask,
            Avatar,
            Cartoon,
            Emoji,
            Sunglasses,
            Glasses,
            Hat,
            Moustache,
            Crown,
            Landmarks,
            Sticker,
        )
    },
)
"""The styles by name, in the order in which they are shown."""


def style(name: str, **look: object) -> OverlayStyle:
    """The style of that name, ready to draw. Raises UnknownStyle, BadLook."""
    kind = STYLES.get(name)
    if kind is None:
        raise UnknownStyle
    return kind(**read(kind.looks, look))
