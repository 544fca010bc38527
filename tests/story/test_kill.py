"""kill -9 in the middle of enrolments: what was answered is there, what was not is whole or absent."""

import random
import signal
import threading
from pathlib import Path

import httpx
import pytest

from service.bootstrap import build
from service.errors import NotRecognised
from service.settings import Settings
from service.workflows.login import LoginRequest
from tests.portraits import Portraits, portraits
from tests.story.server import Service, running_service

ENROLMENTS = 50


@pytest.fixture(scope="module")
def people() -> Portraits:
    return portraits()


def _enrol_until_killed(service: Service, pictures: list[Path], after: int) -> list[str]:
    """Enrols over two connections, kills the server once `after` enrolments were answered; the IDs answered."""
    answered: list[str] = []
    reached = threading.Event()

    def work(share: int) -> None:
        with httpx.Client(base_url=service.base_url, timeout=60) as client:
            for number in range(share, ENROLMENTS, 2):
                path = pictures[number % len(pictures)]
                try:
                    answer = client.post(
                        "/v1/users", files={"image": (path.name, path.read_bytes())}, data={"consent": "true"}
                    )
                except httpx.TransportError:
                    return
                assert answer.status_code == 201, answer.text
                answered.append(answer.json()["user_id"])
                if len(answered) >= after:
                    reached.set()

    threads = [threading.Thread(target=work, args=(share,)) for share in range(2)]
    for thread in threads:
        thread.start()
    assert reached.wait(120)
    service.process.send_signal(signal.SIGKILL)
    for thread in threads:
        thread.join()
    return answered


def test_every_answered_enrolment_survives_and_nothing_is_half_written(tmp_path: Path, people: Portraits) -> None:
    home = tmp_path / "home"
    pictures = [people.obama, people.obama2, people.biden]
    with running_service(home, FACEWARDEN_ALLOW_DUPLICATES="true") as service:
        answered = _enrol_until_killed(service, pictures, after=random.Random(7).randint(15, 35))
    assert 15 <= len(answered) < ENROLMENTS

    application = build(Settings(home=home, allow_duplicates=True))
    try:
        there = application.people.ids()
        assert {str(each) for each in there} >= set(answered)
        assert len(application.gallery.index) == len(there)
        frames = {path: path.read_bytes() for path in pictures}
        for user_id in there:
            assert application.people.get(user_id).templates == 1
        for user_id in there:
            accepted = 0
            for frame in frames.values():
                try:
                    accepted += application.login(LoginRequest([frame], user_id)).user_id == user_id
                except NotRecognised:
                    continue
            assert accepted >= 1
    finally:
        application.close()
