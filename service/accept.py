"""Which of several kinds of answer a caller would rather have (RFC 9110, section 12.5.1)."""

from collections.abc import Sequence
from typing import Final

MOST: Final = 32
"""Ranges that are looked at; what a client lists beyond them does not count."""


def preferred(accept: str, offered: Sequence[str]) -> str | None:
    """The media type of `offered`, its best first, that a header `accept` weighs most; None where it takes none."""
    ranges = [_range(part) for part in accept.split(",")[:MOST] if part.strip()] or [("*/*", 1.0)]
    best, weight = None, 0.0
    for kind in offered:
        found = max((match for match in (_match(kind, *each) for each in ranges) if match), default=(0, 0.0))
        if found[1] > weight:
            best, weight = kind, found[1]
    return best


def _range(part: str) -> tuple[str, float]:
    """A range and its weight, 0 where that is no number."""
    name, *parameters = (piece.strip().lower() for piece in part.split(";"))
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return name, min(max(float(parameter[2:6]), 0.0), 1.0)
            except ValueError:
                return name, 0.0
    return name, 1.0


def _match(kind: str, name: str, weight: float) -> tuple[int, float] | None:
    """How closely a range names a kind, and its weight: the closest one counts."""
    if name == kind:
        return 2, weight
    if name.endswith("/*") and kind.startswith(name[:-1]):
        return 1, weight
    return (0, weight) if name == "*/*" else None
