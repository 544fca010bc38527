"""Replaces a key in a copy of a home and dies by SIGKILL, again and again: before its n-th step, and at random times.

Run as a program of its own: `python -m tests.db.crashing WHAT FOLDER STRIDE TIMES`. WHAT is `master`, `person`,
`module` (a master key in a token) or `move` (from a file into a token); every STRIDE-th step is one to die before,
TIMES how many random times. Prints JSON. A step is a statement or commit to a database, a file opened, renamed, linked
or removed, or a call of the token: told from outside, by an audit hook, SQLAlchemy's events and a wrapper around the
session, so that the code knows nothing of it. Storages are opened in children only: a token's library keeps the folder
that it was loaded with.
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
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, event

from db.pkcs11_session import ModuleSession
from db.storage import Storage
from tests.db import softhsm
from tests.db.people import enrol, open_in, vector

PEOPLE = 5
TOKENS = {"module", "move"}
WATCHED = {"os.rename", "os.remove", "os.link", "open"}


def main(what: str, folder: Path, stride: int, times: int) -> dict[str, int]:
    home = folder / "home"
    home.mkdir()
    if what in TOKENS:
        softhsm.make(home / "token")
    assert not in_child(lambda: _fill(what, home, folder), _never)
    ids = [UUID(each) for each in json.loads((folder / "ids").read_text())]
    old = (home / "master.key").read_text().strip() if what != "module" else ""
    told = {"killed_at_step": 0, "killed_at_time": 0, "left_for_resume": 0}

    def one(name: str, arm: Callable[[], None]) -> bool:
        copy = folder / f"at-{name}"
        shutil.copytree(home, copy)
        killed = in_child(lambda: _replace(what, copy, ids[0]), arm)
        assert not in_child(lambda: _check(what, copy, ids, old, folder / "left"), _never)
        told["left_for_resume"] += int((folder / "left").read_text())
        shutil.rmtree(copy)
        return killed

    step = 1
    while one(f"step-{step}", partial(die_before, step)):
        told["killed_at_step"] += 1
        step += stride
    chance = random.Random(11)
    for number in range(times):
        told["killed_at_time"] += one(f"time-{number}", partial(_die_after, chance.uniform(0.02, 0.2)))
    return told


def _never() -> None:
    """Does not arm anything."""


def _open(what: str, home: Path) -> Storage:
    if what not in TOKENS:
        return open_in(home)
    softhsm.point(home / "token")
    softhsm.use(home / "token")
    return softhsm.open_with_token(home)


def _fill(what: str, home: Path, folder: Path) -> None:
    storage = open_in(home) if what == "move" else _open(what, home)
    ids = [enrol(storage, templates=2, label=f"person {number}", seed=number) for number in range(PEOPLE)]
    storage.close()
    (folder / "ids").write_text(json.dumps([str(each) for each in ids]))


def _replace(what: str, home: Path, user_id: UUID) -> None:
    storage = _open(what, home)
    if what == "person":
        storage.rotate_person(user_id)
    else:
        storage.master_rotation().rotate()
    storage.close()


def in_child(work: Callable[[], None], arm: Callable[[], None]) -> bool:
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


def die_before(step: int) -> None:
    left = [step]

    def count() -> None:
        left[0] -= 1
        if left[0] == 0:
            _die()

    def watch(name: str, arguments: tuple[object, ...]) -> None:
        if name in WATCHED and "at-" in str(arguments[0]):
            count()

    run = ModuleSession.run

    def counted(session: ModuleSession, work: Callable[[Any], Any]) -> Any:
        count()
        done = run(session, work)
        count()
        return done

    ModuleSession.run = counted  # type: ignore[method-assign, assignment]
    sys.addaudithook(watch)
    event.listen(Engine, "before_cursor_execute", lambda *_: count())
    event.listen(Engine, "commit", lambda *_: count())


def _die_after(seconds: float) -> None:
    timer = threading.Timer(seconds, _die)
    timer.daemon = True
    timer.start()


def _check(what: str, home: Path, ids: list[UUID], old: str, left: Path) -> None:
    """Starts over what is left, ends what was begun and looks at everything; notes whether something was left to do."""
    with sqlite3.connect(home / "keys.db") as keys:
        successors = keys.execute("SELECT count(*) FROM person_key WHERE next_wrapped IS NOT NULL").fetchone()[0]
    keys.close()
    storage = _open(what, home)
    status = storage.master_rotation().status()
    _everybody_is_readable(storage, ids)
    assert status.people == 0, "the start ends a person's replacement"
    if what == "person":
        assert storage.rotate_person(ids[0]) is not None
    else:
        done = storage.master_rotation().rotate()
        assert done.destroyed
        assert not done.pending
    assert not storage.master_rotation().status().unfinished
    _everybody_is_readable(storage, ids)
    current = storage.master_rotation().status().current
    storage.close()
    expected = {"data.db", "keys.db", "token" if what in TOKENS else "master.key"}
    assert {path.name for path in home.iterdir()} == expected
    if what in TOKENS:
        assert [key.key_id.hex() for key in softhsm.keys().found()] == [current]
    files = [path.read_bytes() for path in home.iterdir() if path.is_file()]
    assert what == "module" or (what == "person") == any(old.encode() in content for content in files)
    left.write_text(str(int(status.unfinished or successors > 0)))


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
