"""The pages as they are made at the start: every text that a template or a module names is there."""

import gzip
import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from jinja2 import UndefinedError

from service.pages import Pages
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


MARKS = {
    "Content",
    "Bearer ",
    "Retry-After",
    "Delete",
    "Backspace",
    "Photoshop",
    "Adobe",
    "Comment",
    "there is no text called ",
}
"""In capitals by the rules of what they name, or for who programs: no words of the page."""
SAID = {"aria-label", "aria-description", "aria-roledescription", "aria-valuetext", "alt", "title", "placeholder"}
"""Attributes that a person reads or hears."""
UNTRANSLATED = {"facewarden", "facewarden keys api create --role admin --name NAME"}
FORMS = {"zero", "one", "two", "few", "many", "other"}
"""Of a text that counts (CLDR)."""


def text(answer: Answer) -> str:
    return answer.body.decode()


@pytest.mark.parametrize("path", page.PAGES)
def test_a_page_is_whole_and_has_nothing_inline(app: FastAPI, path: str) -> None:
    answer = call(app, path=path)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert text(answer).rstrip().endswith("</html>")
    assert re.findall(r"{{|{%|built-in method", text(answer)) == []  # a dict has methods where a text may be meant
    assert re.findall(r"\sstyle=|\son[a-z]+=|<style|<script(?![^>]*\ssrc=)", text(answer)) == []


def test_a_text_that_is_missing_stops_the_start() -> None:
    lacking = texts()
    del lacking["frame"]["promise"]
    with pytest.raises(UndefinedError):
        Pages(lacking).render("index.html", live_login=False, live_enrolment=False)


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


def test_a_file_is_kept_for_good_under_the_digest_of_all_files(app: FastAPI) -> None:
    address = Pages.of().address
    assert f'href="{address}/style.css"' in text(call(app))
    kept, asked = call(app, path=f"{address}/app.js"), call(app, path="/web/app.js")
    assert "immutable" in kept.headers["cache-control"]
    assert asked.headers["cache-control"] == call(app).headers["cache-control"] == "no-cache"
    other = call(app, path=f"/web/{'0' * 16}/app.js")  # a page of the version before asks the one after it
    assert (other.body, other.headers["cache-control"]) == (kept.body, "no-cache")
    assert call(app, path=f"{address}/nothing.js").status == call(app, path=f"{address}{address}/app.js").status == 404
    said = texts()
    said["frame"]["ready"] += "!"
    assert Pages(said).address != address


@pytest.mark.parametrize("path", ["/", "/web/app.js"])
def test_what_a_browser_has_is_not_sent_again(app: FastAPI, path: str) -> None:
    first = call(app, path=path)
    again = call(app, path=path, headers=[("Host", "localhost"), ("If-None-Match", first.headers["etag"])])
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", first.headers["etag"])
    changed = call(app, path=path, headers=[("Host", "localhost"), ("If-None-Match", 'W/"0"')])
    assert changed.body == first.body


@pytest.mark.parametrize("path", page.PAGES)
def test_a_page_asks_for_its_script_behind_its_styles(app: FastAPI, path: str) -> None:
    content = text(call(app, path=path))
    (entry,) = re.findall(r'<script type="module" src="([^"]+)"', content)
    styles = re.findall(r'<link rel="stylesheet" href="([^"]+)"', content)
    assert max(map(content.index, styles)) < content.index("<main") < content.index(entry)
    assert all(call(app, path=each).status == 200 for each in (entry, *styles))


def names(branch: Any, prefix: str = "") -> Iterator[str]:
    """Of every text; the forms of one text are one."""
    if isinstance(branch, str) or branch.keys() <= FORMS:
        yield prefix
        return
    for key, below in branch.items():
        yield from names(below, f"{prefix}.{key}" if prefix else key)


def asked_for() -> list[str]:
    """What templates and modules name, as patterns: `live.*` where the last part is chosen while it runs."""
    found = []
    for template in (WEB / "pages").glob("*.html"):
        content = template.read_text(encoding="utf-8")
        for short, branch in re.findall(r"{% set (\w+) = (texts\.[\w.]+) %}", content):
            content = re.sub(rf"\b{short}(?=[.\[])", branch, content)
        content = re.sub(r"texts((?:\.\w+)+)\[[^]]+\]", r"texts\1.*", content)
        content = re.sub(r"texts((?:\.\w+)+)\.values\(\)", r"texts\1.*", content)
        found += [name.strip(".") for name in re.findall(r"texts((?:\.[\w*]+)+)", content)]
    for module in WEB.rglob("*.js"):
        content = module.read_text(encoding="utf-8")
        found += re.findall(r"""["'](\w+(?:\.[\w+]+)+)["']""", content)
        found += [re.sub(r"\$\{.*?\}", "*", each) for each in re.findall(r"`(\w+\.[^`]*)`", content)]
    return found


def test_every_text_is_used() -> None:
    patterns = asked_for()
    patterns += [f"{name}.*" for name in patterns]  # a branch: which of its texts is chosen while it runs
    unused = [name for name in names(texts()) if not any(fnmatchcase(name, pattern) for pattern in patterns)]
    assert unused == []


def words_of(source: str) -> list[str]:
    """Literals that a person would read: two words or more and no selector, or one with a capital; not in comments."""
    code = re.sub(r"^\s*(//|/?\*).*$|\s// .*$", "", source, flags=re.MULTILINE)
    literals = re.findall(r'"([^"\n]*)"|`([^`]*)`', code)
    plain = [re.sub(r"\$\{[^}]*\}", "", one or other) for one, other in literals]
    return [each for each in plain if re.search(r"^[^.#[]*[A-Za-z]{2,} [A-Za-z]{2,}|^[A-Z][a-z]+( |$|\u2026)", each)]


def test_what_a_person_would_read_is_noticed() -> None:
    said = 'a.title = "Log in"; b("Copied"); c(`${n} faces in sight`); d("max-width: 3px") // "See here"'
    assert words_of(said) == ["Log in", "Copied", " faces in sight"]


def plain(literal: str) -> bool:
    """Whether it names classes and elements, or kinds of parts of a file, rather than say something."""
    styles = "".join(each.read_text(encoding="utf-8") for each in WEB.rglob("*.css"))
    named = {*re.findall(r"\.([a-z][\w-]*)", styles), "td", "input", "cancel"}
    kinds = set(literal.split())
    return (
        kinds <= named or bool(kinds & {"plain", "notice"}) or re.fullmatch(r"([A-Za-z8]{4} ?)+", literal) is not None
    )


def modules() -> list[str]:
    return sorted(each.relative_to(WEB).as_posix() for each in WEB.rglob("*.js"))


@pytest.mark.parametrize("name", modules())
def test_a_module_has_no_words_of_its_own(name: str) -> None:
    found = words_of((WEB / name).read_text(encoding="utf-8"))
    assert [each for each in found if each not in MARKS and not plain(each)] == []


class Said(HTMLParser):
    """What a template says by itself: its text, and the attributes that a person reads or hears."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        spoken = [value for name, value in attrs if value and (name in SAID or name.startswith("data-"))]
        self.words += [value for value in spoken if re.search(r"[A-Za-z]{2} [A-Za-z]|^[A-Z]", value)]
        if tag == "meta" and ("name", "description") in attrs:
            self.words += [value for name, value in attrs if name == "content" and value]

    def handle_data(self, data: str) -> None:
        self.words += [each.strip() for each in data.splitlines() if re.search(r"[A-Za-z]", each)]


def said_by(template: str) -> set[str]:
    said = Said()
    said.feed(re.sub(r"{{.*?}}|{%.*?%}|{#.*?#}", "", template, flags=re.DOTALL))
    return set(said.words)


def test_what_a_template_would_say_is_noticed() -> None:
    template = (
        '{# why #}<a alt="Your face" data-way="photo">{{ texts.x }}Go {% if a %}on{% endif %}</a><i title="">2</i>'
    )
    assert said_by(template) == {"Your face", "Go on"}


@pytest.mark.parametrize("template", sorted(each.name for each in (WEB / "pages").glob("*.html")))
def test_a_template_has_no_words_of_its_own(template: str) -> None:
    found = said_by((WEB / "pages" / template).read_text(encoding="utf-8"))
    assert {each.removeprefix("· ") for each in found} - UNTRANSLATED == set()


def test_a_style_has_no_words_of_its_own() -> None:
    for style in WEB.rglob("*.css"):
        written = re.findall(r'content:\s*"([^"]*)"', style.read_text(encoding="utf-8"))
        assert [each for each in written if re.search(r"[A-Za-z]{2}", each.replace("\\a", ""))] == [], style.name


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
