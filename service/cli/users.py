"""`facewarden users`: who is enrolled, and erasing them for good."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table

from db.records import Person
from db.tables import DEFAULT_TENANT
from embeddings.embedders import model_id
from service.bootstrap import lockout
from service.cli import users_import, users_photos, users_purge
from service.cli.start import settings, storage_of
from service.workflows.administer import Administer
from service.workflows.people import People

commands = typer.Typer(no_args_is_help=True, help="Who is enrolled, and erasing them for good.")
commands.command("import")(users_import.import_people)
commands.command()(users_purge.purge)
commands.command()(users_photos.add_photos)
console = Console()
LEAST_WIDTH = 100
"""Characters; a narrower terminal would cut the IDs."""
UNREADABLE = (
    "unreadable: a record of theirs, or its key, is damaged, so that nobody logs in as them; put the files of a backup "
    "back, or erase them (users purge --user) and enrol them again"
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
OfTenant = Annotated[str, typer.Option("--tenant", help="The tenant whose people are meant.")]


@contextmanager
def _people(tenant: str) -> Iterator[People]:
    with storage_of(tenant) as storage:
        yield People(storage)


def _as_dict(person: Person) -> dict[str, object]:
    return {
        "user_id": str(person.user_id),
        "created_at": person.created_at.isoformat(),
        "last_login_at": person.last_login_at.isoformat() if person.last_login_at else None,
        "templates": person.templates,
        "models": list(person.model_ids),
        "flagged": person.flagged,
        "flag_reason": person.flag_reason,
        "readable": person.readable,
        "attributes": dict(person.attributes) if person.attributes else None,
        "metadata": dict(person.metadata) if person.metadata else None,
    }


@commands.command("list")
def listing(
    offset: Annotated[int, typer.Option(min=0, help="Pass over this many.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Print at most this many.")] = 50,
    *,
    flagged: Annotated[bool, typer.Option("--flagged", help="Those alone that an operator should look at.")] = False,
    old_model: Annotated[bool, typer.Option("--old-model", help="Only who has no template of the embedder.")] = False,
    tenant: OfTenant = DEFAULT_TENANT,
    unreadable: Annotated[bool, typer.Option("--unreadable", help="Only who has a record that does not open.")] = False,
    as_json: AsJson = False,
) -> None:
    """List who is enrolled, the earliest first, and who has only templates of another model than the embedder's."""
    current = model_id(settings().embedder)
    with _people(tenant) as people:
        everybody, old = people.count(), people.count(without_model=current)
        lacking = current if old_model else None
        total = people.count(flagged=flagged, without_model=lacking)
        found = people.listing(offset, limit, flagged=flagged, without_model=lacking)
        if unreadable:
            damaged = people.unreadable()
            total, found = len(damaged), damaged[offset : offset + limit]
        if as_json:
            shown = [_as_dict(person) | {"current_model": current in person.model_ids} for person in found]
            told = {"total": total, "model": current, "old_model": old, "people": shown}
            print(json.dumps(told, indent=2))
            return
        table = Table("user_id", "enrolled", "last login", "photos", "model", "flagged", box=None, pad_edge=False)
        for person in found:
            last = f"{person.last_login_at:%Y-%m-%d %H:%M}" if person.last_login_at else "never"
            flag = (person.flag_reason or "yes") if person.flagged else ""
            flag = flag if person.readable else "unreadable"
            enrolled = f"{person.created_at:%Y-%m-%d %H:%M}"
            table.add_row(str(person.user_id), enrolled, last, str(person.templates), _models(person, current), flag)
        Console(width=max(console.width, LEAST_WIDTH)).print(
            table if found else "Nobody is enrolled." if not everybody else "Nobody."
        )
        if not all(person.readable for person in found):
            console.print(UNREADABLE, highlight=False, soft_wrap=True)
        if len(found) < total:
            console.print(f"{len(found)} of {total}; see --offset and --limit")
        if old:
            sentence = f"{old} of {everybody} have only templates of another model than {current} (docs/embedder.md)"
            console.print(sentence, highlight=False, soft_wrap=True)


def _models(person: Person, current: str) -> str:
    if current not in person.model_ids:
        return "old"
    return "current" if person.model_ids == (current,) else "both"


@commands.command()
def show(user_id: UUID, *, tenant: OfTenant = DEFAULT_TENANT, as_json: AsJson = False) -> None:
    """Show what is kept about one person (their vectors are not printed)."""
    with _people(tenant) as people:
        facts = _as_dict(people.get(user_id))
    if as_json:
        print(json.dumps(facts, indent=2))
        return
    for name, value in facts.items():
        console.print(f"[bold]{name:14}[/bold]", value if value is not None else "-", highlight=False)


@commands.command()
def unlock(user_id: UUID, *, tenant: OfTenant = DEFAULT_TENANT, as_json: AsJson = False) -> None:
    """Forgive the failed logins of one claim."""
    with storage_of(tenant) as storage:
        had_failures = Administer(storage, lockout(storage, settings())).unlock(user_id)
    sentence = "unlocked" if had_failures else "there were no failed logins"
    print(json.dumps({"had_failures": had_failures}) if as_json else sentence)
