"""People who look alike: refused in the same words as anybody, told to the operator alone; children kept out."""

import json
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
import pytest
from typer.testing import CliRunner

from db.records import NewTemplate
from embeddings.operating import Mode, identification_point, of_measure, verification_point
from embeddings.types import FaceVector
from service.app import create_app
from service.bootstrap import Application, build
from service.cli.main import application as command_line
from service.errors import TooYoung
from service.lockout import Limits, Lockout
from service.settings import Settings
from service.workflows.enrol import Enrol, EnrolRequest, EnrolRules, FlagReason
from service.workflows.login import LoginRequest
from service.workflows.people import By
from tests.db.people import AGREED
from tests.embeddings.vectors import at_distance
from tests.portraits import Portraits
from tests.service.asgi_client import Answer, call
from tests.service.bodies import BOUNDARY, multipart, part

ONE = Mode(1, 1)
CROWD = 60
"""Enough for 1:N to be stricter than 1:1, so that a look-alike is not taken for the same person."""


def vector_of(application: Application, photo: Path) -> FaceVector:
    return application.pipeline.capture(photo.read_bytes()).vector


def enrol(application: Application, *vectors: FaceVector) -> list[UUID]:
    ids = [uuid4() for _ in vectors]
    with application.storage.begin() as work:
        for user_id, vector in zip(ids, vectors, strict=True):
            work.add_person(
                user_id,
                templates=[NewTemplate(vector.values, vector.model_id, 0, application.gallery.generation)],
                attributes=None,
                metadata=None,
                consent=AGREED,
                flagged=False,
            )
        work.commit()
    return ids


def look_alike(application: Application, photo: Path) -> FaceVector:
    """Passes as the person of the photo one against one, but not among CROWD people."""
    spec, vector = application.pipeline.spec, vector_of(application, photo)
    points, index = of_measure(spec.operating_points, spec.comparison.measure), application.gallery.index
    by_claim, by_face = verification_point(points, ONE), identification_point(points, ONE, CROWD + 1)
    for distance in np.arange(0.3, 1.4, 0.002):
        other = at_distance(vector, float(distance), seed=5)
        value = index.compare(vector, other)
        if by_face.room(value) < -0.002 and by_claim.room(value) > 0.002:
            return other
    raise AssertionError("no vector lies between the two thresholds")


def strangers(application: Application) -> list[FaceVector]:
    spec = application.pipeline.spec
    axes = np.linalg.qr(np.random.default_rng(1).standard_normal((spec.dimension, CROWD)))[0].T.astype(np.float32)
    return [FaceVector(axis, spec.model_id) for axis in axes]


def post(application: Application, path: str, *fields: bytes) -> Answer:
    headers = (("Host", "localhost"), ("Content-Type", f"multipart/form-data; boundary={BOUNDARY}"))
    return call(create_app(application), "POST", path, headers, [multipart(*fields)])


def login(application: Application, photo: Path, user_id: UUID) -> Answer:
    image = part("image", photo.read_bytes(), "a.jpg")
    return post(application, "/v1/login", image, part("user_id", str(user_id).encode()))


def test_a_claim_is_refused_where_a_look_alike_is_as_near_and_nobody_can_tell(
    application: Application, people: Portraits
) -> None:
    (claimed,) = enrol(application, vector_of(application, people.obama))
    assert login(application, people.obama3, claimed).status == 200
    (other,) = enrol(application, at_distance(vector_of(application, people.obama3), 0.2, seed=3))
    refused = [login(application, people.obama3, claimed)]  # of the other's face rather
    assert login(application, people.obama3, other).status == 200  # clearly the nearer
    refused.append(login(application, people.biden, claimed))  # another face
    refused.append(login(application, people.obama3, uuid4()))  # nobody's ID
    assert {answer.status for answer in refused} == {401}
    assert len({frozenset(answer.headers) for answer in refused}) == 1
    told = [json.loads(answer.body) for answer in refused]
    assert len({each.pop("request_id") for each in told}) == 3
    assert told[0] == told[1] == told[2]
    assert "several pictures of different moments" in told[0]["advice"]


def test_where_duplicates_are_allowed_claims_are_not_guarded(tmp_path: Path, people: Portraits) -> None:
    application = build(Settings(home=tmp_path / "home", allow_duplicates=True))
    try:
        claimed, _ = enrol(application, *[vector_of(application, people.obama)] * 2)
        assert application.login(LoginRequest([people.obama3.read_bytes()], claimed)).user_id == claimed
    finally:
        application.close()


def test_a_look_alike_is_shown_to_the_operator_and_not_to_the_person(
    application: Application, people: Portraits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACEWARDEN_HOME", str(application.settings.home))
    fields = part("image", people.biden.read_bytes(), "a.jpg"), part("consent", b"true")
    enrol(application, *strangers(application))
    plain = post(application, "/v1/users", *fields)
    first = UUID(json.loads(plain.body)["user_id"])
    application.people.erase([first], by=By.OPERATOR)
    enrol(application, look_alike(application, people.biden))
    flagged = post(application, "/v1/users", *fields)
    assert plain.status == flagged.status == 201
    told, untold = json.loads(flagged.body), json.loads(plain.body)
    user_id = told["user_id"]
    for body in (told, untold):
        del body["user_id"], body["created_at"], body["recovery_code"]
    assert told == untold
    assert flagged.headers.keys() == plain.headers.keys()

    person = application.people.get(UUID(user_id))
    assert (person.flagged, person.flag_reason) == (True, "look_alike")
    runner = CliRunner()
    listed = json.loads(runner.invoke(command_line, ["users", "list", "--flagged", "--json"]).stdout)
    assert (listed["total"], [each["user_id"] for each in listed["people"]]) == (1, [user_id])
    assert "look_alike" in runner.invoke(command_line, ["users", "list", "--flagged"]).stdout
    assert "look_alike" in runner.invoke(command_line, ["users", "show", user_id]).stdout
    pairs = json.loads(runner.invoke(command_line, ["evaluate", "gallery", "--json"]).stdout)["pairs"]
    assert [user_id in pair["users"] for pair in pairs].count(True) == 1  # strangers of chance may be alike too

    photos = [people.biden.read_bytes()]
    session = application.login(LoginRequest(photos, UUID(user_id)))  # their own photo leads by far
    headers = (("Host", "localhost"), ("Authorization", f"Bearer {session.issued.token}"))
    me = call(create_app(application), "GET", "/v1/me", headers)
    assert me.status == 200
    assert b"flag" not in me.body


def test_a_face_under_the_age_is_not_enrolled_and_nothing_is_kept(application: Application, people: Portraits) -> None:
    rules = EnrolRules(
        fmr=1e-4, fpir=1e-3, allow_duplicates=False, attributes=frozenset(), consent=application.consent, minimum_age=99
    )  # nobody there is that old
    enrol_old = Enrol(
        application.pipeline,
        application.storage,
        application.gallery,
        rules,
        Lockout(bytes(32), Limits()),
        application.of().challenges,
    )
    with pytest.raises(TooYoung, match="younger than 99 years"):
        enrol_old(EnrolRequest([people.obama.read_bytes()], consent=True))
    assert application.people.count() == 0


def test_an_age_that_is_asked_for_is_looked_for_and_not_kept(tmp_path: Path, people: Portraits) -> None:
    application = build(Settings(home=tmp_path / "home", attributes=("none",), minimum_age=18))
    try:
        enrolled = application.enrol(EnrolRequest([people.obama.read_bytes()], consent=True))
        assert enrolled.attributes == {}
        assert enrolled.flag_reason is None
        assert not application.people.get(enrolled.user_id).attributes
    finally:
        application.close()


def test_a_reason_is_only_one_of_those_that_are_documented() -> None:
    page = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
    assert [reason.value for reason in FlagReason if f"`{reason.value}`" not in page] == []
