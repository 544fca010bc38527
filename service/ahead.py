"""Everybody's templates, opened by other processes while this one still loads its modules and models.

Python opens one template after the other, for one second in 100,000; a start would wait for all of them. What is opened
comes through pipes.
"""

import json
import os
import struct
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from db.reading import Databases, Reading, reading
from embeddings.captures import averages
from service.process import end_with_parent
from service.workers import usable_cores

LEAST: Final = 20_000
"""People, below which a start waits for its models alone."""
MOST: Final = 3
"""Processes beside this one."""
_HEAD: Final = 4096
"""Bytes; of JSON, before the batches."""
_SIZES: Final = struct.Struct("<II")
"""Before a batch: people and numbers of a row. After the last: nobody, and how many cannot be opened."""
_ID: Final = 16


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """Templates of some people: `people` [n], the 16 bytes of their IDs, `rows` float32 [n, dimension], one for each,
    and how many `captures` stand behind it, int32 [n]."""

    people: list[bytes]
    rows: NDArray[np.float32] = field(repr=False)
    captures: NDArray[np.int32]


class Share:
    """What one process sent: templates of one model and one generation of the transform, as of `revision`."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.model_id: str
        self.transform: int
        self.revision: int
        self.model_id, self.transform, self.revision = json.loads(content[:_HEAD])
        self.unreadable: frozenset[UUID] = frozenset()
        """Whose records do not open; known once all have been taken."""

    def take(self) -> Iterator[Opened]:
        """All templates, once; then their memory is given back."""
        content, self._content, at = self._content, b"", _HEAD
        while True:
            people, dimension = _SIZES.unpack_from(content, at)
            at += _SIZES.size
            if not people:
                self.unreadable = frozenset(UUID(bytes=each) for each in _ids(content[at:]))
                return
            rows = np.frombuffer(content, np.float32, people * dimension, at).reshape(people, dimension)
            captures = np.frombuffer(content, np.int32, people, at := at + rows.nbytes)
            at += captures.nbytes
            yield Opened(_ids(content[at : at + people * _ID]), rows, captures)
            at += people * _ID


class _Part:
    """A process, and what comes out of its pipe."""

    def __init__(self, process: int, pipe: int) -> None:
        self._process = process
        self._content = b""
        # A start that fails does not wait for it: the process ends with this one.
        self._reader = threading.Thread(target=self._drain, args=(pipe,), daemon=True)

    def begin(self) -> None:
        """Reads along; to be called once no further copy is made."""
        self._reader.start()

    def _drain(self, pipe: int) -> None:
        with open(pipe, "rb", buffering=0) as file:
            self._content = file.read()

    def ended(self) -> Share | None:
        """What it sent, to be asked for once; None where it failed or had nothing."""
        self._reader.join()
        status, content = os.waitpid(self._process, 0)[1], self._content
        self._content = b""
        return None if status else Share(content)


class Ahead:
    """What was begun at the start of this process; to be asked once."""

    def __init__(self, parts: Sequence[_Part] = ()) -> None:
        self._parts = parts
        for part in parts:
            part.begin()

    @classmethod
    def begin(cls, databases: Databases, least: int = LEAST) -> "Ahead":
        """To be called while this process has one thread and no connection: the others are copies of it.

        Nothing is begun on one core, or on another system than Linux; nothing is found with fewer people than `least`.
        """
        count = min(MOST, usable_cores() - 1)
        if sys.platform != "linux" or threading.active_count() > 1:
            return cls()
        return cls([_begun(databases, part, count, least) for part in range(count)])

    def shares(self, model_id: str, transform: int) -> Iterator[Share]:
        """All of them, or none: where one failed, or they are of another model or generation of the transform."""
        parts, self._parts = self._parts, ()
        shares = [share for part in parts if (share := part.ended()) is not None]
        alike = all((each.model_id, each.transform) == (model_id, transform) for each in shares)
        if len(shares) < len(parts) or not alike:
            return
        while shares:
            yield shares.pop()


def _begun(databases: Databases, part: int, parts: int, least: int) -> _Part:
    pipe, theirs = os.pipe()
    process = os.fork()
    if process:
        os.close(theirs)  # at once: the next copy must not keep it open
        return _Part(process, pipe)
    code = 1
    try:
        end_with_parent()
        with reading(databases, part, parts, least) as found, open(theirs, "wb") as file:  # noqa: PTH123 - no path
            if found is not None:
                _send(file, found)
                code = 0
    finally:
        os._exit(code)  # says nothing: whoever opens the storage in earnest says what is wrong with it


def _send(file: IO[bytes], found: Reading) -> None:
    file.write(json.dumps([found.model_id, found.transform, found.revision]).encode().ljust(_HEAD))
    for batch in found.batches:
        rows, captures = averages(batch.vectors, batch.owners, batch.captures)
        file.write(_SIZES.pack(*rows.shape))
        file.write(rows.tobytes())
        file.write(captures.tobytes())
        file.write(b"".join(batch.people))
    file.write(_SIZES.pack(0, len(found.unreadable)))
    file.write(b"".join(each.bytes for each in found.unreadable))
    file.flush()


def _ids(content: bytes) -> list[bytes]:
    return [content[start : start + _ID] for start in range(0, len(content), _ID)]
