"""Many IDs, some at a time: a statement takes only so many parameters."""

from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

T = TypeVar("T")
CHUNK: Final = 500
"""IDs in one statement, well below every database's limit of parameters."""


def chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    return (items[start : start + CHUNK] for start in range(0, len(items), CHUNK))
