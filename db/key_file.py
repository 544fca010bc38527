"""A master key in a file that only its owner may read, and how it is replaced there.

A new key appears as `master.key.next`, is renamed to `master.key` while the one before becomes `master.key.old`, and
that one is overwritten and removed. A key only ever moves from next to current to old, so whoever reads in that
order misses none.
"""

import base64
import os
import secrets
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from db.errors import MasterKeyError
from db.keys import MasterKey
from db.sealing import KEY_BYTES, SealingKey


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A `KeyProvider` over `path` and its two neighbours, `.next` and `.old`."""

    path: Path

    @property
    def next(self) -> Path:
        return self.path.with_name(self.path.name + ".next")

    @property
    def old(self) -> Path:
        return self.path.with_name(self.path.name + ".old")

    def load(self, *, may_create: bool) -> Sequence[SealingKey]:
        """The current key first. Made (0600, flushed to the disk) where there is none and `may_create`."""
        keys = self.found()
        if not keys and not may_create:
            raise MasterKeyError(f"{self.path} is missing, and there is data sealed with it: put the key back")
        return keys or [self._make(self.path)]

    def found(self) -> list[SealingKey]:
        """The keys there are, the current one first."""
        found = dict(self._present())
        return [found[path] for path in (self.path, self.next, self.old) if path in found]

    def _present(self) -> Iterator[tuple[Path, SealingKey]]:
        for path in (self.next, self.path):
            if (key := _read(path)) is not None:
                yield path, key
        with suppress(MasterKeyError):  # a crash may have left it half overwritten
            if (key := _read(self.old)) is not None:
                yield self.old, key

    def pending(self, current: bytes) -> SealingKey | None:
        """`.next`; or the key at `path`, where `.old` waits to be destroyed."""
        following, now = _read(self.next), _read(self.path)
        if following is not None and following != now:
            return following
        if self.old.exists() or self.next.exists():
            return next((key for _, key in self._present() if key.key_id == current), None)
        return None

    def prepare(self, current: bytes) -> SealingKey:  # noqa: ARG002 - the files tell by themselves
        return self._make(self.next)

    def retire(self, keep: bytes) -> bool:
        """Puts the key with the ID `keep` at `path`, overwrites and removes the others."""
        try:
            self._keep_only(keep)
        except OSError as error:
            raise MasterKeyError(f"{self.path} cannot be replaced: {error.strerror}") from None
        return True

    def exists(self) -> bool:
        """Whether there is a key, or what is left of one."""
        return any(path.exists() for path in (self.next, self.path, self.old))

    def destroy(self) -> None:
        """Overwrites and removes every key here. Raises MasterKeyError."""
        try:
            for path in (self.next, self.path):
                if path.exists():
                    path.replace(self.old)  # only a file of that name may be found half overwritten
                destroy_file(self.old)
        except OSError as error:
            raise MasterKeyError(f"{self.path} cannot be destroyed: {error.strerror}") from None

    def _keep_only(self, keep: bytes) -> None:
        found = {path: key.key_id for path, key in self._present()}
        if keep not in found.values():
            raise MasterKeyError(f"the key that the store is sealed with is not beside {self.path}")
        if found.get(self.path) != keep:
            source = self.next if found.get(self.next) == keep else self.old
            if self.path in found and source == self.next:
                destroy_file(self.old)
                self.path.replace(self.old)
            source.replace(self.path)
            flush_folder(self.path.parent)
        destroy_file(self.old)
        if self.next.exists():
            self.next.replace(self.old)  # only a file of that name may be found half overwritten
            destroy_file(self.old)
        for unfinished in self.path.parent.glob(f"{self.path.name}*.new"):
            unfinished.unlink(missing_ok=True)  # not overwritten: it may be a second name of a key in use

    def _make(self, path: Path) -> SealingKey:
        """A fresh key at `path`, or the one of another process that was first. Raises MasterKeyError."""
        master = MasterKey(os.urandom(KEY_BYTES))
        temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(base64.b64encode(master.secret) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            os.link(temporary, path)  # fails where another process was first
            flush_folder(path.parent)
        except FileExistsError:
            found = _read(path)
            if found is None:
                raise MasterKeyError(f"{path} has vanished") from None
            return found
        except OSError as error:
            raise MasterKeyError(f"{path} cannot be made: {error.strerror}") from None
        finally:
            temporary.unlink(missing_ok=True)
        return master.wrapping_key()


def _read(path: Path) -> SealingKey | None:
    """The key in a file; None where there is no file. Raises MasterKeyError for one that is badly kept or no key."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise MasterKeyError(f"{path} cannot be read: {error.strerror}") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise MasterKeyError(f"{path} is no file")
    with os.fdopen(descriptor, "rb") as file:
        mode = os.fstat(file.fileno())
        if stat.S_IMODE(mode.st_mode) & 0o077:
            raise MasterKeyError(f"{path} may be read by others: chmod 600 it")
        if hasattr(os, "geteuid") and mode.st_uid not in {os.geteuid(), 0}:
            raise MasterKeyError(f"{path} belongs to somebody else")
        return MasterKey.from_text(file.read(4096)).wrapping_key()


def destroy_file(path: Path) -> None:
    """Overwrites a file with random bytes, flushes it and removes it; passes over one that is not there.

    A file system that copies on write, or a flash disk, may keep the old blocks all the same.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0))
    except FileNotFoundError:
        return
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        file.write(os.urandom(os.fstat(file.fileno()).st_size))
        os.fsync(file.fileno())
    path.unlink()
    flush_folder(path.parent)


def flush_folder(folder: Path) -> None:
    """A name survives a power cut only once its folder is flushed."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
