"""`facewarden tenants`: bodies of people who never meet those of another, and renewing how their templates are kept."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from db.storage import Storage
from service.bootstrap import open_storage
from service.cli.start import settings
from service.workflows.people import By
from service.workflows.renew import revoke as revoked

commands = typer.Typer(no_args_is_help=True, help="Bodies of people who never meet those of another.")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Name = Annotated[str, typer.Argument(help="The tenant's name.")]


@contextmanager
def opened() -> Iterator[Storage]:
    storage = open_storage(settings())
    try:
        yield storage
    finally:
        storage.close()


@commands.command("list")
def listing(*, as_json: AsJson = False) -> None:
    """List the tenants, how many people each has, and how often its templates were renewed."""
    with opened() as storage:
        found = storage.tenants().all()
    if as_json:
        print(json.dumps([asdict(each) | {"created_at": each.created_at.isoformat()} for each in found], indent=2))
        return
    table = Table("tenant", "created", "people", "transform", box=None, pad_edge=False)
    for each in found:
        table.add_row(each.name, f"{each.created_at:%Y-%m-%d %H:%M}", str(each.people), str(each.transform))
    Console().print(table)


@commands.command()
def create(name: Name, *, as_json: AsJson = False) -> None:
    """Make a tenant; its API key is given in FACEWARDEN_API_KEYS."""
    with opened() as storage:
        try:
            made = storage.tenants().create(name, storage.now())
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="NAME") from None
        if made:
            with storage.of(name).begin() as work:
                work.note("tenant_created", None, by=By.OPERATOR.value)
                work.commit()
    print(json.dumps({"tenant": name, "created": made}) if as_json else "created" if made else "it is there already")


@commands.command()
def revoke(name: Name, *, as_json: AsJson = False) -> None:
    """Keep a tenant's templates under a new secret transform and destroy the one before: copies of them made until now
    compare with nothing any more. Nobody is photographed again.

    The service may run meanwhile. Stopped at any moment, it goes on when it is called again, or at the next start.
    """
    console = Console(stderr=True)
    shown = Progress(console=console, transient=True, disable=not console.is_terminal)
    with opened() as storage, shown:
        task = shown.add_task("templates carried over", total=None)
        done = revoked(storage.of(name), lambda count: shown.update(task, completed=count))
    if as_json:
        print(json.dumps({"tenant": name, **asdict(done)}, indent=2))
        return
    print(f"{done.templates} templates were carried over; transform {done.generation} is in use")
    if done.worthless:
        print(f"{done.worthless} are of no use any more, since their transform was destroyed before: enrol anew")
    if done.pending:
        print("the freed space is cleared as soon as no other program reads")
