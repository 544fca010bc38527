"""What lies inside a sealed record: vectors as little-endian float32, everything else as JSON."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from db.errors import Fault, RecordUnreadable
from db.records import Vector


def pack_vector(vector: Vector) -> bytes:
    """Raises ValueError for anything but finite float32 [dimension]."""
    if vector.ndim != 1 or vector.dtype != np.float32 or not np.isfinite(vector).all():
        raise ValueError("a vector is float32 of one dimension, and finite")
    return vector.astype("<f4").tobytes()


def unpack_vector(payload: bytes) -> Vector:
    """Raises RecordUnreadable for a payload that is no vector."""
    if not payload or len(payload) % 4:
        raise RecordUnreadable(Fault.PAYLOAD)
    return np.frombuffer(payload, "<f4").astype(np.float32)


def pack_mapping(values: Mapping[str, Any]) -> bytes:
    return json.dumps(dict(values), ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def unpack_mapping(payload: bytes) -> Mapping[str, Any]:
    """Raises RecordUnreadable for a payload that is no JSON object."""
    try:
        values = json.loads(payload)
    except ValueError:
        raise RecordUnreadable(Fault.PAYLOAD) from None
    if not isinstance(values, dict):
        raise RecordUnreadable(Fault.PAYLOAD)
    return values
