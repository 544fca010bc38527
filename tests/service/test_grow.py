"""A template grows by its owner's photos of other moments, and by nobody else's."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from typer.testing import CliRunner

from db.records import NewTemplate
from embeddings.captures import FramesDisagree
from embeddings.image import PictureFormat, encode
from embeddings.quality import FaceRefused
from service.app import create_app
from service.bootstrap import Application, build
from service.cli.main import application as command_line
from service.errors import (
    AlreadyEnrolled,
    Busy,
    NotRecognised,
    PhotosNotAccepted,
    SameMoment,
    TokenInvalid,
    TokenNotFresh,
    TooManyPhotos,
    UnknownUser,
)
from service.settings import Settings
from service.workflows.enrol import Enrolled, EnrolRequest
from service.workflows.login import LoginRequest
from service.workflows.people import By
from tests.db.people import Clock
from tests.drawn_faces import crowd
from tests.portraits import Portraits
from tests.service.asgi_client import call


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory, clock: Clock) -> Iterator[Application]:
    built = build(Settings(home=tmp_path_factory.mktemp("home"), attributes=("none",)), clock)
    yield built
    built.close()


@pytest.fixture
def application(loaded: Application) -> Application:
    """Nobody is enrolled."""
    loaded.people.erase(list(loaded.people.ids()), by=By.OPERATOR)
    return loaded


def enrol(application: Application, *photos: Path) -> Enrolled:
    return application.enrol(EnrolRequest([photo.read_bytes() for photo in photos], consent=True))


def token(application: Application, photo: Path, claim: UUID | None = None) -> str:
    return application.login(LoginRequest([photo.read_bytes()], claim)).issued.token


def kept(application: Application, user_id: UUID) -> list[int]:
    with application.storage.begin() as work:
        return [row.capture for row in work.templates(user_id)]


def last_entry(application: Application) -> dict[str, object]:
    (entry,) = application.storage.audit.last(1)
    return {"kind": entry.kind, **entry.details}


def test_photos_of_other_moments_are_numbered_on_and_count_at_the_next_login(
    application: Application, people: Portraits
) -> None:
    user_id = enrol(application, people.obama).user_id
    grown = application.grow.for_bearer(token(application, people.obama3), [people.obama2.read_bytes()])
    assert (grown.photos, grown.added, grown.captures, grown.replaced) == (2, 1, 2, False)
    assert kept(application, user_id) == [0, 1]
    enrolled = application.gallery.index.get(user_id)
    assert enrolled is not None
    assert enrolled.captures == 2
    told = last_entry(application)
    assert (told["kind"], told["by"], told["photos"], told["captures"]) == ("template_added", "self", 1, 2)
    application.grow.for_bearer(token(application, people.obama), [people.obama3.read_bytes()])
    assert kept(application, user_id) == [0, 1, 2]
    with pytest.raises(NotRecognised):
        token(application, people.biden, user_id)


def test_somebody_elses_face_is_not_added_alone_or_among_ones_own(application: Application, people: Portraits) -> None:
    user_id = enrol(application, people.obama).user_id
    bearer = token(application, people.obama3)
    own, other = people.obama2.read_bytes(), people.biden.read_bytes()
    with pytest.raises(PhotosNotAccepted):
        application.grow.for_bearer(bearer, [other])
    with pytest.raises(PhotosNotAccepted):
        application.grow.for_operator(user_id, [other])
    with pytest.raises((FramesDisagree, PhotosNotAccepted)):
        application.grow.for_bearer(bearer, [own, other])
    with pytest.raises(FaceRefused):
        application.grow.for_bearer(bearer, [own, encode(crowd(320, 320, []), PictureFormat.PNG)])
    assert kept(application, user_id) == [0]
    assert last_entry(application)["kind"] == "login"


def test_each_moment_is_judged_by_itself(
    application: Application, people: Portraits, monkeypatch: pytest.MonkeyPatch
) -> None:
    user_id = enrol(application, people.obama).user_id
    monkeypatch.setattr("service.workflows.grow.agree", lambda *_: None)
    with pytest.raises(PhotosNotAccepted):
        application.grow.for_operator(user_id, [people.obama2.read_bytes(), people.biden.read_bytes()])


def test_the_same_moment_is_refused_by_the_picture_or_by_the_time(
    application: Application, people: Portraits, clock: Clock
) -> None:
    user_id = enrol(application, people.obama).user_id
    bearer = token(application, people.obama3)
    with pytest.raises(SameMoment):
        application.grow.for_bearer(bearer, [people.obama.read_bytes()])
    with pytest.raises(SameMoment):
        application.grow.for_bearer(bearer, [people.obama2.read_bytes()], [clock.now.timestamp() + 9])
    assert kept(application, user_id) == [0]
    grown = application.grow.for_bearer(
        bearer, [people.obama2.read_bytes(), people.obama2.read_bytes()], [clock.now.timestamp() + 60, None]
    )
    assert (grown.added, grown.captures) == (2, 2)  # two pictures of one moment
    assert kept(application, user_id) == [0, 1, 1]


def test_ten_photos_are_the_most(application: Application, people: Portraits) -> None:
    user_id = enrol(application, *[people.obama] * 9).user_id
    bearer = token(application, people.obama3)
    both = [people.obama2.read_bytes(), people.obama3.read_bytes()]
    with pytest.raises(TooManyPhotos, match="room for 1 more"):
        application.grow.for_bearer(bearer, both)
    with pytest.raises(TooManyPhotos):
        application.grow.for_operator(user_id, [people.obama2.read_bytes()] * 11)
    assert application.grow.for_bearer(bearer, both[:1]).photos == 10
    with pytest.raises(TooManyPhotos, match="no room"):
        application.grow.for_bearer(bearer, both[1:])


def test_it_needs_a_token_of_the_last_minutes_of_somebody_who_is_there(
    application: Application, people: Portraits, clock: Clock
) -> None:
    user_id = enrol(application, people.obama).user_id
    bearer, photo = token(application, people.obama3), people.obama2.read_bytes()
    clock.advance(minutes=5)
    with pytest.raises(TokenNotFresh):
        application.grow.for_bearer(bearer, [photo])
    with pytest.raises(TokenInvalid):
        application.grow.for_bearer("none", [photo])
    with pytest.raises(UnknownUser):
        application.grow.for_operator(uuid4(), [photo])
    bearer = token(application, people.obama3)
    application.people.erase([user_id], by=By.OPERATOR)
    with pytest.raises(TokenInvalid):
        application.grow.for_bearer(bearer, [photo])


def test_after_a_recovery_the_photos_replace_the_template(application: Application, people: Portraits) -> None:
    enrolled = enrol(application, people.obama, people.obama2)
    user_id = enrolled.user_id
    bearer = application.recover(user_id, enrolled.recovery_code, None).issued.token
    grown = application.grow.for_bearer(bearer, [people.biden.read_bytes()])  # the changed face
    assert (grown.photos, grown.captures, grown.replaced, grown.flag_reason) == (1, 1, True, None)
    assert kept(application, user_id) == [0]
    assert token(application, people.biden, user_id)
    with pytest.raises(NotRecognised):
        token(application, people.obama3, user_id)
    person = application.storage.audit.pseudonym(user_id)
    replaced = [each for each in application.storage.audit.entries(person=person) if each.kind == "template_added"]
    assert [(entry.details["replaced"], entry.details["by"]) for entry in replaced] == [(True, "self")]
    enrol(application, people.obama3)  # that face is nobody's any more


def test_a_recovery_does_not_open_the_way_to_somebody_elses_face(application: Application, people: Portraits) -> None:
    one, other = enrol(application, people.obama), enrol(application, people.biden)
    bearer = application.recover(other.user_id, other.recovery_code, None).issued.token
    with pytest.raises(AlreadyEnrolled):
        application.grow.for_bearer(bearer, [people.obama3.read_bytes()])
    assert kept(application, other.user_id) == [0]
    assert token(application, people.obama3) != bearer
    assert application.me.show(token(application, people.obama2)).person.user_id == one.user_id


def test_nobody_grows_where_somebody_else_is_as_near(tmp_path: Path, people: Portraits) -> None:
    loose = build(Settings(home=tmp_path / "home", attributes=("none",), allow_duplicates=True))
    twins = [enrol(loose, people.obama).user_id, enrol(loose, people.obama).user_id]
    loose.close()
    application = build(Settings(home=tmp_path / "home", attributes=("none",)))
    for twin in twins:
        with pytest.raises(PhotosNotAccepted):
            application.grow.for_operator(twin, [people.obama2.read_bytes()])
    application.close()


def test_another_process_that_adds_to_the_same_record_waits_and_is_refused(
    application: Application, people: Portraits, monkeypatch: pytest.MonkeyPatch
) -> None:
    user_id = enrol(application, people.obama).user_id
    vector = application.pipeline.capture(people.obama3.read_bytes()).vector
    fits, added = application.grow._fits, list[bool]()

    def elsewhere() -> None:
        new = NewTemplate(vector.values, vector.model_id, 1, application.gallery.generation)
        with application.storage.begin() as work:
            added.append(work.renew_templates(user_id, new, beside=1))
            work.commit()

    other = threading.Thread(target=elsewhere)

    def meanwhile(*arguments: object) -> None:
        fits(*arguments)  # type: ignore[arg-type]
        other.start()
        other.join(0.5)
        assert other.is_alive()

    monkeypatch.setattr(application.grow, "_fits", meanwhile)
    application.grow.for_operator(user_id, [people.obama2.read_bytes()])
    other.join()
    assert added == [False]
    assert kept(application, user_id) == [0, 1]


def test_nothing_is_added_to_somebody_whose_key_has_just_been_destroyed(
    application: Application, people: Portraits, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    user_id = enrol(application, people.obama).user_id
    fits = application.grow._fits

    def another_node(*arguments: object) -> None:
        fits(*arguments)  # type: ignore[arg-type]
        application.storage._keystore.destroy([user_id], erased_at=clock())

    monkeypatch.setattr(application.grow, "_fits", another_node)
    with pytest.raises(Busy):
        application.grow.for_operator(user_id, [people.obama2.read_bytes()])
    application.storage.sweep()
    assert kept(application, user_id) == []


def test_over_http(application: Application, people: Portraits) -> None:
    enrol(application, people.obama)
    bearer = token(application, people.obama3)
    app = create_app(application)

    def post(photo: Path, *authorization: tuple[str, str]) -> tuple[int, dict[str, object]]:
        edge = b"--edge\r\nContent-Disposition: form-data; name=image; filename=a.jpg\r\n\r\n"
        headers = [("Host", "localhost"), ("Content-Type", "multipart/form-data; boundary=edge"), *authorization]
        answer = call(app, "POST", "/v1/me/photos", headers, [edge + photo.read_bytes() + b"\r\n--edge--\r\n"])
        return answer.status, json.loads(answer.body)

    assert post(people.obama2)[1]["code"] == "token_invalid"
    mine = ("Authorization", f"Bearer {bearer}")
    assert post(people.obama2, mine) == (201, {"photos": 2, "added": 1, "captures": 2, "replaced": False})
    status, refused = post(people.obama2, mine)
    assert (status, refused["code"]) == (409, "same_moment")
    status, refused = post(people.biden, mine)
    assert (status, refused["code"]) == (422, "photos_not_accepted")


def test_an_operator_adds_photos_at_the_command_line(
    tmp_path: Path, people: Portraits, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("FACEWARDEN_HOME", str(home))
    monkeypatch.setenv("FACEWARDEN_ATTRIBUTES", "none")
    application = build(Settings(home=home, attributes=("none",)))
    user_id = enrol(application, people.obama).user_id
    application.close()
    arguments = ["users", "add-photos", str(user_id), str(people.obama2), str(people.obama3)]
    told = json.loads(CliRunner().invoke(command_line, [*arguments, "--json"]).stdout)
    assert (told["photos"], told["added"], told["captures"]) == (3, 2, 3)
    again = CliRunner().invoke(command_line, arguments)
    assert isinstance(again.exception, SameMoment)
    application = build(Settings(home=home, attributes=("none",)))
    assert last_entry(application)["by"] == "operator"
    application.close()
