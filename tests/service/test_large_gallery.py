"""Past the end of the measured error rates: 1:N asks for a claim, enrolment goes through and is flagged."""

from uuid import uuid4

import pytest

from db.records import NewTemplate
from embeddings.operating import GalleryTooLarge
from service.bootstrap import Application
from service.errors import AlreadyEnrolled
from service.workflows.enrol import EnrolRequest
from service.workflows.login import LoginRequest
from tests.db.people import AGREED
from tests.embeddings.vectors import random_vector
from tests.portraits import portraits

LAST_ANSWERED = 100
"""1e-3 / 100 = 1e-5, the smallest false match rate of the table."""


def crowd(application: Application, count: int) -> None:
    spec = application.pipeline.spec
    with application.storage.begin() as work:
        for seed in range(count):
            work.add_person(
                uuid4(),
                templates=[
                    NewTemplate(
                        random_vector(seed, spec.dimension).values, spec.model_id, 0, application.gallery.generation
                    )
                ],
                attributes=None,
                metadata=None,
                consent=AGREED,
                flagged=False,
            )
        work.commit()


def test_up_to_a_hundred_people_are_searched_and_more_need_a_claim(application: Application) -> None:
    people = portraits()
    crowd(application, LAST_ANSWERED - 1)
    photos = [people.obama.read_bytes(), people.obama2.read_bytes()]
    enrolled = application.enrol(EnrolRequest(photos, consent=True))
    assert not enrolled.flagged
    frame = [photos[0]]
    assert application.login(LoginRequest(frame)).user_id == enrolled.user_id

    later = application.enrol(EnrolRequest([people.biden.read_bytes()], consent=True))
    assert not later.flagged  # a hundred were there to compare with
    with pytest.raises(GalleryTooLarge):
        application.login(LoginRequest(frame))
    assert application.login(LoginRequest(frame, enrolled.user_id)).mode == "1:1"

    again = application.enrol(EnrolRequest([people.obama3.read_bytes()], consent=True))
    assert again.flagged
    assert application.people.get(again.user_id).flagged


def test_the_very_same_photo_is_not_enrolled_twice_in_any_gallery(application: Application) -> None:
    photo = [portraits().biden.read_bytes()]
    application.enrol(EnrolRequest(photo, consent=True))
    crowd(application, LAST_ANSWERED)
    with pytest.raises(AlreadyEnrolled):
        application.enrol(EnrolRequest(photo, consent=True))
