"""Requests made from the OpenAPI document of the real service, right and wrong ones: its answers are as it says."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from schemathesis import BaseSchema, openapi
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

from db.api_keys import Role
from tests.portraits import portraits
from tests.story.server import Service, api_key, running_service

LONG: Final = os.environ.get("FACEWARDEN_TEST_LONG") == "1"
EXAMPLES: Final = 30 if LONG else 3
SETTINGS: Final = {
    "FACEWARDEN_EMBEDDER": "onnx",
    "FACEWARDEN_ATTRIBUTES": "none",
    "FACEWARDEN_FREE_FAILURES": "10",
    "FACEWARDEN_FILM_JOBS": "64",
}
REFUSED: Final = ["4XX"]
TAKEN_OR_REFUSED: Final = ["2XX", "303", "4XX"]
"""What a document cannot say: that bytes are no picture of a face, that nobody has this ID."""
ENDING: Final = (("/v1/logout", "POST"), ("/v1/me", "DELETE"), ("/v1/me/consent/{use}", "DELETE"))
"""After these a person's token would open nothing more."""


OVERLAPPING: Final = {"POST /v1/admin/people/find", "POST /v1/admin/people/erase"}
"""GET there is a question for a person of that ID: refused as one, not as a wrong method."""


@dataclass
class Round:
    """What came of it. `wrong`: what a check found, with a request that shows it."""

    statuses: Counter[int] = field(default_factory=Counter)
    wrong: dict[tuple[str, str], str] = field(default_factory=dict)

    def take(self, event: events.EngineEvent) -> None:
        if isinstance(event, events.NonFatalError):
            self.wrong[event.label, "error"] = str(event.value)
        if isinstance(event, events.FatalError):
            self.wrong["all", "error"] = str(event.exception)
        if not isinstance(event, events.ScenarioFinished):
            return
        for each in event.recorder.interactions.values():
            self.statuses[0 if each.response is None else each.response.status_code] += 1
        for checks in event.recorder.checks.values():
            for check in checks:
                if (found := check.failure_info) is not None:
                    if check.name == "unsupported_method" and found.failure.operation in OVERLAPPING:
                        continue
                    told = f"{found.failure.message}\n{found.code_sample}"
                    self.wrong.setdefault((str(found.failure.operation), found.failure.title), told)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("document") / "home"


@pytest.fixture(scope="module")
def service(home: Path) -> Iterator[Service]:
    with running_service(home, command=(), **SETTINGS) as running:
        yield running


def token(service: Service) -> str:
    """Of somebody enrolled."""
    files = {"image": ("face.jpg", portraits().obama.read_bytes())}
    with httpx.Client(base_url=service.base_url, timeout=60) as client:
        made = client.post("/v1/users", files=files, data={"consent": "true"})
        assert made.status_code == 201, made.text
        shown: str = client.post("/v1/login", files=files).json()["token"]
    return shown


def configuration(shown: str | None, *, whole: bool) -> SchemathesisConfig:
    """`whole`: with the requests made for every bound and slip of each field, not with random ones alone."""
    options: dict[str, Any] = {
        "request-timeout": 60,
        "continue-on-failure": True,
        "generation": {"max-examples": EXAMPLES, "deterministic": True, "database": "none", "no-shrink": True},
        "checks": {
            "positive_data_acceptance": {"expected-statuses": TAKEN_OR_REFUSED},
            "negative_data_rejection": {"expected-statuses": REFUSED},
        },
        "phases": {"coverage": {"enabled": whole}},
    }
    if shown is not None:
        options["headers"] = {"Authorization": f"Bearer {shown}"}
    return SchemathesisConfig.from_dict(options)


@pytest.mark.long
@pytest.mark.parametrize("who", ["admin", "person", "nobody"])
def test_every_answer_is_as_the_document_says(who: str, service: Service, home: Path) -> None:
    shown = {"admin": partial(api_key, home, Role.ADMIN), "person": partial(token, service), "nobody": None}[who]
    bearer = None if shown is None else shown()
    config = configuration(bearer, whole=LONG or who == "admin")
    document: BaseSchema = openapi.from_url(service.base_url + "/openapi.json", config=config)
    if who == "person":
        for path, method in ENDING:
            document = document.exclude(path=path, method=method)
    found = Round()
    for event in from_schema(document).execute():
        found.take(event)
    assert found.wrong == {}
    assert sum(found.statuses.values()) > 50
    assert found.statuses[200] > 10
    assert not [status for status in found.statuses if status == 0 or status >= 500]
    log = service.log.read_text()
    assert "Traceback" not in log
    assert '"level": "error"' not in log
    assert bearer is None or bearer not in log
