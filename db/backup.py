"""Backups: the data in one archive, the keys in another that must not grow old.

The key store is held for the instant in which both snapshots are taken, so that every record in the one is opened by
a key in the other. The master key is in neither.
"""

import hashlib
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final
from uuid import uuid4

from sqlalchemy import Engine, func, select
from sqlmodel import Session, col

from db.archive import FORMAT, Archive, Kind, Manifest, sha256_of, write
from db.engine import Snapshot, database_file
from db.errors import BackupRefused, told_apart
from db.key_file import destroy_file, flush_folder
from db.keystore import Keystore
from db.tables import PersonRow, TombstoneRow

KEYS_LIVE: Final = timedelta(days=7)
"""An erased person can be brought back from a backup only as long as a keys archive with their key is left."""
BACKUPS: Final = "backups"
"""Purpose of the secret that manifests are signed with."""
LEFT_BEHIND: Final = timedelta(days=1)
"""An unfinished file this old is a crash's."""


@dataclass(frozen=True, slots=True)
class Created:
    """The two archives, when the second expires, how many people are in them, which archives were destroyed."""

    data: Path
    keys: Path
    expires_at: datetime
    people: int
    pruned: tuple[Path, ...]


class Backup:
    """Writes archives of a storage that may be in use. SQLite only."""

    def __init__(self, data: Engine, keystore: Keystore, now: Callable[[], datetime]) -> None:
        self._data = data
        self._keystore = keystore
        self._now = now

    def create(self, folder: Path) -> Created:
        """Writes both archives into `folder`, then prunes it. Raises BackupRefused and StorageUnavailable."""
        now = self._now().astimezone(UTC)
        secret = self._keystore.secret(BACKUPS)
        files = [_file(engine) for engine in (self._data, self._keystore.engine)]
        with ExitStack() as stack:
            with told_apart(), Session(self._keystore.engine) as session:
                self._keystore.hold(session)
                snapshots = [stack.enter_context(Snapshot(path)) for path in files]
                people, erased = self._people(), _tombstones(session)
            made = _Round(folder / f"facewarden-{now:%Y%m%dT%H%M%SZ}", uuid4().hex, now, people, erased, secret)
            paths = [made.archive("data", snapshots[0]), made.archive("keys", snapshots[1])]
        return Created(paths[0], paths[1], now + KEYS_LIVE, people, prune(folder, now))

    def _people(self) -> int:
        with Session(self._data) as session:
            return session.scalar(select(func.count()).select_from(PersonRow)) or 0


@dataclass(frozen=True, slots=True)
class _Round:
    """What the two archives of one backup have in common."""

    name: Path
    backup_id: str
    now: datetime
    people: int
    erased: bytes
    secret: bytes

    def archive(self, kind: Kind, snapshot: Snapshot) -> Path:
        """Writes one of them; what is unfinished has a name of its own."""
        target, copy, unfinished = (self._path(f"{kind}.{end}") for end in ("tar", "copy.part", "part"))
        if target.exists():
            raise BackupRefused(f"{target} exists already")
        remove = destroy_file if kind == "keys" else partial(Path.unlink, missing_ok=True)
        try:
            snapshot.write(copy)
            write(unfinished, self._manifest(kind, copy), self.secret, copy, self.erased)
            unfinished.rename(target)
            flush_folder(target.parent)
        finally:
            remove(copy)
            remove(unfinished)
        return target

    def _path(self, end: str) -> Path:
        return self.name.with_name(f"{self.name.name}.{end}")

    def _manifest(self, kind: Kind, copy: Path) -> Manifest:
        return Manifest(
            format=FORMAT,
            kind=kind,
            backup_id=self.backup_id,
            created_at=self.now.isoformat(),
            expires_at=(self.now + KEYS_LIVE).isoformat() if kind == "keys" else None,
            people=self.people,
            database=sha256_of(copy),
            erased=hashlib.sha256(self.erased).hexdigest(),
        )


def prune(folder: Path, now: datetime) -> tuple[Path, ...]:
    """Overwrites and removes the keys archives in a folder that have expired, and what crashes have left there.

    Archives that cannot be read are left alone.
    """
    gone = []
    for path in sorted(folder.glob("facewarden-*.keys.tar")):
        try:
            expired = Archive.read(path).manifest.expired(now)
        except BackupRefused:
            continue
        if expired:
            destroy_file(path)
            gone.append(path)
    for path in folder.glob("facewarden-*.part"):
        if datetime.fromtimestamp(path.stat().st_mtime, UTC) < now - LEFT_BEHIND:
            destroy_file(path)
    return tuple(gone)


def _file(engine: Engine) -> Path:
    path = database_file(engine.url.render_as_string(hide_password=False))
    if path is None:
        raise BackupRefused("only SQLite files are backed up here; use the database's own backup, keys apart from data")
    return path


def _tombstones(session: Session) -> bytes:
    return b"".join(session.scalars(select(col(TombstoneRow.digest)).order_by(col(TombstoneRow.digest))))
