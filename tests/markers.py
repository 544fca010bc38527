"""Marked secrets, and every spelling in which one could come out."""

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

SPELLINGS: Final = ("raw", "hex", "HEX", "base64", "base64url", "JSON", "repr", "percent", "UTF-16")


@dataclass(frozen=True)
class Marker:
    """`pieces`: bytes of which not one may be found; `allowed`: the places where they belong."""

    name: str
    pieces: Sequence[bytes] = field(repr=False)
    allowed: frozenset[str] = frozenset()

    @classmethod
    def text(cls, name: str, text: str, *allowed: str) -> "Marker":
        return cls(name, [text.encode()], frozenset(allowed))

    @classmethod
    def vector(cls, name: str, values: NDArray[np.float32]) -> "Marker":
        """Three numbers in a row from several places of a vector, as float32 and float64 and in decimals."""
        pieces: list[bytes] = []
        for start in range(0, len(values) - 3, 16):
            some = values[start : start + 3]
            pieces += [some.astype(kind).tobytes() for kind in ("<f4", ">f4", "<f8", ">f8")]
            largest = float(max(some, key=abs))
            pieces += [f"{largest:.7f}"[:-1].encode(), repr(largest)[:10].encode()]
        return cls(name, pieces)

    def found(self, content: bytes) -> list[str]:
        """The spellings in which something of it is there."""
        return [name for piece in self.pieces for name, spelt in spellings(piece) if spelt in content]


def spellings(piece: bytes) -> Iterator[tuple[str, bytes]]:
    """A name from SPELLINGS and the bytes, for each; base64 three times, since it depends on what is before."""
    yield "raw", piece
    yield "hex", piece.hex().encode()
    yield "HEX", piece.hex().upper().encode()
    for before in range(3):
        yield "base64", _inner(base64.b64encode(bytes(before) + piece), before, len(piece))
        yield "base64url", _inner(base64.urlsafe_b64encode(bytes(before) + piece), before, len(piece))
    yield "repr", repr(piece)[2:-1].encode()
    try:
        text = piece.decode()
    except UnicodeDecodeError:
        return
    yield "JSON", json.dumps(text)[1:-1].encode()
    yield "percent", quote(text, safe="").encode()
    yield "UTF-16", text.encode("utf-16-le")


def _inner(encoded: bytes, before: int, length: int) -> bytes:
    """Those characters alone that depend on nothing before or behind."""
    return encoded[(before * 8 + 5) // 6 : (before + length) * 8 // 6]
