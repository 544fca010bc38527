"""Puts a backup back over a home and dies by SIGKILL before its n-th step, again and again.

Run as a program of its own: `python -m tests.db.crashing_restore FOLDER STRIDE`. Prints how often it was killed. After
each death the same restore is called again, and who was erased since the backup must stay erased.
"""

import shutil
import sys
from functools import partial
from pathlib import Path

from db.key_file import KeyFile
from db.restore import Restore
from db.storage import Storage
from tests.db.crashing import die_before, in_child
from tests.db.people import Clock, enrol, open_in


def main(folder: Path, stride: int) -> int:
    home, archives = folder / "home", folder / "archives"
    home.mkdir()
    archives.mkdir()
    storage = open_in(home)
    gone, stays = enrol(storage, label="gone"), enrol(storage, label="stays")
    made = storage.backup().create(archives)
    storage.erase([gone])
    enrol(storage, label="later")
    storage.close()
    step = 1
    while True:
        copy = folder / f"at-{step}"
        shutil.copytree(home, copy)
        put_back = Restore(
            f"sqlite:///{copy / 'data.db'}", f"sqlite:///{copy / 'keys.db'}", KeyFile(copy / "master.key"), Clock()
        )
        killed = in_child(lambda: _call(put_back, made.data, made.keys), partial(die_before, step))  # noqa: B023
        done = put_back(made.data, made.keys, replace=True)
        assert (done.people, done.erased, done.unreadable) == (1, 1, 0), (step, killed, done)
        storage = open_in(copy)
        _only(storage, "stays")
        assert storage._keystore.holders() == {stays}
        storage.close()
        assert {path.name for path in copy.iterdir()} == {"data.db", "keys.db", "master.key"}
        assert not any(gone.hex.encode() in path.read_bytes() for path in copy.iterdir())
        shutil.rmtree(copy)
        if not killed:
            return step // stride
        step += stride


def _call(put_back: Restore, data: Path, keys: Path) -> None:
    put_back(data, keys, replace=True)


def _only(storage: Storage, label: str) -> None:
    with storage.begin() as work:
        assert [person.metadata for person in work.people(0, 9)] == [{"label": label}]


if __name__ == "__main__":
    sys.stdout.write(str(main(Path(sys.argv[1]), int(sys.argv[2]))))
