"""Everybody's templates, opened by other processes while this one still loads its modules and models.

Python opens one template after the other, for one second in 100,000; a start would wait for all of them. What is opened
comes through pipes.
"""

import json
import os
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import IO, Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from db.reading import Databases, Found, read_part
from embeddings.captures import averages
from service.process import end_with_parent
from service.workers import usable_cores

LEAST: Final = 20_000
"""People, below which a start waits for its models alone."""
MOST: Final = 3
"""Processes beside this one."""
_HEAD: Final = 4096
"""Bytes; of JSON, before the numbers."""


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """Templates of some people, as of `revision`: `people` [n], the 16 bytes of their IDs, `rows` float32
    [n, dimension], one for each, and how many `captures` stand behind it, int32 [n]; `unreadable`: whose records do not
    open."""

    model_id: str
    transform: int
    revision: int
    people: list[bytes]
    rows: NDArray[np.float32] = field(repr=False)
    captures: NDArray[np.int32]
    unreadable: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class _Part:
    """A process, and where what it opens comes out."""

    process: int
    pipe: int


class Ahead:
    """What was begun at the start of this process; to be asked once."""

    def __init__(self, parts: Sequence[_Part] = ()) -> None:
        self._processes = [part.process for part in parts]
        self._contents: list[Future[bytes]] = []
        if parts:
            readers = ThreadPoolExecutor(len(parts), "ahead")
            self._contents = [readers.submit(_drained, part.pipe) for part in parts]
            readers.shutdown(wait=False)

    @classmethod
    def begin(cls, databases: Databases, least: int = LEAST) -> "Ahead":
        """To be called while this process has one thread and no connection: the others are copies of it.

        Nothing is begun on one core, or on another system than Linux; nothing is found with fewer people than `least`.
        """
        count = min(MOST, usable_cores() - 1)
        if sys.platform != "linux" or threading.active_count() > 1:
            return cls()
        return cls([_begun(databases, part, count, least) for part in range(count)])

    def opened(self, model_id: str, transform: int) -> list[Opened]:
        """All parts, or none: where one failed, or they are of another model or generation of the transform."""
        processes, contents = self._processes, self._contents
        self._processes, self._contents = [], []
        parts = [content.result() for content in contents]
        if any([os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) for process in processes]):  # noqa: C419 - all end
            return []
        found = [_read(part) for part in parts]
        return found if all((each.model_id, each.transform) == (model_id, transform) for each in found) else []


def _begun(databases: Databases, part: int, parts: int, least: int) -> _Part:
    pipe, theirs = os.pipe()
    process = os.fork()
    if process:
        os.close(theirs)  # at once: the next copy must not keep it open
        return _Part(process, pipe)
    code = 1
    try:
        end_with_parent()
        found = read_part(databases, part, parts, least)
        if found is not None:
            with open(theirs, "wb") as file:  # noqa: PTH123 - no path
                _write(file, found)
            code = 0
    finally:
        os._exit(code)  # says nothing: whoever opens the storage in earnest says what is wrong with it


def _drained(pipe: int) -> bytes:
    with open(pipe, "rb", buffering=0) as file:
        return file.read()


def _write(file: IO[bytes], found: Found) -> None:
    rows, captures = averages(found.vectors, found.owners, found.captures)
    head = [found.model_id, found.transform, found.revision, len(found.people), rows.shape[1]]
    file.write(json.dumps(head).encode().ljust(_HEAD))
    file.write(np.ascontiguousarray(rows).data)
    file.write(captures.tobytes())
    file.write(b"".join([*found.people, *(each.bytes for each in found.unreadable)]))


def _read(content: bytes) -> Opened:
    model_id, transform, revision, people, dimension = json.loads(content[:_HEAD])
    rows = np.frombuffer(content, np.float32, people * dimension, _HEAD).reshape(people, dimension)
    captures = np.frombuffer(content, np.int32, people, _HEAD + rows.nbytes)
    left = content[_HEAD + rows.nbytes + captures.nbytes :]
    ids = [left[start : start + 16] for start in range(0, len(left), 16)]
    unreadable = frozenset(UUID(bytes=each) for each in ids[people:])
    return Opened(model_id, transform, revision, ids[:people], rows, captures, unreadable)
