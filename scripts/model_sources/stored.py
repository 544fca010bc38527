"""Weights as TensorFlow.js publishes them: one blob, and a manifest that says what lies where and how it was shrunk."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

PLAIN = {"float32": "<f4", "int32": "<i4"}


class UnknownFormat(Exception):
    """The published file holds something that this converter does not know."""


@dataclass(frozen=True)
class Weight:
    """One array as it is stored, and what widens it: value = stored * scale + minimum (None: just the stored number).

    Stored as uint8 (with scale and minimum), float16, float32 or int32.
    """

    stored: NDArray[Any]
    scale: float | None = None
    minimum: float | None = None

    def arranged(self, *axes: int) -> "Weight":
        """The same weights with their axes in another order."""
        return replace(self, stored=np.ascontiguousarray(self.stored.transpose(axes)))

    def shaped(self, *shape: int) -> "Weight":
        return replace(self, stored=self.stored.reshape(shape))

    def wide(self) -> NDArray[Any]:
        """The numbers themselves: float32, or int32 where they are whole."""
        if self.scale is not None and self.minimum is not None:
            return (self.stored * np.float32(self.scale) + np.float32(self.minimum)).astype(np.float32)
        return self.stored if self.stored.dtype == np.int32 else self.stored.astype(np.float32)


def read(manifest: Iterable[Mapping[str, Any]], blob: bytes) -> dict[str, Weight]:
    """The weights by name. `manifest`: the groups of a `weightsManifest`, whose files joined are `blob`.

    Raises UnknownFormat for a type that is not known, or where the blob is not as long as the manifest says.
    """
    weights: dict[str, Weight] = {}
    offset = 0
    for entry in (entry for group in manifest for entry in group["weights"]):
        quantization = entry.get("quantization", {})
        kind = storage(entry["dtype"], quantization.get("dtype"))
        count = math.prod(entry["shape"])
        if offset + count * kind.itemsize > len(blob):
            raise UnknownFormat("the blob ends before the weights do")
        stored = np.frombuffer(blob, kind, count, offset).reshape(entry["shape"])
        weights[entry["name"]] = Weight(stored, quantization.get("scale"), quantization.get("min"))
        offset += stored.nbytes
    if offset != len(blob):
        raise UnknownFormat("the blob goes on after the last weight")
    return weights


def storage(kind: str, shrunk: str | None) -> np.dtype[Any]:
    if shrunk == "uint8":
        return np.dtype(np.uint8)
    if shrunk == "float16":
        return np.dtype("<f2")
    if shrunk is None and kind in PLAIN:
        return np.dtype(PLAIN[kind])
    raise UnknownFormat(f"weights of type {kind} stored as {shrunk}")
