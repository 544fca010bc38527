"""The same story with every embedder and way of comparing; their templates never mix."""

from pathlib import Path
from typing import Any

import pytest

from service.bootstrap import build
from service.errors import NotRecognised
from service.settings import Settings
from service.workflows.enrol import EnrolRequest
from service.workflows.login import LoginRequest
from tests.portraits import portraits

WAYS: list[dict[str, Any]] = [
    {"embedder": "dlib"},
    {"embedder": "onnx"},
    {"embedder": "fused"},
    {"embedder": "fused", "matching": "distance"},
]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: "-".join(way.values()))
def test_enrol_restart_log_in_refuse(tmp_path: Path, way: dict[str, Any]) -> None:
    people = portraits()
    application = build(Settings(home=tmp_path / "home", **way))
    photos = [people.obama.read_bytes(), people.obama2.read_bytes()]
    enrolled = application.enrol(EnrolRequest(photos, consent=True))
    application.close()

    application = build(Settings(home=tmp_path / "home", **way))
    for claim in (None, enrolled.user_id):
        request = LoginRequest([people.obama3.read_bytes()], claim)
        assert application.login(request).user_id == enrolled.user_id
        with pytest.raises(NotRecognised):
            application.login(LoginRequest([people.biden.read_bytes()], claim))
    application.close()


def test_templates_of_another_model_are_not_compared(tmp_path: Path) -> None:
    people = portraits()
    application = build(Settings(home=tmp_path / "home", embedder="onnx"))
    enrolled = application.enrol(EnrolRequest([people.obama.read_bytes()], consent=True))
    application.close()
    application = build(Settings(home=tmp_path / "home"))
    assert len(application.gallery.index) == 0
    with pytest.raises(NotRecognised):
        application.login(LoginRequest([people.obama.read_bytes()], enrolled.user_id))
    assert application.people.get(enrolled.user_id).templates == 1
    application.close()
