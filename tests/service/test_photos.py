"""Enrolment and login on real photos of three families."""

from pathlib import Path

import pytest

from embeddings.quality import FaceRefused
from service.bootstrap import Application
from service.errors import AlreadyEnrolled, ConsentRequired, NotRecognised, TokenInvalid, UnknownUser
from service.workflows.enrol import Enrolled, EnrolRequest
from service.workflows.login import LoginRequest
from tests.evaluation_data import folder

DAD = ("Family1-Dad1.jpg", "Family1-Dad2.jpg")
SAME_MAN = ("Family1-Dad3.jpg", "findsimilar.jpg")
OTHERS = (
    "Family1-Daughter1.jpg", "Family1-Daughter2.jpg", "Family1-Daughter3.jpg", "Family1-Mom1.jpg", "Family1-Mom2.jpg",
    "Family1-Son1.jpg", "Family1-Son2.jpg", "Family2-Lady1.jpg", "Family2-Lady2.jpg", "Family2-Man1.jpg",
    "Family2-Man2.jpg", "Family3-Lady1.jpg", "Family3-Man1.jpg",
)  # fmt: skip
CLAIMED = pytest.mark.parametrize("claimed", [True, False], ids=["one to one", "one to many"])


@pytest.fixture
def photos() -> Path:
    return folder("photos")


@pytest.fixture
def dad(application: Application, photos: Path) -> Enrolled:
    return application.enrol(EnrolRequest([(photos / name).read_bytes() for name in DAD], consent=True, label="dad"))


@CLAIMED
@pytest.mark.parametrize("name", SAME_MAN)
def test_he_is_recognised(application: Application, photos: Path, dad: Enrolled, name: str, claimed: bool) -> None:
    session = application.login(LoginRequest([(photos / name).read_bytes()], dad.user_id if claimed else None))
    assert session.user_id == dad.user_id
    assert session.mode == ("1:1" if claimed else "1:N")
    assert application.me.show(session.issued.token).person.last_login_at is not None


@CLAIMED
def test_nobody_else_is_and_the_gate_is_not_the_reason(
    application: Application, photos: Path, dad: Enrolled, claimed: bool
) -> None:
    for name in OTHERS:
        with pytest.raises(NotRecognised):
            application.login(LoginRequest([(photos / name).read_bytes()], dad.user_id if claimed else None))
        application.administer.unlock(dad.user_id)


def test_a_family_together_is_refused_as_several_faces(application: Application, photos: Path, dad: Enrolled) -> None:
    with pytest.raises(FaceRefused) as refusal:
        application.login(LoginRequest([(photos / "identification1.jpg").read_bytes()], dad.user_id))
    assert [reason.value for reason in refusal.value.reasons] == ["several_faces"]


def test_the_same_face_is_not_enrolled_twice(application: Application, photos: Path, dad: Enrolled) -> None:
    assert dad.captures == 2
    with pytest.raises(AlreadyEnrolled):
        application.enrol(EnrolRequest([(photos / SAME_MAN[0]).read_bytes()], consent=True))
    assert application.people.count() == 1


def test_without_consent_nothing_is_even_looked_at(application: Application) -> None:
    with pytest.raises(ConsentRequired):
        application.enrol(EnrolRequest([b"not a picture"], consent=False))


def test_after_erasure_the_face_is_a_stranger_and_the_token_is_worth_nothing(
    application: Application, photos: Path, dad: Enrolled
) -> None:
    frame = (photos / SAME_MAN[0]).read_bytes()
    token = application.login(LoginRequest([frame])).issued.token
    erased = application.me.erase(token)
    assert erased.erased == 1
    with pytest.raises(NotRecognised):
        application.login(LoginRequest([frame], dad.user_id))
    with pytest.raises(TokenInvalid):
        application.me.show(token)
    with pytest.raises(UnknownUser):
        application.people.get(dad.user_id)
