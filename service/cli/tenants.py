"""`facewarden tenants`: bodies of people who never meet those of another, and renewing how their templates are kept."""

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from service.cli.start import opened_storage
from service.workflows import tenancy

commands = typer.Typer(no_args_is_help=True, help="Bodies of people who never meet those of another.")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Name = Annotated[str, typer.Argument(help="The tenant's name.")]


@commands.command("list")
def listing(*, as_json: AsJson = False) -> None:
    """List the tenants, how many people each has, which transform is in use, and templates whose transform is gone."""
    with opened_storage() as storage:
        found = [(each, storage.of(each.name).transforms().worthless()) for each in storage.tenants().all()]
    if as_json:
        rows = [asdict(each) | {"created_at": each.created_at.isoformat(), "worthless": lost} for each, lost in found]
        print(json.dumps(rows, indent=2))
        return
    table = Table("tenant", "created", "people", "transform", "worthless templates", box=None, pad_edge=False)
    for each, lost in found:
        created = f"{each.created_at:%Y-%m-%d %H:%M}"
        table.add_row(each.name, created, str(each.people), str(each.transform), str(lost or ""))
    Console().print(table)


@commands.command()
def create(name: Name, *, as_json: AsJson = False) -> None:
    """Make a tenant; `facewarden keys api create --tenant NAME` gives it API keys."""
    with opened_storage() as storage:
        try:
            made = tenancy.create(storage, name)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="NAME") from None
    print(json.dumps({"tenant": name, "created": made}) if as_json else "created" if made else "it is there already")


@commands.command()
def revoke(name: Name, *, as_json: AsJson = False) -> None:
    """Keep a tenant's templates under a new secret transform and destroy the one before: copies of them made until now
    compare with nothing any more. Nobody is photographed again.

    The service may run meanwhile. Stopped at any moment, it goes on when it is called again, or at the next start.
    """
    console = Console(stderr=True)
    shown = Progress(console=console, transient=True, disable=not console.is_terminal)
    with opened_storage() as storage, shown:
        task = shown.add_task("templates carried over", total=None)
        done = tenancy.revoke(storage.of(name), lambda count: shown.update(task, completed=count))
    if as_json:
        print(json.dumps({"tenant": name, **asdict(done)}, indent=2))
        return
    print(f"{done.templates} templates were carried over; transform {done.generation} is in use")
    if done.worthless:
        print(f"{done.worthless} are of no use any more, since their transform was destroyed before: enrol anew")
    if done.pending:
        print("the freed space is cleared as soon as no other program reads")
