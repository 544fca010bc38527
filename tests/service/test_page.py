"""The pages as they are made at the start: every text that a template or a module names is there."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from jinja2 import UndefinedError

from service.routes import page
from tests.service.asgi_client import Answer, call

WEB = Path(page.__file__).parents[1] / "web"


def texts() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((WEB / "texts" / "en.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def app() -> FastAPI:
    made = FastAPI()
    made.state.gate = None  # pages are for anyone: nobody asks it
    made.include_router(page.router())
    return made


def text(answer: Answer) -> str:
    return answer.body.decode()


@pytest.mark.parametrize("path", page.PAGES)
def test_a_page_is_whole_and_has_nothing_inline(app: FastAPI, path: str) -> None:
    answer = call(app, path=path)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert text(answer).rstrip().endswith("</html>")
    assert re.findall(r"{{|{%", text(answer)) == []
    assert re.findall(r"\sstyle=|\son[a-z]+=|<style|<script(?![^>]*\ssrc=)", text(answer)) == []


def test_a_text_that_is_missing_stops_the_start() -> None:
    lacking = texts()
    del lacking["frame"]["promise"]
    with pytest.raises(UndefinedError):
        page.rendered(lacking)


def test_every_text_that_a_module_asks_for_is_there() -> None:
    for module in WEB.rglob("*.js"):
        for name in re.findall(r'\bt\("([a-z_.]+)"', module.read_text(encoding="utf-8")):
            branch: Any = texts()
            for key in name.split("."):
                assert key in branch, f"{module.name}: {name}"
                branch = branch[key]


def test_texts_reach_the_page_and_what_pages_are_made_of_does_not(app: FastAPI) -> None:
    words = call(app, path="/web/words.js")
    assert "service ready" in text(words)
    assert words.headers["content-type"].startswith("text/javascript")
    for path in ("/web/pages/frame.html", "/web/texts/en.json", "/web/nothing.js"):
        assert call(app, path=path).status == 404


def test_what_is_sent_is_compressed_for_who_takes_it_and_small_in_all(app: FastAPI) -> None:
    files = [f"/web/{each.relative_to(WEB).as_posix()}" for each in WEB.rglob("*.*")]
    sent = 0
    for path in (*page.PAGES, "/web/words.js", *files):
        plain = call(app, path=path)
        packed = call(app, path=path, headers=[("Host", "localhost"), ("Accept-Encoding", "br, gzip")])
        if path.startswith(("/web/pages/", "/web/texts/")):
            assert packed.status == 404
            continue
        assert gzip.decompress(packed.body) == plain.body
        assert packed.headers["content-encoding"] == "gzip"
        assert packed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
        assert "content-encoding" not in plain.headers
        sent += len(packed.body)
    assert sent < 150_000


def test_every_kind_of_entry_of_the_audit_log_has_a_name() -> None:
    trust = (Path(page.__file__).parents[2] / "docs" / "trust.md").read_text(encoding="utf-8")
    kinds = re.findall(r"^\| `(\w+)`", trust.partition("### What is written")[2].partition("###")[0], re.MULTILINE)
    assert len(kinds) > 20
    assert [kind for kind in kinds if kind not in texts()["operator"]["kind"]] == []
