"""What others write is taken over without a request."""

import threading
from pathlib import Path
from uuid import UUID, uuid4

from db.errors import StorageUnavailable
from service.following import Follower
from tests.db.people import enrol, open_in

PATIENCE = 20


def test_an_enrolment_and_an_erasure_elsewhere_are_heard_of(tmp_path: Path) -> None:
    here, elsewhere = open_in(tmp_path), open_in(tmp_path)
    told, seen = threading.Condition(), {uuid4()}

    def follow() -> None:
        nonlocal seen
        with told, here.begin() as work:
            seen = work.user_ids()
            told.notify_all()

    def sees(wanted: set[UUID]) -> bool:
        with told:
            return told.wait_for(lambda: seen == wanted, PATIENCE)

    follower = Follower(here, follow)
    follower.start()
    assert sees(set())
    user_id = enrol(elsewhere)
    assert sees({user_id})
    elsewhere.erase([user_id])
    assert sees(set())
    follower.stop()
    here.close()
    elsewhere.close()


def test_it_goes_on_after_the_database_was_out_of_reach(tmp_path: Path) -> None:
    storage, calls = open_in(tmp_path), list[int]()
    again = threading.Event()

    def follow() -> None:
        calls.append(len(calls))
        if len(calls) == 1:
            raise StorageUnavailable("away")
        again.set()

    follower = Follower(storage, follow)
    follower.start()
    assert again.wait(PATIENCE)
    follower.stop()
    storage.close()
