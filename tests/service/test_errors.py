import importlib
import json
import pkgutil
from collections.abc import Iterator

import pytest

from service.errors import ROWS, TABLE, Busy, describe, problem

ROOMS = ("db", "embeddings", "evaluation", "overlays", "service")


def modules() -> Iterator[str]:
    for room in ROOMS:
        package = importlib.import_module(room)
        for found in pkgutil.walk_packages(package.__path__, room + "."):
            if ".migrations" not in found.name:
                yield found.name


def coded_exceptions() -> set[type[Exception]]:
    """Every exception class of ours that declares or inherits a code."""
    found = set()
    for name in modules():
        for value in vars(importlib.import_module(name)).values():
            if isinstance(value, type) and issubclass(value, Exception) and value.__module__.split(".")[0] in ROOMS:
                found.add(value)
    return found


def test_codes_are_unique_and_every_row_says_what_to_do() -> None:
    assert len(TABLE) == len(ROWS)
    for row in ROWS:
        assert 400 <= row.status < 600
        assert row.title
        assert row.advice.endswith(".")


def test_every_exception_of_every_room_has_a_row() -> None:
    codes = {
        (kind.__qualname__, code) for kind in coded_exceptions() if isinstance(code := getattr(kind, "code", None), str)
    }
    assert len(codes) > 20
    assert {(name, code) for name, code in codes if code not in TABLE} == set()


def test_a_problem_body_is_complete() -> None:
    status, headers, body = problem("busy", retry_after=3, detail=None)
    told = json.loads(body)
    assert status == told["status"] == 503
    assert headers["content-type"] == "application/problem+json"
    assert headers["retry-after"] == "3"
    assert told["code"] == "busy"
    assert told["type"] == "urn:facewarden:error:busy"
    assert "detail" not in told


def test_an_unknown_code_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        problem("no_such_code")


def test_what_is_told_of_an_exception_is_what_it_carries_for_telling() -> None:
    assert describe(Busy(7)) == ("busy", {"retry_after": 7})
    assert describe(ValueError("secret")) is None
