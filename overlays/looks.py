"""What a caller may choose about a style, and how its words are read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, Protocol

import numpy as np
from numpy.typing import NDArray

Colour = tuple[int, int, int]
"""Red, green, blue, 0 to 255."""
Artwork = NDArray[np.uint8]
"""A picture with its transparency, uint8 [height, width, 4], RGBA, not premultiplied."""

LARGEST_ARTWORK: Final = 4096


class BadLook(ValueError):
    """A style has no such choice, or not that value; `field` names it, `advice` says what would do."""

    code: ClassVar[str] = "bad_look"

    def __init__(self, field: str, advice: str) -> None:
        self.field, self.advice = field, advice
        super().__init__(advice)


class Look(Protocol):
    """One thing that may be chosen. `read` raises ValueError or TypeError, its message what would do."""

    def read(self, value: object) -> object: ...

    def described(self) -> dict[str, object]:
        """As JSON: `kind`, what may be chosen, `default`."""
        ...


@dataclass(frozen=True, slots=True)
class Choice:
    values: tuple[str, ...]
    default: str

    def read(self, value: object) -> str:
        if not isinstance(value, str) or value not in self.values:
            raise ValueError(f"one of {', '.join(self.values)}")
        return value

    def described(self) -> dict[str, object]:
        return {"kind": "choice", "values": list(self.values), "default": self.default}


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number, both ends included."""

    low: int
    high: int
    default: int

    def read(self, value: object) -> int:
        advice = f"a whole number from {self.low} to {self.high}"
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise TypeError(advice)
        text = str(value)
        if not (text.isascii() and text.isdigit() and len(text) < 10 and self.low <= int(text) <= self.high):
            raise ValueError(advice)
        return int(text)

    def described(self) -> dict[str, object]:
        return {"kind": "whole", "low": self.low, "high": self.high, "default": self.default}


@dataclass(frozen=True, slots=True)
class Tint:
    """A colour, as three numbers or written #rrggbb."""

    default: Colour

    def read(self, value: object) -> Colour:
        if isinstance(value, str) and len(value) == 7 and value.startswith("#"):
            try:
                red, green, blue = bytes.fromhex(value[1:])
            except ValueError:
                raise ValueError("a colour as #rrggbb") from None
            return red, green, blue
        if isinstance(value, tuple) and len(value) == 3:
            red, green, blue = value
            if all(isinstance(part, int) and 0 <= part <= 255 for part in (red, green, blue)):
                return red, green, blue
        raise ValueError("a colour as #rrggbb")

    def described(self) -> dict[str, object]:
        return {"kind": "colour", "default": "#" + bytes(self.default).hex()}


@dataclass(frozen=True, slots=True)
class Own:
    """A picture of the caller's own, RGBA; there is none by default."""

    def read(self, value: object) -> Artwork:
        if not isinstance(value, np.ndarray) or value.dtype != np.uint8 or value.ndim != 3 or value.shape[2] != 4:
            raise ValueError("a picture with transparency (RGBA)")
        if not 0 < min(value.shape[:2]) <= max(value.shape[:2]) <= LARGEST_ARTWORK:
            raise ValueError(f"a picture of at most {LARGEST_ARTWORK} pixels a side")
        return value

    def described(self) -> dict[str, object]:
        return {"kind": "picture", "default": None}


def read(looks: Mapping[str, Look], chosen: Mapping[str, object]) -> dict[str, object]:
    """What was chosen, ready for a style's constructor. Raises BadLook."""
    values: dict[str, object] = {}
    for name, value in chosen.items():
        if name not in looks:
            raise BadLook(name, f"one of {', '.join(looks)}" if looks else "nothing may be chosen about this style")
        try:
            values[name] = looks[name].read(value)
        except (ValueError, TypeError) as error:
            raise BadLook(name, str(error)) from None
    return values


EXTENT: Final = Choice(("head", "face"), "head")
"""What a hiding style covers."""
