"""`facewarden users`, typed as an operator would."""

import json
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from typer.testing import CliRunner

from db.records import NewTemplate
from embeddings.fused import MODEL_ID
from embeddings.model_card import CardRefused
from service.cli.main import application
from service.databases import open_storage
from service.settings import Settings
from tests.db.people import AGREED
from tests.own_net import write_net

run = CliRunner()


pytestmark = pytest.mark.usefixtures("home")


def enrol(home: Path, count: int, model_id: str = "test-model") -> list[str]:
    storage = open_storage(Settings(home=home))
    ids = [uuid4() for _ in range(count)]
    try:
        for number, user_id in enumerate(ids):
            vector = np.zeros(128, np.float32)
            vector[number] = 1
            with storage.begin() as work:
                work.add_person(
                    user_id,
                    templates=[NewTemplate(vector=vector, model_id=model_id, capture=0)],
                    attributes=None,
                    metadata={"label": f"person {number}"},
                    consent=AGREED,
                    flagged=number == 1,
                )
                work.commit()
    finally:
        storage.close()
    return [str(each) for each in ids]


def test_nobody_is_enrolled_at_first() -> None:
    answer = run.invoke(application, ["users", "list"])
    assert answer.exit_code == 0
    assert "Nobody is enrolled." in answer.output


def test_listing_pages_in_the_order_of_enrolment(home: Path) -> None:
    ids = enrol(home, 3)
    told = json.loads(run.invoke(application, ["users", "list", "--json", "--offset", "1", "--limit", "2"]).output)
    assert told["total"] == 3
    assert [person["user_id"] for person in told["people"]] == ids[1:]
    assert [person["flagged"] for person in told["people"]] == [True, False]
    table = run.invoke(application, ["users", "list"], env={"COLUMNS": "40"}).output
    assert all(each in table for each in ids)


def test_who_has_only_templates_of_another_model_is_told(home: Path) -> None:
    old, new = enrol(home, 2), enrol(home, 1, MODEL_ID)
    told = json.loads(run.invoke(application, ["users", "list", "--json"]).output)
    assert (told["total"], told["model"], told["old_model"]) == (3, MODEL_ID, 2)
    assert {person["user_id"]: person["current_model"] for person in told["people"]} == {
        **dict.fromkeys(old, False),
        **dict.fromkeys(new, True),
    }
    told = json.loads(run.invoke(application, ["users", "list", "--old-model", "--limit", "1", "--json"]).output)
    assert (told["total"], [person["user_id"] for person in told["people"]]) == (2, old[:1])
    table = run.invoke(application, ["users", "list"]).output
    assert [line.split()[-1] for line in table.splitlines() if line.startswith(new[0])] == ["current"]
    assert f"2 of 3 have only templates of another model than {MODEL_ID}" in table
    onnx = run.invoke(application, ["users", "list", "--json"], env={"FACEWARDEN_EMBEDDER": "onnx"})
    assert json.loads(onnx.output)["old_model"] == 3


def test_the_model_of_a_net_of_ones_own_needs_its_card(home: Path) -> None:
    enrol(home, 1)
    missing = run.invoke(application, ["users", "list"], env={"FACEWARDEN_EMBEDDER": f"onnx:{home / 'own.onnx'}"})
    assert isinstance(missing.exception, CardRefused)
    own = write_net(home / "own.onnx")
    told = run.invoke(application, ["users", "list", "--json"], env={"FACEWARDEN_EMBEDDER": f"onnx:{own}"})
    assert json.loads(told.output)["model"].startswith("random-conv.")


def test_show_opens_the_sealed_label_but_never_the_vector(home: Path) -> None:
    (user_id,) = enrol(home, 1)
    told = json.loads(run.invoke(application, ["users", "show", user_id, "--json"]).output)
    assert told["metadata"] == {"label": "person 0"}
    assert told["models"] == ["test-model"]
    assert "vector" not in json.dumps(told)
