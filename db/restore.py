"""Putting a backup back, without bringing back anybody who was erased since.

Everything is tried in files beside the real ones; only when nothing is left to refuse are those replaced, the keys
first. Whoever was erased is known by their tombstone: in the key store of today, in the archives restored, and in
any other archive that is named.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from sqlalchemy import Engine, select
from sqlmodel import Session, col

from db.archive import Archive
from db.backup import BACKUPS
from db.engine import database_file, held_exclusively, open_engine
from db.errors import BackupExpired, BackupRefused, RecordUnreadable, told_apart
from db.key_file import destroy_file, flush_folder
from db.keyring import Keyring
from db.keys import KeyProvider
from db.keystore import Keystore
from db.storage import Storage
from db.tables import DetailRow, PersonRow, TemplateRow
from db.tombstones import ERASURES, tombstone
from db.upgrade import bring_up, prove, proven_since


@dataclass(frozen=True, slots=True)
class Restored:
    """`people`: who is enrolled now. `erased`: of those in the backup, whose erasure was done again. `unreadable`:
    of those in the backup, whose key is not in the key store, and who were left out."""

    people: int
    erased: int
    unreadable: int


@dataclass(frozen=True, slots=True)
class Restore:
    """Puts archives in the place of the databases at these URLs; the service must not run.

    `provider`: has the master key that the keys were wrapped with. `now`: tells whether the keys have expired.
    """

    data_url: str
    keys_url: str
    provider: KeyProvider
    now: Callable[[], datetime]

    def __call__(
        self,
        data: Path,
        keys: Path | None = None,
        *,
        erasures: Sequence[Path] = (),
        replace: bool = False,
        drop_unreadable: bool = False,
    ) -> Restored:
        """Restores the data, beside the keys of a backup or else beside the key store that is there.

        `erasures`: other archives, for the tombstones in them. `replace`: what is there goes. `drop_unreadable`: goes
        on without the people whose key is missing. Raises BackupRefused, BackupExpired, DatabaseInUse,
        MasterKeyError or StorageUnavailable, and has changed nothing then.
        """
        wanted = [self._archive(data, "data"), *([self._archive(keys, "keys")] if keys else [])]
        places = [_place(self.data_url), *([_place(self.keys_url)] if keys else [])]
        others = [Archive.read(path) for path in erasures]
        if not replace and (there := [str(place) for place in places if place.exists()]):
            raise BackupRefused(f"{' and '.join(there)} would be replaced: say --replace, or move it away")
        if not keys and not _exists(self.keys_url):
            raise BackupRefused("there is no key store to restore the data beside: name a keys archive as well")
        with ExitStack() as stack:
            erased = self._held(stack, places)
            if not keys:
                self._nobody_uses_the_keys()
            staged = [
                stack.enter_context(_staged(archive, place)) for archive, place in zip(wanted, places, strict=True)
            ]
            done = self._try(staged, [*wanted, *others], erased, drop_unreadable=drop_unreadable)
            for staging in staged:
                with held_exclusively(staging):  # empties the write-ahead log into the file
                    pass
            for staging, place in zip(reversed(staged), reversed(places), strict=True):
                _put(staging, place)
        storage = Storage.open(self.data_url, self.keys_url, self.provider, clock=self.now)
        storage.audit.restored(storage.now())
        storage.close()
        return done

    def _archive(self, path: Path, kind: str) -> Archive:
        archive = Archive.read(path)
        if archive.manifest.kind != kind:
            raise BackupRefused(f"{path} is not a {kind} archive")
        if archive.manifest.expired(self.now()):
            raise BackupExpired(f"{path} expired at {archive.manifest.expires_at}")
        return archive

    def _held(self, stack: ExitStack, places: Sequence[Path]) -> set[bytes]:
        """Keeps others from the files that will be replaced; the tombstones of the key store among them."""
        erased: set[bytes] = set()
        for number, place in enumerate(places):
            if not place.exists():
                continue
            try:
                held = stack.enter_context(held_exclusively(place))
                if number == 1:
                    erased = {digest for (digest,) in held.execute("SELECT digest FROM tombstone")}
            except sqlite3.Error:
                if number == 1:
                    raise BackupRefused(
                        f"{place} is damaged, so that it cannot tell who was erased since the backup: "
                        "move it away to restore without knowing"
                    ) from None
        return erased

    def _nobody_uses_the_keys(self) -> None:
        """The data file may be gone; the key store tells all the same whether a service runs."""
        place = database_file(self.keys_url)
        if place is not None:
            try:
                with held_exclusively(place):
                    pass
            except sqlite3.Error:
                raise BackupRefused(f"{place} is damaged: restore a keys archive as well") from None

    def _try(
        self, staged: Sequence[Path], archives: Sequence[Archive], erased: set[bytes], *, drop_unreadable: bool
    ) -> Restored:
        keys_url = f"sqlite:///{staged[1]}" if len(staged) > 1 else self.keys_url
        with told_apart(), _engines(f"sqlite:///{staged[0]}", keys_url) as (data, keys):
            keyring = Keyring(self.provider, may_create=False)
            bring_up(data, keys)
            keystore = Keystore(keys, keyring)
            keystore.check()
            secret = keystore.secret(BACKUPS)
            for archive in archives:
                archive.check(secret)
            known = keystore.erased().union(erased, *(archive.erased() for archive in archives))
            people = _people(data, keystore, known)
            if people.unreadable and not drop_unreadable:
                raise BackupRefused(
                    f"{len(people.unreadable)} people cannot be read with these keys: restore the keys archive of the "
                    "same backup as well, or say --drop-unreadable"
                )
            keystore.remember(known, self.now())
            storage = Storage(data, keys, self.provider, keyring, self.now)
            proven = proven_since(keystore)
            if proven is None or datetime.fromisoformat(archives[0].manifest.created_at) < proven:
                prove(data, storage.proofs)  # the archive is ours, and from before there were proofs
            storage.erase(sorted(people.erased))
            storage.leave_out(sorted(people.unreadable))
            storage.audit.close()
        return Restored(len(people.stay), len(people.erased), len(people.unreadable))


@dataclass(frozen=True, slots=True)
class _People:
    """Who was enrolled when the backup was made, by what becomes of them."""

    stay: set[UUID]
    erased: set[UUID]
    unreadable: set[UUID]


def _people(data: Engine, keystore: Keystore, known: set[bytes]) -> _People:
    """`known`: the tombstones."""
    secret = keystore.secret(ERASURES)
    with Session(data) as session:
        enrolled = set(session.scalars(select(col(PersonRow.user_id))))
        erased = {user_id for user_id in enrolled if tombstone(secret, user_id) in known}
        readable = _readable(session, keystore)
    return _People(enrolled & readable - erased, erased, enrolled - erased - readable)


def _readable(session: Session, keystore: Keystore) -> set[UUID]:
    """Whose records all name a key of theirs."""
    keys = keystore.all()
    readable = set(keys)
    for table in (TemplateRow, DetailRow):
        for user_id, sealed in session.execute(select(col(table.user_id), col(table.sealed))):
            try:
                keys[user_id].holding(sealed)
            except (KeyError, RecordUnreadable):
                readable.discard(user_id)
    return readable


@contextmanager
def _staged(archive: Archive, place: Path) -> Iterator[Path]:
    """The archive's database in a file beside its place, which is gone at the end."""
    staging = place.with_name(place.name + ".restoring")
    _destroy(staging)  # left by a crash; a log that stays would be played into the next file of that name
    try:
        archive.extract(staging)
        yield staging
    finally:
        _destroy(staging)


def _destroy(database: Path) -> None:
    for path in (*_beside(database), database):
        destroy_file(path)


@contextmanager
def _engines(data_url: str, keys_url: str) -> Iterator[tuple[Engine, Engine]]:
    data, keys = open_engine(data_url), open_engine(keys_url)
    try:
        yield data, keys
    finally:
        data.dispose()
        keys.dispose()


def _put(staging: Path, place: Path) -> None:
    """The staged file takes the place of the other, which is overwritten."""
    former = place.with_name(place.name + ".former")
    if place.exists():
        destroy_file(former)
        os.link(place, former)
    for path in _beside(place):
        path.unlink(missing_ok=True)
    staging.replace(place)
    flush_folder(place.parent)
    destroy_file(former)


def _beside(path: Path) -> list[Path]:
    return [path.with_name(path.name + end) for end in ("-wal", "-shm", "-journal")]


def _place(url: str) -> Path:
    path = database_file(url)
    if path is None:
        raise BackupRefused("only SQLite files are restored here")
    return path


def _exists(url: str) -> bool:
    path = database_file(url)
    return path is None or path.exists()
