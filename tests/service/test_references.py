"""`reference` at enrolment: set by who shows the right key, unique, sealed with the person."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from db.api_keys import Role
from service.app import create_app
from service.bootstrap import Application, build
from service.settings import Settings
from tests.portraits import portraits
from tests.service.api_keys import key
from tests.service.asgi_client import Answer, call
from tests.service.bodies import BOUNDARY, multipart, part


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    home = tmp_path_factory.mktemp("references") / "home"
    built = build(Settings(home=home, embedder="onnx", attributes=()))
    yield built
    built.close()


def enrol(served: Application, photo: Path, reference: str, shown: str | None) -> Answer:
    headers = [("Host", "localhost"), ("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")]
    headers += [] if shown is None else [("Authorization", f"Bearer {shown}")]
    fields = [part("image", photo.read_bytes(), "a.jpg"), part("consent", b"true")]
    body = multipart(*fields, part("reference", reference.encode()))
    return call(create_app(served), "POST", "/v1/users", headers, [body])


def test_a_second_one_is_refused_and_leaves_nothing_behind(served: Application) -> None:
    enroller, people = key(served.storage, Role.ENROLLER), portraits()
    made = enrol(served, people.obama, " 4711 ", enroller)
    assert made.status == 201
    again = enrol(served, people.biden, "4711", enroller)
    assert (again.status, again.code) == (409, "reference_taken")
    assert served.people.count() == len(served.gallery.index.keys()) == 1
    assert len(served.storage._keystore.holders()) == 1
    (person,) = served.people.listing(0, 10)
    assert person.metadata == {"reference": "4711"}
    assert str(person.user_id) == json.loads(made.body)["user_id"]
    assert enrol(served, people.biden, "4712", key(served.storage, Role.ADMIN)).status == 201


def test_without_a_key_nobody_sets_one_although_enrolment_is_open(served: Application) -> None:
    assert served.settings.enrolment_is_open
    before = served.people.count()
    answer = enrol(served, portraits().biden, "4713", None)
    assert (answer.status, answer.code) == (401, "api_key_required")
    assert served.people.count() == before


@pytest.mark.parametrize("wrong", ["x" * 201, "two\nlines", "\x07"])
def test_what_is_none_is_named(served: Application, wrong: str) -> None:
    answer = enrol(served, portraits().biden, wrong, key(served.storage, Role.ENROLLER))
    assert (answer.status, json.loads(answer.body)["field"]) == (422, "reference")
