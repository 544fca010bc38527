"""What the documents name exists, and what exists is named."""

import ast
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import typer

from service.app import create_app
from service.bootstrap import Application
from service.cli.main import application as command_line
from service.consent import USES, consent_text
from service.lockout import Limits

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
THREATS = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
TRUST = (ROOT / "docs" / "trust.md").read_text(encoding="utf-8")
NOTED_BY = {"note": 0, "append": 2}
"""What writes the audit log, and where among its arguments the kind of the entry stands."""


def test_the_readme_names_every_route_and_no_other(application: Application) -> None:
    routes = {
        f"{method.upper()} {path}"
        for path, methods in create_app(application).openapi()["paths"].items()
        for method in methods
    }
    named = set(re.findall(r"`((?:GET|POST|DELETE|PUT|PATCH) /[^`]*)`", README))
    assert named == routes


def _commands(group: typer.core.TyperGroup, prefix: str) -> list[str]:
    found = []
    for name, command in group.commands.items():
        if isinstance(command, typer.core.TyperGroup):
            found += _commands(command, f"{prefix} {name}")
        else:
            found.append(f"{prefix} {name}")
    return found


def test_the_readme_names_every_command() -> None:
    group = typer.main.get_command(command_line)
    assert isinstance(group, typer.core.TyperGroup)
    commands = _commands(group, "facewarden")
    assert len(commands) >= 5
    assert [each for each in commands if each not in README and each != "facewarden serve"] == []


@pytest.mark.parametrize("page", [*sorted(ROOT.glob("docs/**/*.md")), ROOT / "README.md"], ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("named", sorted(set(re.findall(r"`(tests/\w+/\w+\.py::\w+)`", THREATS))))
def test_the_tests_that_the_threat_model_names_exist(named: str) -> None:
    path, _, function = named.partition("::")
    assert re.search(rf"^(async )?def {function}\(", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)


def test_the_modules_that_the_threat_model_names_exist() -> None:
    named = set(re.findall(r"`((?:db|service|embeddings)/[\w/]+\.py)`", THREATS))
    assert len(named) > 10
    assert [each for each in named if not (ROOT / each).is_file()] == []


def test_every_demand_names_a_test_or_says_that_it_is_not_met() -> None:
    rows = _rows(THREATS.partition("## Demands")[2])
    assert len(rows) > 80
    assert [row for row in rows if not re.search(r"`tests/|\*\*not met|\*\*yours", row, re.IGNORECASE)] == []


def test_every_kind_of_entry_is_documented() -> None:
    rows = {row.split("`")[1]: row for row in _rows(TRUST.partition("### What is written")[2].partition("###")[0])}
    written = dict(_written())
    assert rows.keys() == written.keys()
    assert [(kind, detail) for kind in rows for detail in written[kind] if f"`{detail}`" not in rows[kind]] == []


def _written() -> Iterator[tuple[str, set[str]]]:
    """Every kind of entry that the code writes, with the names of its details."""
    found: dict[str, set[str]] = {}
    rooms = ("db", "service/workflows", "service/oauth", "service/cli")
    for path in (path for room in rooms for path in ROOT.glob(f"{room}/*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in NOTED_BY:
                place = NOTED_BY[node.func.attr]
                kind = node.args[place] if len(node.args) > place else None
                if isinstance(kind, ast.Constant) and isinstance(kind.value, str):
                    found.setdefault(kind.value, set()).update(each.arg for each in node.keywords if each.arg)
    yield from found.items()


def test_the_waits_in_the_documents_are_those_of_the_code() -> None:
    table = TRUST.partition("| failures in a row |")[2].partition("\n\n")[0]
    waits: dict[int, timedelta] = {}
    for first, last, number, unit in re.findall(r"^\| (\d+)(?: to (\d+))? \| (\d+) (s|min|h) \|", table, re.MULTILINE):
        seconds = int(number) * {"s": 1, "min": 60, "h": 3600}[unit]
        waits |= dict.fromkeys(range(int(first), int(last or first) + 1), timedelta(seconds=seconds))
    limits = Limits()
    told = {failures: limits.pause(failures) for failures in range(limits.free, limits.stop)}
    assert waits == told
    assert limits.pause(limits.free - 1) == timedelta(0)
    assert f"| {limits.stop} to {2 * limits.stop - 1} | 1 h, and a face alone" in table
    assert f"| {2 * limits.stop} and more | 1 h" in table
    before = sum(told.values(), timedelta(0))
    assert timedelta(hours=39) <= before < timedelta(hours=40)


def test_the_consent_text_in_the_documents_is_one(tmp_path: Path) -> None:
    file = tmp_path / "consent.toml"
    file.write_text(TRUST.partition("```toml\n")[2].partition("```")[0], encoding="utf-8")
    text = consent_text((), file, growth=True)
    assert text.texts.keys() == set(USES)
    assert "\n" not in "".join(text.texts.values())


def _rows(text: str) -> list[str]:
    """The rows of its tables, without their heads."""
    lines = text.splitlines()
    return [
        line
        for line, following in zip(lines, [*lines[1:], ""], strict=True)
        if line.startswith("| ") and not line.startswith("| ---") and not following.startswith("| ---")
    ]
