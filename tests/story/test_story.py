"""A new user's way over HTTP, on published portraits: enrol, log in, a stranger, an overlay, erasure."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from embeddings.image import ImageLimits
from embeddings.pipeline import FacePipeline
from embeddings.quality import QualityLimits
from service.receipts import verify
from tests.portraits import Portraits, portraits
from tests.story.server import running_service


@pytest.fixture(scope="module")
def people() -> Portraits:
    return portraits()


@pytest.fixture
def client(tmp_path: Path) -> Iterator[httpx.Client]:
    with running_service(tmp_path / "home") as service, httpx.Client(base_url=service.base_url, timeout=60) as client:
        yield client


def files(*paths: Path) -> list[tuple[str, tuple[str, bytes, str]]]:
    return [("image", (path.name, path.read_bytes(), "image/jpeg")) for path in paths]


def enrol(client: httpx.Client, people: Portraits) -> str:
    answer = client.post("/v1/users", files=files(people.obama, people.obama2), data={"consent": "true"})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["user_id"])


def test_the_whole_way(client: httpx.Client, people: Portraits) -> None:
    user_id = enrol(client, people)

    for claim in ({}, {"user_id": user_id}):
        session = client.post("/v1/login", files=files(people.obama3), data=claim)
        assert session.status_code == 200, session.text
        told = session.json()
        assert told["user_id"] == user_id
        assert told["mode"] == ("1:1" if claim else "1:N")
        assert told["assurance"]["acr"] == "photo"
        assert "distance" not in session.text
    bearer = {"Authorization": f"Bearer {told['token']}"}

    me = client.get("/v1/me", headers=bearer).json()
    assert me["user_id"] == user_id
    assert me["photos"] == 2
    assert me["last_login_at"] is not None

    erased = client.delete("/v1/me", headers=bearer)
    assert erased.status_code in {200, 202}
    receipt = erased.json()["receipt"]
    assert [(each["user_id"], each["by"]) for each in receipt["erased"]] == [(user_id, "self")]
    assert verify(json.dumps(receipt).encode(), receipt["key"]).erased[0].templates == 2
    assert client.get("/v1/me", headers=bearer).json()["code"] == "token_invalid"
    assert client.post("/v1/login", files=files(people.obama3)).json()["code"] == "not_recognised"


def test_a_refusal_tells_nothing(client: httpx.Client, people: Portraits) -> None:
    user_id = enrol(client, people)
    nobody = "00000000-0000-4000-8000-000000000000"
    answers = [
        client.post("/v1/login", files=files(people.biden), data=claim)
        for claim in ({}, {"user_id": user_id}, {"user_id": nobody})
    ]
    answers.append(client.post("/v1/login", files=files(people.obama3), data={"user_id": nobody}))
    bodies = {(each.status_code, each.text.replace(each.headers["x-request-id"], "")) for each in answers}
    assert len(bodies) == 1
    assert answers[0].status_code == 401
    assert answers[0].json()["code"] == "not_recognised"


def test_json_is_as_good_as_multipart(client: httpx.Client, people: Portraits) -> None:
    encoded = [base64.b64encode(path.read_bytes()).decode() for path in (people.obama, people.obama2)]
    made = client.post("/v1/users", json={"image": encoded, "consent": True, "label": "a note"})
    assert made.status_code == 201, made.text
    login = client.post("/v1/login", json={"image": base64.b64encode(people.obama3.read_bytes()).decode()})
    assert login.json()["user_id"] == made.json()["user_id"]
    me = client.get("/v1/me", headers={"Authorization": f"Bearer {login.json()['token']}"})
    assert me.json()["metadata"] == {"label": "a note"}


def test_two_people_in_one_enrolment_disagree(client: httpx.Client, people: Portraits) -> None:
    answer = client.post("/v1/users", files=files(people.obama, people.biden), data={"consent": "true"})
    assert answer.status_code == 422
    assert answer.json()["code"] == "frames_disagree"


def test_enrolment_needs_consent_and_a_new_face(client: httpx.Client, people: Portraits) -> None:
    assert client.post("/v1/users", files=files(people.obama)).json()["code"] == "consent_required"
    enrol(client, people)
    again = client.post("/v1/users", files=files(people.obama3), data={"consent": "true"})
    assert again.status_code == 409
    assert again.json()["code"] == "already_enrolled"


@pytest.mark.parametrize("style", ["solid", "pixelate", "blur"])
def test_an_overlay_holds_no_face(client: httpx.Client, people: Portraits, style: str) -> None:
    pipeline = FacePipeline.load(ImageLimits(), QualityLimits())
    answer = client.post("/v1/overlays", files=files(people.biden), data={"style": style, "format": "png"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-faces-hidden"] == "1"
    assert pipeline.analyse(people.biden.read_bytes()).faces
    assert pipeline.analyse(answer.content).faces == ()


def test_analysis_names_the_face_and_what_is_wrong_with_it(client: httpx.Client, people: Portraits) -> None:
    told = client.post("/v1/analyze", files=files(people.obama)).json()
    (face,) = told["faces"]
    assert face["refusals"] == []
    assert face["quality"]["eye_distance_px"] > 32
    assert 0 < face["box"]["x"] < told["width"]
