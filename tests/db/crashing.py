"""Replaces a key in a copy of a home and dies by SIGKILL, again and again: before its n-th step, and at random times.

Run as a program of its own: `python -m tests.db.crashing WHAT FOLDER STRIDE TIMES`, WHAT is `master` or `person`; every
STRIDE-th step is one to die before, TIMES how many random times. Prints JSON. A step is a statement or commit to a
database, or a file opened, renamed, linked or removed: told from outside, by an audit hook and SQLAlchemy's events,
so that the code knows nothing of it.
"""

import json
import os
import random
import shutil
import signal
import sqlite3
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from uuid import UUID

from sqlalchemy import Engine, event

from db.storage import Storage
from tests.db.people import enrol, open_in, vector

PEOPLE = 5
WATCHED = {"os.rename", "os.remove", "os.link", "open"}


def main(what: str, folder: Path, stride: int, times: int) -> dict[str, int]:
    home = folder / "home"
    home.mkdir()
    storage = open_in(home)
    ids = [enrol(storage, templates=2, label=f"person {number}", seed=number) for number in range(PEOPLE)]
    storage.close()
    old = (home / "master.key").read_text().strip()
    told = {"killed_at_step": 0, "killed_at_time": 0, "left_for_resume": 0}

    def one(name: str, arm: Callable[[], None]) -> bool:
        copy = folder / f"at-{name}"
        shutil.copytree(home, copy)
        killed = _in_child(lambda: _replace(what, copy, ids[0]), arm)
        told["left_for_resume"] += _check(what, copy, ids, old)
        shutil.rmtree(copy)
        return killed

    step = 1
    while one(f"step-{step}", partial(_die_before, step)):
        told["killed_at_step"] += 1
        step += stride
    chance = random.Random(11)
    for number in range(times):
        told["killed_at_time"] += one(f"time-{number}", partial(_die_after, chance.uniform(0.02, 0.2)))
    return told


def _replace(what: str, home: Path, user_id: UUID) -> None:
    storage = open_in(home)
    if what == "master":
        storage.master_rotation().rotate()
    else:
        storage.rotate_person(user_id)
    storage.close()


def _in_child(work: Callable[[], None], arm: Callable[[], None]) -> bool:
    """Whether the child was killed; False when it came to its end first. Raises where it failed."""
    child = os.fork()
    if child == 0:
        try:
            arm()
            work()
        except BaseException:  # noqa: BLE001 - told by the exit status
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.waitstatus_to_exitcode(status) == 0
    return False


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _die_before(step: int) -> None:
    left = [step]

    def count() -> None:
        left[0] -= 1
        if left[0] == 0:
            _die()

    def watch(name: str, arguments: tuple[object, ...]) -> None:
        if name in WATCHED and "at-" in str(arguments[0]):
            count()

    sys.addaudithook(watch)
    event.listen(Engine, "before_cursor_execute", lambda *_: count())
    event.listen(Engine, "commit", lambda *_: count())


def _die_after(seconds: float) -> None:
    timer = threading.Timer(seconds, _die)
    timer.daemon = True
    timer.start()


def _check(what: str, home: Path, ids: list[UUID], old: str) -> bool:
    """Starts over what is left, ends what was begun and looks at everything; whether something was left to do."""
    with sqlite3.connect(home / "keys.db") as keys:
        successors = keys.execute("SELECT count(*) FROM person_key WHERE next_wrapped IS NOT NULL").fetchone()[0]
    keys.close()
    storage = open_in(home)
    status = storage.master_rotation().status()
    _everybody_is_readable(storage, ids)
    assert status.people == 0, "the start ends a person's replacement"
    if what == "master":
        done = storage.master_rotation().rotate()
        assert done.destroyed
        assert not done.pending
    else:
        assert storage.rotate_person(ids[0]) is not None
    assert not storage.master_rotation().status().unfinished
    _everybody_is_readable(storage, ids)
    storage.close()
    assert {path.name for path in home.iterdir()} == {"data.db", "keys.db", "master.key"}
    assert (what == "person") == any(old.encode() in path.read_bytes() for path in home.iterdir())
    return status.unfinished or successors > 0


def _everybody_is_readable(storage: Storage, ids: list[UUID]) -> None:
    with storage.begin() as work:
        assert work.user_ids() == set(ids)
        for number, user_id in enumerate(ids):
            person = work.person(user_id)
            assert person is not None
            assert person.metadata == {"label": f"person {number}"}
            assert (work.templates(user_id)[1].vector == vector(number + 1)).all()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))))
