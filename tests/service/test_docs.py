"""What the documents name exists, and what exists is named."""

import re
from pathlib import Path

import pytest
import typer

from service.app import create_app
from service.bootstrap import Application
from service.cli.main import application as command_line

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


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
