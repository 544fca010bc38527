"""kill -9 in the middle of everything at once: what was answered holds, what was not is whole or absent."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final
from uuid import UUID

import pytest

from db.api_keys import Role
from db.details import FACTOR, RECOVERY
from db.storage import Storage
from service import factor
from service.bootstrap import Application, build
from service.errors import NotRecognised
from service.settings import Settings
from service.workflows.login import LoginRequest
from tests import databases
from tests.portraits import portraits
from tests.story.churn import Client, Countdown, Known
from tests.story.server import api_key, running_service

LONG: Final = os.environ.get("FACEWARDEN_TEST_LONG") == "1"
CLIENTS: Final = 3
ROUNDS, OPERATIONS = (10, 200) if LONG else (2, 30)
SETTINGS: Final = {
    "FACEWARDEN_EMBEDDER": "onnx",
    "FACEWARDEN_ATTRIBUTES": "none",
    "FACEWARDEN_ALLOW_DUPLICATES": "true",
    "FACEWARDEN_SWEEP_SECONDS": "0.5",
    "FACEWARDEN_CHALLENGE_AT_ONCE": "true",
}


def churn(home: Path, chance: random.Random, people: list[Known]) -> list[Known]:
    """One round over what is there already; `people` and whoever was enrolled in it, as far as was answered."""
    pictures = [path.read_bytes() for path in (portraits().obama, portraits().obama2, portraits().biden)]
    countdown = Countdown(chance.randint(OPERATIONS // 3, OPERATIONS))
    with running_service(home, command=(), **SETTINGS) as service:
        keys = {role: api_key(home, role) for role in (Role.VERIFIER, Role.ADMIN)}
        seeds = [chance.getrandbits(32) for _ in range(CLIENTS)]
        clients = [Client(service.base_url, pictures, seed, countdown, keys) for seed in seeds]
        for number, person in enumerate(people):
            clients[number % CLIENTS].people.append(person)
        threads = ThreadPoolExecutor(CLIENTS)
        running = [threads.submit(client.run) for client in clients]
        environment = os.environ | SETTINGS | {"FACEWARDEN_HOME": str(home)} | databases.environment(home)
        rotate = [sys.executable, "-m", "service.cli.main", "keys", "rotate"]
        rotation = subprocess.Popen(
            rotate, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        assert countdown.reached.wait(300)
        time.sleep(chance.random() * 0.2)
        service.process.send_signal(signal.SIGKILL)
        rotation.kill()
        threads.shutdown()
        for each in running:
            each.result()
    rotation.wait(10)
    return [person for client in clients for person in client.people]


def check(home: Path, people: Iterable[Known], rounds: int, **where: str) -> int:
    """Starts over what so many rounds left; how many people are there. `where`: the URLs of other databases."""
    settings = Settings(
        home=home,
        embedder="onnx",
        attributes=(),
        allow_duplicates=True,
        **where,  # type: ignore[arg-type]
    )
    application = build(settings)
    try:
        storage = application.storage
        there = application.people.ids()
        known = {UUID(person.user_id): person for person in people}
        on_the_way = CLIENTS * rounds  # enrolments that were not answered when it was killed
        assert len(there - known.keys()) <= on_the_way
        assert len(storage._keystore.holders() - there) <= on_the_way
        assert application.gallery.index.keys() == there
        whole(storage, there)
        for user_id, person in known.items():
            if person.erased:
                assert user_id not in there
                entries = storage.audit.entries(person=storage.audit.pseudonym(user_id))
                assert "erased" in {entry.kind for entry in entries}
            elif user_id not in there:
                assert person.asked == "erase"
                person.erased, person.asked = True, None
            else:
                settle(storage, user_id, person)
                logs_in(application, user_id, person)
        assert storage.audit.verify()[1] == []
        assert storage.master_rotation().rewrap().destroyed
        assert not storage.master_rotation().status().unfinished
        return len(there)
    finally:
        application.close()


def logs_in(application: Application, user_id: UUID, person: Known) -> None:
    """With what was answered last, and with nothing else."""
    request = LoginRequest([person.picture], user_id, passphrase=person.passphrase)
    token = application.login(request).issued.token
    assert application.me.show(token).consent.uses == person.uses
    if person.passphrase is not None:
        with pytest.raises(NotRecognised):
            application.login(LoginRequest([person.picture], user_id, passphrase="wrong words"))


def whole(storage: Storage, there: set[UUID]) -> None:
    """Nobody is half there: each has a key, a template, a consent, a recovery code, and everything opens."""
    assert there <= storage._keystore.holders()
    assert storage._keystore.with_successor() == []
    with storage.begin() as work:
        assert work.unreadable_ids() == set()
        for user_id in there:
            assert len(work.templates(user_id)) == 1
            assert work.consents(user_id)
            assert work.details.get(user_id, RECOVERY) is not None
            kinds = {entry.kind for entry in storage.audit.entries(person=storage.audit.pseudonym(user_id))}
            assert "enrolled" in kinds
            assert "erased" not in kinds


def settle(storage: Storage, user_id: UUID, person: Known) -> None:
    """Whatever was asked for and not answered has happened, or has not."""
    with storage.begin() as work:
        if person.asked == "withdraw":
            uses = work.consents(user_id)[-1].uses
            assert uses in {person.uses, person.uses - {"overlays"}}
            person.uses = uses
        if person.asked == "passphrase" and factor.matches(
            work.details.get(user_id, FACTOR), person.asked_passphrase or ""
        ):
            person.passphrase = person.asked_passphrase
    person.asked = None


@pytest.mark.long
def test_killed_again_and_again_in_the_middle_of_everything(tmp_path: Path) -> None:
    chance = random.Random(20260301)
    people: list[Known] = []
    for number in range(ROUNDS):
        people = churn(tmp_path / "home", chance, people)
        there = check(tmp_path / "home", people, number + 1)
    assert there > 0
    assert any(person.erased for person in people)
