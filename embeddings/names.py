"""The names of embedders, without anything that they need."""

from pathlib import Path
from typing import Final

SHIPPED: Final = ("onnx", "dlib", "fused")
SLOT: Final = "onnx:"
"""Before the path of a net of the operator's own."""


def embedder_name(name: str) -> str:
    """The name, if it is one of SHIPPED or `onnx:` and a path. Raises ValueError."""
    if name not in SHIPPED and not (name.startswith(SLOT) and name.endswith(".onnx")):
        known = ", ".join(SHIPPED)
        raise ValueError(f"is one of {known}, or {SLOT} and the path of a model file that ends with .onnx")
    return name


def slot_path(name: str) -> Path | None:
    """The model file of the operator's own; None for an embedder that ships."""
    return Path(name.removeprefix(SLOT)) if name.startswith(SLOT) else None
