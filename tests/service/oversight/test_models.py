"""Settings, models, cards and look-alikes, and what an auditor sees of it all."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI

from db.api_keys import Role
from db.errors import Fault, RecordUnreadable
from db.records import NewTemplate
from db.storage import Storage
from embeddings.cards import cards
from service.bootstrap import Application
from service.routes import models
from service.settings import Settings
from service.shown import shown
from service.workflows.examine import Examine
from tests.db.people import AGREED
from tests.service.oversight.desk import PEOPLE, enrol, told


def test_an_auditor_sees_no_person(ask: Any) -> None:
    for method, path in (
        ("GET", PEOPLE),
        ("GET", f"{PEOPLE}/{uuid4()}"),
        ("POST", f"{PEOPLE}/find"),
        ("POST", f"{PEOPLE}/erase"),
        ("DELETE", f"{PEOPLE}/{uuid4()}/flag"),
        ("GET", "/v1/admin/lookalikes"),
        ("GET", "/v1/admin/settings"),
        ("GET", "/v1/admin/api-keys"),
    ):
        assert ask(method, path, role=Role.AUDITOR).code == "role_required", path
    key = told(ask("GET", "/v1/admin/key", role=Role.AUDITOR))
    assert (key["role"], key["tenant"], key["expires_at"]) == ("auditor", "default", None)


def test_settings_say_where_they_come_from_and_never_a_secret(served: Application, ask: Any) -> None:
    each = {one["name"]: one for one in told(ask("GET", "/v1/admin/settings"))["settings"]}
    assert each["FACEWARDEN_EMBEDDER"] == {
        "name": "FACEWARDEN_EMBEDDER",
        "value": "onnx",
        "source": "environment",
        "meaning": Settings.model_fields["embedder"].description,
    }
    assert each["FACEWARDEN_ATTRIBUTES"]["value"] == []
    assert (each["FACEWARDEN_PORT"]["value"], each["FACEWARDEN_PORT"]["source"]) == (8000, "default")
    assert each["FACEWARDEN_MASTER_KEY"]["value"] == "unset"
    secret = replace(served, settings=Settings(home=served.settings.home, master_key="c2VjcmV0"))
    assert shown(secret.settings)["master_key"].value == "set"


def test_models_carry_what_was_measured(ask: Any) -> None:
    found = told(ask("GET", "/v1/admin/models", role=Role.AUDITOR))
    recognition = found["recognition"]
    assert (recognition["model_id"], recognition["matching"]) == ("dlib-resnet-v1.five-points.mirror", "distance")
    used = [each for each in recognition["rates"] if each["in_use"]]
    assert {(each["enrolled"], each["captures"]) for each in used} == {
        (each["enrolled"], each["captures"]) for each in recognition["rates"]
    }
    assert {each["fmr"] for each in used} == {recognition["fmr"]}
    by_file = {each["file"]: each for each in found["cards"]}
    assert "mean error 3.99 years" in by_file["age_gender.onnx"]["measured"]
    assert by_file["centerface.onnx"]["figures"][0][0] == "search"
    assert len({len(row) for row in by_file["centerface.onnx"]["figures"]}) == 1
    assert by_file["emotion.onnx"]["out_of_scope"].startswith("Inferring what somebody feels")


def test_every_card_says_what_it_is_not_for() -> None:
    for card in cards():
        assert card.out_of_scope
        assert len(card.sha256) == 64
        assert "**" not in card.measured + card.limits + card.out_of_scope


def test_lookalikes_are_named_without_a_score(storage: Storage, ask: Any) -> None:
    one, twin = enrol(storage, 1), uuid4()
    with storage.begin() as work:
        (template,) = work.templates(one)
        again = NewTemplate(template.vector, template.model_id, 0, template.transform)
        work.add_person(twin, templates=[again], attributes=None, metadata=None, consent=AGREED, flagged=False)
        work.commit()
    enrol(storage, 2)
    answer = ask("GET", "/v1/admin/lookalikes")
    found = told(answer)
    assert (found["people"], found["pair_count"], found["verdict"]) == (3, 1, "mostly")
    (pair,) = found["pairs"]
    assert set(pair["user_ids"]) == {str(one), str(twin)}
    assert pair["verification"]
    assert found["others_comparisons"] == 6
    assert b'"value"' not in answer.body
    assert b"distance" not in answer.body


def lines(app: FastAPI, key: str) -> list[Any]:
    """What comes line by line; who asks stays until the end."""
    headers = {"Accept": "application/x-ndjson", "Authorization": f"Bearer {key}"}

    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=60) as client:
            return await client.get("/v1/admin/lookalikes", headers=headers)

    answer = asyncio.run(asked())
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-ndjson")
    return [json.loads(line) for line in answer.text.splitlines()]


def test_any_number_is_compared_line_by_line(
    app: FastAPI, storage: Storage, ask: Any, keys: Mapping[Role, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(3):
        enrol(storage, seed)
    whole = told(ask("GET", "/v1/admin/lookalikes"))
    monkeypatch.setattr(models, "MOST_COMPARED", 2)
    assert ask("GET", "/v1/admin/lookalikes").code == "too_many_to_compare"
    *shares, last = lines(app, keys[Role.ADMIN])
    assert last == {"result": whole}
    assert all(list(each) == ["progress"] and 0 <= each["progress"] <= 1 for each in shares)


def test_what_ends_a_comparison_is_the_last_line(
    app: FastAPI, keys: Mapping[Role, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(*_: object) -> None:
        raise RecordUnreadable(Fault.PAYLOAD)

    monkeypatch.setattr(Examine, "__call__", unreadable)
    last = lines(app, keys[Role.ADMIN])[-1]
    assert last["problem"]["code"] == "record_unreadable"
