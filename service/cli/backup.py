"""`facewarden backup`: data and keys into archives, and back."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from db import backup
from db.restore import Restore
from service.cli.start import opened_storage, settings
from service.databases import key_provider, utc_now
from service.workflows.people import By

commands = typer.Typer(no_args_is_help=True, help="Data and keys into archives, and back.")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Folder = Annotated[Path, typer.Argument(help="Where the archives are.")]


@commands.command()
def create(folder: Folder, *, as_json: AsJson = False) -> None:
    """Write a data archive and a keys archive, and destroy the keys archives there that have expired.

    The service may run. The master key is in neither archive.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with opened_storage() as storage:
        made = storage.backup().create(folder)
        with storage.begin() as work:
            work.note("backup_created", None, by=By.OPERATOR.value, people=made.people)
            work.commit()
    if as_json:
        report = {
            "data": str(made.data),
            "keys": str(made.keys),
            "keys_expire_at": made.expires_at.isoformat(),
            "people": made.people,
            "pruned": [str(path) for path in made.pruned],
        }
        print(json.dumps(report, indent=2))
        return
    print(f"data  {made.data}  ({made.people} people)")
    print(f"keys  {made.keys}  (expires {made.expires_at:%Y-%m-%d %H:%M} UTC; keep it apart from the data)")
    print("The master key is in neither: keep a copy of it, apart from both.")
    for path in made.pruned:
        print(f"expired and destroyed: {path}")


@commands.command()
def restore(
    data: Annotated[Path, typer.Option(help="Data archive.")],
    keys: Annotated[Path | None, typer.Option(help="Keys archive; without it the key store of today is used.")] = None,
    erasures: Annotated[
        list[Path] | None, typer.Option(help="Any newer archive, for who was erased since; may be given again.")
    ] = None,
    *,
    replace: Annotated[bool, typer.Option("--replace", help="Replace what is there.")] = False,
    drop_unreadable: Annotated[
        bool, typer.Option("--drop-unreadable", help="Leave out people whose key is missing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Put a backup back; the service must not run. Who was erased since stays erased."""
    chosen = settings()
    chosen.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    put_back = Restore(chosen.data_url, chosen.keys_url, key_provider(chosen), utc_now)
    done = put_back(data, keys, erasures=erasures or [], replace=replace, drop_unreadable=drop_unreadable)
    if as_json:
        print(json.dumps({"people": done.people, "erased": done.erased, "unreadable": done.unreadable}, indent=2))
        return
    print(f"{done.people} people are enrolled")
    if done.erased:
        print(f"{done.erased} who were erased since the backup stay erased")
    if done.unreadable:
        print(f"{done.unreadable} whose key is missing were left out")


@commands.command()
def prune(folder: Folder) -> None:
    """Destroy the keys archives in a folder that have expired."""
    gone = backup.prune(folder, datetime.now(UTC))
    for path in gone:
        print(f"expired and destroyed: {path}")
    if not gone:
        print("nothing has expired")
