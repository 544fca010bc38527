"""What the bench needs of the service: handed in by whoever starts it, since this room reaches it only from outside."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

DLIB_ALONE: Final = {"EMBEDDER": "onnx", "ATTRIBUTES": "none"}
"""dlib's vector and nothing besides: what face_recognition's encoding is compared with."""
EVERYTHING: Final = {"EMBEDDER": "fused", "MATCHING": "score", "ATTRIBUTES": "age,gender,emotion"}
CONFIGURATIONS: Final[Mapping[str, Mapping[str, str]]] = {"dlib_alone": DLIB_ALONE, "everything": EVERYTHING}


@dataclass(frozen=True, slots=True)
class Service:
    """`command`: its command line. `fill(home, settings, people)`: enrols synthetic people, vectors of nobody, and
    returns their IDs. `stages(home, settings, frame, rounds)`: milliseconds, login by login, of the parts of a login
    that have no door of their own."""

    command: Sequence[str]
    fill: Callable[[Path, Mapping[str, str], int], Sequence[UUID]]
    stages: Callable[[Path, Mapping[str, str], bytes, int], Mapping[str, Sequence[float]]]
