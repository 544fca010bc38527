"""Two tenants in one service: the same face at both, and neither can tell."""

import json
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from db.api_keys import Role
from db.errors import TransformChanged
from db.records import NewTemplate, StoredTemplate
from db.storage import Storage
from embeddings.axes import axes_of
from embeddings.captures import Template
from embeddings.fused import MODEL_ID, spec
from embeddings.image import ImageLimits
from embeddings.index import VectorIndex
from embeddings.matching import AMBIGUITY_MARGINS, Outcome, identify, verify
from embeddings.operating import (
    IDENTIFICATION_FPIR,
    VERIFICATION_FMR,
    Mode,
    identification_point,
    of_measure,
    verification_point,
)
from embeddings.pipeline import FacePipeline
from embeddings.quality import QualityLimits
from embeddings.types import FaceVector
from service.app import create_app
from service.bootstrap import Application, build
from service.databases import open_storage
from service.errors import NotRecognised, TokenInvalid, UnknownUser
from service.settings import Settings
from service.workflows.enrol import EnrolRequest
from service.workflows.login import LoginRequest
from service.workflows.tenancy import revoke
from tests.db.people import AGREED
from tests.embeddings.vectors import at_distance, random_vector
from tests.portraits import Portraits, portraits
from tests.service.api_keys import keys_in
from tests.service.asgi_client import Answer, call
from tests.service.bodies import BOUNDARY, multipart, part

TENANTS = ("default", "acme")
NOBODY = UUID(int=7)
STRANGERS = 0.9
"""Directions drawn at random lie nearer in one of 10^10 draws (a cosine of .595, of which 1/sqrt(128) is usual)."""


@cache
def camera() -> FacePipeline:
    """Whose vectors are raw."""
    return FacePipeline.load(ImageLimits(), QualityLimits())


def shown(application: Application, tenant: str, role: Role) -> str:
    """The tenant's key of that role, as the fixture has made it."""
    keys = json.loads((application.settings.home.parent / "shown.json").read_text())
    return str(keys[tenant][role])


@pytest.fixture
def home(tmp_path: Path) -> Path:
    storage = open_storage(Settings(home=tmp_path / "home"))
    storage.tenants().create("acme", storage.now())
    made = {tenant: keys_in(storage.of(tenant)) for tenant in TENANTS}
    (tmp_path / "shown.json").write_text(json.dumps(made))
    storage.close()
    return tmp_path / "home"


@pytest.fixture
def both(home: Path) -> Iterator[Application]:
    built = build(Settings(home=home))
    yield built
    built.close()


def ask(application: Application, method: str, path: str, bearer: str | None, *fields: bytes) -> Answer:
    headers = [("Host", "localhost"), ("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")]
    if bearer is not None:
        headers.append(("Authorization", f"Bearer {bearer}"))
    return call(create_app(application), method, path, headers, [multipart(*fields)] if fields else [b""])


def image(photo: Path) -> bytes:
    return part("image", photo.read_bytes(), "a.jpg")


def enrol(application: Application, tenant: str, *photos: Path) -> str:
    answer = ask(
        application,
        "POST",
        "/v1/users",
        shown(application, tenant, Role.ENROLLER),
        *map(image, photos),
        part("consent", b"true"),
    )
    assert answer.status == 201, answer.body
    user_id: str = json.loads(answer.body)["user_id"]
    return user_id


def log_in(application: Application, tenant: str, photo: Path, claim: str | None = None) -> Answer:
    fields = [image(photo)] + ([part("user_id", claim.encode())] if claim else [])
    return ask(application, "POST", "/v1/login", shown(application, tenant, Role.VERIFIER), *fields)


def whom(answer: Answer) -> str:
    assert answer.status == 200, answer.body
    user_id: str = json.loads(answer.body)["user_id"]
    return user_id


def templates(storage: Storage, user_id: str) -> list[StoredTemplate]:
    with storage.begin() as work:
        return work.templates(UUID(user_id))


def without_request(answer: Answer) -> dict[str, Any]:
    assert answer.status == 401
    return {name: value for name, value in json.loads(answer.body).items() if name != "request_id"}


def test_one_face_at_two_tenants_is_two_strangers(both: Application, people: Portraits) -> None:
    ids = {tenant: enrol(both, tenant, people.obama, people.obama2) for tenant in TENANTS}
    biden = enrol(both, "acme", people.biden)
    for tenant, other in (("default", "acme"), ("acme", "default")):
        assert whom(log_in(both, tenant, people.obama3)) == ids[tenant]
        assert whom(log_in(both, tenant, people.obama3, ids[tenant])) == ids[tenant]
        elsewhere = log_in(both, tenant, people.obama3, ids[other])
        assert without_request(elsewhere) == without_request(log_in(both, tenant, people.obama3, str(uuid4())))
    assert whom(log_in(both, "acme", people.biden)) == biden
    without_request(log_in(both, "default", people.biden))

    stored = {tenant: templates(both.of(tenant).storage, ids[tenant]) for tenant in TENANTS}
    assert [row.capture for row in stored["default"]] == [row.capture for row in stored["acme"]]
    for here, there in zip(stored["default"], stored["acme"], strict=True):
        assert np.linalg.norm(here.vector - there.vector) > STRANGERS
    assert templates(both.of("acme").storage, ids["default"]) == []
    assert both.of("acme").gallery.index.keys() == {UUID(ids["acme"]), UUID(biden)}
    assert both.of("default").gallery.index.keys() == {UUID(ids["default"])}
    with pytest.raises(UnknownUser):
        both.of("acme").people.get(UUID(ids["default"]))


@pytest.mark.files
def test_who_is_moved_by_writing_into_the_file_is_a_stranger_at_both(home: Path, people: Portraits) -> None:
    """Whoever writes there has no secret to turn a face with."""
    application = build(Settings(home=home))
    user_id = enrol(application, "default", people.obama, people.obama2)
    token = json.loads(log_in(application, "default", people.obama3).body)["token"]
    application.close()
    with closing(sqlite3.connect(home / "facewarden.db")) as raw, raw:
        assert raw.execute("UPDATE person SET tenant = 'acme'").rowcount == 1
    application = build(Settings(home=home))
    for tenant in TENANTS:
        for claim in (None, user_id):
            without_request(log_in(application, tenant, people.obama3, claim))
    assert ask(application, "GET", "/v1/me", token).status == 401
    application.close()


def test_a_token_leads_to_its_own_tenant(both: Application, people: Portraits) -> None:
    ids = {tenant: enrol(both, tenant, people.obama) for tenant in TENANTS}
    tokens = {tenant: json.loads(log_in(both, tenant, people.obama2, ids[tenant]).body)["token"] for tenant in TENANTS}
    for tenant, token in tokens.items():
        assert json.loads(ask(both, "GET", "/v1/me", token).body)["user_id"] == ids[tenant]
        told = json.loads(ask(both, "GET", "/v1/me/export", token).body)
        assert [each["transform"] for each in told["templates"]] == [1]
        assert [each["kind"] for each in told["log"]] == ["enrolled", "login", "exported"]
    for method in (both.of("default").me.show, both.of("default").me.export, both.of("default").me.erase):
        with pytest.raises(TokenInvalid):
            method(tokens["acme"])
    assert ask(both, "DELETE", "/v1/me", tokens["acme"]).status in {200, 202}
    assert ask(both, "GET", "/v1/me", tokens["acme"]).status == 401
    assert whom(log_in(both, "default", people.obama2)) == ids["default"]
    without_request(log_in(both, "acme", people.obama2))


def test_nothing_that_is_kept_is_what_the_net_gave(both: Application, people: Portraits) -> None:
    raw = camera().capture(people.obama.read_bytes()).vector
    for tenant in TENANTS:
        user_id = enrol(both, tenant, people.obama)
        enrolled = both.of(tenant).gallery.index.get(UUID(user_id))
        assert enrolled is not None
        (row,) = templates(both.of(tenant).storage, user_id)
        for kept in (row.vector, enrolled.vector.values):
            assert np.linalg.norm(kept - raw.values) > 1.2
        turned = both.of(tenant).turning.vector(MODEL_ID, 0, raw.values)
        assert turned is not None
        assert np.linalg.norm(row.vector - turned) < 1e-4


def test_what_is_no_key_opens_nothing(both: Application, people: Portraits) -> None:
    for path in ("/v1/users", "/v1/login", "/v1/recover"):
        answer = ask(
            both,
            "POST",
            path,
            shown(both, "acme", Role.ENROLLER)[:-1] + "~",
            image(people.obama),
            part("consent", b"true"),
        )
        assert without_request(answer)["code"] == "api_key_required"
    with both.storage.begin() as work:
        assert work.count() == 0


def test_failures_and_their_figures_are_a_tenants_own(both: Application, people: Portraits) -> None:
    claim = str(NOBODY)
    for _ in range(5):
        assert log_in(both, "acme", people.biden, claim).status == 401
    assert log_in(both, "acme", people.biden, claim).status == 429
    assert log_in(both, "default", people.biden, claim).status == 401
    stats = {
        tenant: json.loads(ask(both, "GET", "/v1/admin/stats", shown(both, tenant, Role.AUDITOR)).body)
        for tenant in TENANTS
    }
    assert {tenant: told["failing"] for tenant, told in stats.items()} == {"default": 0, "acme": 1}
    assert {tenant: told["audit_entries"] for tenant, told in stats.items()} == {
        "default": 1 + len(Role),
        "acme": 5 + len(Role),
    }
    logs = {
        tenant: json.loads(ask(both, "GET", "/v1/admin/audit", shown(both, tenant, Role.AUDITOR)).body)
        for tenant in TENANTS
    }
    assert {tenant: len(told["entries"]) for tenant, told in logs.items()} == {
        "default": 1 + len(Role),
        "acme": 5 + len(Role),
    }
    assert len(both.of("default").administer.log(0, 10, NOBODY)) == 1

    def unlock(tenant: str) -> Any:
        answer = ask(both, "POST", "/v1/admin/unlock", shown(both, tenant, Role.ADMIN), part("user_id", claim.encode()))
        return json.loads(answer.body)["had_failures"]

    assert unlock("default")
    assert log_in(both, "acme", people.biden, claim).status == 429
    assert unlock("acme")
    assert log_in(both, "acme", people.biden, claim).status == 401


def test_the_settings_are_the_installations(both: Application) -> None:
    assert ask(both, "GET", "/v1/admin/settings", shown(both, "acme", Role.ADMIN)).status == 403
    assert ask(both, "GET", "/v1/admin/settings", shown(both, "default", Role.ADMIN)).status == 200


def test_revoked_beside_a_running_service_logins_go_on(both: Application, people: Portraits, home: Path) -> None:
    first, second = [enrol(both, tenant, people.obama, people.obama2) for tenant in ("acme", "default")]
    copied = templates(both.of("acme").storage, first)
    before = both.of("acme")
    operator = open_storage(Settings(home=home))
    acme = operator.of("acme")

    acme.transforms().renew()  # killed here
    with pytest.raises(TransformChanged):
        before.enrol(EnrolRequest([people.biden.read_bytes()], consent=True))
    assert whom(log_in(both, "acme", people.obama3)) == first
    biden = enrol(both, "acme", people.biden)
    assert [row.transform for row in templates(acme, first)] == [1, 1]
    assert [row.transform for row in templates(acme, biden)] == [2]

    done = revoke(acme)  # and called again: it ends what was begun
    assert (done.generation, done.templates, done.worthless) == (2, 2, 0)
    assert acme.transforms().generations() == [2]
    held = before.login(LoginRequest([people.biden.read_bytes()], UUID(biden)))  # by who held on to the one before
    assert str(held.user_id) == biden
    assert revoke(acme).generation == 3
    for photo, user_id in ((people.obama3, first), (people.biden, biden)):
        assert whom(log_in(both, "acme", photo)) == user_id
    assert whom(log_in(both, "default", people.obama3)) == second

    renewed = templates(acme, first)
    assert [row.transform for row in renewed] == [3, 3]
    probe = both.of("acme").pipeline.capture(people.obama.read_bytes()).vector
    assert np.linalg.norm(renewed[0].vector - probe.values) < 1e-3
    assert np.linalg.norm(copied[0].vector - probe.values) > STRANGERS
    assert [entry.kind for entry in acme.audit.entries(tenant="acme") if entry.kind.startswith("templates")] == [
        "templates_carried_over",
        "templates_revoked",
        "templates_carried_over",
    ]
    operator.close()


def test_raw_templates_of_an_earlier_version_are_turned_at_the_start(home: Path, people: Portraits) -> None:
    storage = open_storage(Settings(home=home))
    ids = {tenant: uuid4() for tenant in TENANTS}
    vectors = [camera().capture(photo.read_bytes()).vector for photo in (people.obama, people.obama2)]
    for tenant, user_id in ids.items():
        with storage.of(tenant).begin() as work:
            rows = [NewTemplate(vector.values, vector.model_id, number) for number, vector in enumerate(vectors)]
            rows.append(NewTemplate(random_vector(3).values, "another-model", 2))
            work.add_person(user_id, templates=rows, attributes=None, metadata=None, consent=AGREED, flagged=False)
            work.commit()
    storage.close()
    application = build(Settings(home=home))
    for tenant, user_id in ids.items():
        assert whom(log_in(application, tenant, people.obama3)) == str(user_id)
        kept = templates(application.of(tenant).storage, str(user_id))
        assert [row.transform for row in kept] == [1, 1, 1]
        assert np.linalg.norm(kept[2].vector - random_vector(3).values) > 1
    application.close()


def test_who_is_turned_by_a_secret_that_is_gone_is_a_stranger_and_the_log_says_so(
    both: Application, people: Portraits, caplog: pytest.LogCaptureFixture
) -> None:
    user_id = enrol(both, "default", people.obama)
    both.storage._keystore.destroy_secrets(["template transform default 1"])
    with caplog.at_level(logging.WARNING, "facewarden"):
        other = build(both.settings)
    (line,) = [record for record in caplog.records if record.msg == "templates_worthless"]
    assert line.facts == {"tenant": "default", "templates": 1}  # type: ignore[attr-defined]
    with pytest.raises(NotRecognised):
        other.login(LoginRequest([people.obama.read_bytes()], UUID(user_id)))
    assert other.of().turning.generation == 2
    assert other.people.get(UUID(user_id)).templates == 1
    enrol(other, "default", people.obama)
    other.close()


class Twice:
    """A gallery of portraits and neighbours of theirs, raw and turned."""

    def __init__(self) -> None:
        self.raw, people = spec(), portraits()
        self.transform = self.raw.transform(b"\x05" * 32)
        self.turned = self.raw.turned(self.transform)
        photos = (people.obama, people.obama2, people.obama3, people.biden)
        self.faces = [camera().capture(photo.read_bytes()).vector for photo in photos]
        self.keys = [UUID(int=number) for number in range(40)]
        self.indexes = [
            VectorIndex(each.model_id, each.dimension, each.comparison, axes_of(each)) for each in self.specs
        ]
        for number, key in enumerate(self.keys):
            face = at_distance(self.faces[number % 4], 0.05 * (number // 4) + 0.01, seed=number)
            for index, vector in zip(self.indexes, self.both(face), strict=True):
                index.put(key, Template(vector, 1 + number % 3))

    @property
    def specs(self) -> tuple[Any, Any]:
        return self.raw, self.turned

    def both(self, vector: FaceVector) -> tuple[FaceVector, FaceVector]:
        return vector, FaceVector(self.transform.apply(vector.values), vector.model_id)


@pytest.fixture(scope="module")
def twice() -> Twice:
    return Twice()


def close_calls(twice: Twice, probe: Template, claim: int) -> bool:
    """Whether rounding alone may decide: somebody lies within 1e-4 of a threshold, or of being ambiguous."""
    index, points = twice.indexes[0], twice.raw.operating_points
    points = of_measure(points, index.comparison.measure)
    enrolled = index.get(twice.keys[claim])
    assert enrolled is not None
    by_claim = verification_point(points, Mode(enrolled.captures, probe.captures), VERIFICATION_FMR)
    rooms = [by_claim.room(index.compare(probe.vector, enrolled.vector))]
    for one in index.search(probe.vector, len(twice.keys)):
        mode = Mode(one.captures, probe.captures)
        rooms.append(identification_point(points, mode, len(index), IDENTIFICATION_FPIR).room(one.value))
    best, second = sorted(rooms[1:])[:-3:-1]
    lead = best - second - AMBIGUITY_MARGINS[index.comparison.measure]
    return bool(np.abs(rooms).min() < 1e-4 or abs(lead) < 1e-4)


def test_decisions_about_turned_faces_are_those_about_raw_ones(twice: Twice) -> None:
    seen: set[Outcome] = set()

    @settings(deadline=None)
    @given(st.integers(0, 3), st.floats(0.0, 1.3), st.integers(0, 10**6), st.integers(0, 39), st.integers(1, 3))
    def check(face: int, away: float, seed: int, claim: int, captures: int) -> None:
        vector = at_distance(twice.faces[face], away, seed)
        assume(not close_calls(twice, Template(vector, captures), claim))
        found = []
        for each, index, values in zip(twice.specs, twice.indexes, twice.both(vector), strict=True):
            probe = Template(values, captures)
            decisions = (
                verify(index, twice.keys[claim], probe, each.operating_points),
                identify(index, probe, each.operating_points),
            )
            seen.update(one.outcome for one in decisions)
            found.append((decisions, [one.value for one in index.search(values, 5)]))
        (raw, near), (turned, near_turned) = found
        assert near == pytest.approx(near_turned, abs=2e-5)
        assert raw == turned

    check()
    assert seen == set(Outcome)
