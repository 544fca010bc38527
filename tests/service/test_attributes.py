"""Attributes are the person's choice, sealed like vectors, and the emotion of a login is kept nowhere."""

from pathlib import Path

from service.bootstrap import Application, build
from service.settings import Settings
from service.workflows.enrol import EnrolRequest
from service.workflows.login import LoginRequest
from tests.portraits import Portraits


def photos(people: Portraits) -> list[bytes]:
    return [people.obama.read_bytes(), people.obama2.read_bytes()]


def test_they_are_kept_sealed_and_told_at_login(application: Application, people: Portraits) -> None:
    enrolled = application.enrol(EnrolRequest(photos(people), consent=True))
    assert enrolled.attributes.keys() == {"age", "gender", "emotion"}
    session = application.login(LoginRequest([people.obama3.read_bytes()]))
    assert session.attributes == enrolled.attributes
    assert session.emotion is not None
    assert session.emotion["probabilities"] != enrolled.attributes["emotion"]["probabilities"]
    record = application.me.show(session.issued.token).person
    assert record.attributes == enrolled.attributes
    stored = b"".join(path.read_bytes() for path in application.settings.home.iterdir())
    assert b"probabilities" not in stored
    assert b"male" not in stored


def test_a_person_may_leave_them_out(application: Application, people: Portraits) -> None:
    enrolled = application.enrol(EnrolRequest(photos(people), consent=True, attributes=frozenset()))
    assert enrolled.attributes == {}
    session = application.login(LoginRequest([people.obama3.read_bytes()]))
    assert session.attributes == {}
    assert session.emotion is None


def test_a_person_may_leave_out_some(application: Application, people: Portraits) -> None:
    request = EnrolRequest(photos(people), consent=True, attributes=frozenset({"age"}))
    assert application.enrol(request).attributes.keys() == {"age"}
    assert application.login(LoginRequest([people.obama3.read_bytes()])).emotion is None


def test_a_deployment_without_them_looks_for_none(tmp_path: Path, people: Portraits) -> None:
    application = build(Settings(home=tmp_path / "home", attributes=("none",)))
    try:
        assert application.enrol(EnrolRequest(photos(people), consent=True)).attributes == {}
        assert application.login(LoginRequest([people.obama3.read_bytes()])).emotion is None
    finally:
        application.close()
