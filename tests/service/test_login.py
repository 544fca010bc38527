"""What a login leaves behind, and which of its frames count."""

from uuid import uuid4

import cv2
import numpy as np
import pytest

from embeddings.captures import FramesDisagree
from embeddings.quality import FaceRefused
from service.bootstrap import Application
from service.errors import NotRecognised
from service.workflows.enrol import Enrolled, EnrolRequest
from service.workflows.login import LoginRequest
from tests.portraits import Portraits


@pytest.fixture
def enrolled(application: Application, people: Portraits) -> Enrolled:
    return application.enrol(EnrolRequest([people.obama.read_bytes(), people.obama2.read_bytes()], consent=True))


def attempts(application: Application) -> list[tuple[str | None, object]]:
    """Pseudonym and outcome of each login in the log."""
    logins = [entry for entry in application.storage.audit.entries() if entry.kind == "login"]
    return [(entry.person, entry.details["outcome"]) for entry in logins]


def blurred(photo: bytes) -> bytes:
    pixels = cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    return bytes(cv2.imencode(".png", cv2.GaussianBlur(pixels, (0, 0), 12))[1])


def test_every_login_is_noted_refused_ones_before_the_answer(
    application: Application, people: Portraits, enrolled: Enrolled
) -> None:
    stranger, nobody = [people.biden.read_bytes()], uuid4()
    for claim in (None, enrolled.user_id, nobody):
        with pytest.raises(NotRecognised):
            application.login(LoginRequest(stranger, claim))
    application.login(LoginRequest([people.obama3.read_bytes()]))
    known_as = application.storage.audit.pseudonym
    assert attempts(application) == [
        (None, "unknown"),
        (known_as(enrolled.user_id), "unknown"),
        (known_as(nobody), "unknown"),
        (known_as(enrolled.user_id), "accepted"),
    ]


def test_one_unusable_frame_among_good_ones_is_passed_over(
    application: Application, people: Portraits, enrolled: Enrolled
) -> None:
    good = people.obama3.read_bytes()
    assert application.login(LoginRequest([blurred(good), good])).user_id == enrolled.user_id


def test_without_a_usable_frame_the_reason_is_told_and_nothing_noted(
    application: Application, people: Portraits, enrolled: Enrolled
) -> None:
    with pytest.raises(FaceRefused):
        application.login(LoginRequest([blurred(people.obama3.read_bytes())], enrolled.user_id))
    assert attempts(application) == []


def test_frames_of_two_people_are_no_login(application: Application, people: Portraits, enrolled: Enrolled) -> None:
    with pytest.raises(FramesDisagree):
        application.login(LoginRequest([people.obama3.read_bytes(), people.biden.read_bytes()], enrolled.user_id))


def test_an_enrolment_with_one_bad_photo_keeps_nothing(application: Application, people: Portraits) -> None:
    good = people.obama.read_bytes()
    with pytest.raises(FaceRefused):
        application.enrol(EnrolRequest([good, blurred(good)], consent=True))
    assert application.people.count() == 0


def test_photos_taken_within_seconds_are_one_capture(application: Application, people: Portraits) -> None:
    photos = [people.obama.read_bytes(), people.obama2.read_bytes()]
    assert application.enrol(EnrolRequest(photos, consent=True, taken_at=[100.0, 103.0])).captures == 1
