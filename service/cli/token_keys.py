"""`facewarden keys tokens`: which keys sign tokens, and replacing them."""

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from service.bootstrap import signing
from service.cli.start import opened_storage, settings

commands = typer.Typer(
    no_args_is_help=True, help="The keys that tokens are signed with: which they are, replacing them."
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@commands.command("list")
def listing(*, as_json: AsJson = False) -> None:
    """List the keys that are published, and which of them signs."""
    with opened_storage() as storage:
        keys = signing(storage, settings()).keys
        signs, found = keys.signing(), keys.all()
    rows = [
        {"kid": each.kid, "made_at": each.made_at.isoformat(timespec="seconds"), "signs": each.kid == signs.kid}
        for each in found
    ]
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    table = Table("key", "made", "signs", box=None, pad_edge=False)
    for each in found:
        table.add_row(each.kid, f"{each.made_at:%Y-%m-%d %H:%M}", "yes" if each.kid == signs.kid else "")
    Console().print(table)


@commands.command()
def rotate(
    *,
    at_once: Annotated[
        bool, typer.Option("--at-once", help="Destroy the keys before now: everybody has to log in again.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make the next key. It is published now and signs ten minutes later; the one before goes when its last token has
    expired. The service may run meanwhile."""
    with opened_storage() as storage:
        made = signing(storage, settings()).rotate(at_once=at_once)
    if as_json:
        print(json.dumps({"kid": made.kid, "at_once": at_once}, indent=2))
        return
    when = "signs from now on; the keys before are destroyed" if at_once else "is published, and signs in ten minutes"
    print(f"{made.kid} {when}")
