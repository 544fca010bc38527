"""The receipt of a purge: a file written at its end, and beside it, until then, whom the purge is about.

A purge that was killed and is called again with the same file so gives a receipt for those erased before, too.
"""

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from service.receipts import Receipt


def written(receipt: Receipt) -> bytes:
    """As in a file."""
    return receipt.model_dump_json(indent=2).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class ReceiptFile:
    """`path`: the receipt's, which must not exist yet."""

    path: Path

    @property
    def plan(self) -> Path:
        return self.path.with_name(self.path.name + ".part")

    def planned(self) -> set[UUID]:
        """Whom a purge was about that did not end. Raises ValueError for a file that is something else."""
        if not self.plan.exists():
            return set()
        return {UUID(line) for line in self.plan.read_text(encoding="ascii").split()}

    def begin(self, user_ids: Collection[UUID]) -> None:
        """Before anybody is erased. Raises OSError where nothing can be written there."""
        _write(self.plan, "".join(f"{user_id}\n" for user_id in user_ids).encode())

    def end(self, receipt: Receipt | None) -> None:
        """None where nobody was erased."""
        if receipt is not None:
            _write(self.path, written(receipt))
        self.plan.unlink(missing_ok=True)


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all, for the owner's eyes."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
