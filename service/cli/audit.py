"""`facewarden audit`: the log of what was done, and whether it is whole."""

import json
import os
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table

from db.audit_chain import Entry
from service.cli.start import opened_storage

commands = typer.Typer(no_args_is_help=True, help="The log of what was done, and whether it is whole.")
console = Console()
LEAST_WIDTH = 120

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@commands.command()
def tail(
    count: Annotated[int, typer.Option(min=1, help="Print at most this many.")] = 20,
    user: Annotated[UUID | None, typer.Option(help="Only what concerns this person, erased or not.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Print the last entries. People stand in it by a pseudonym."""
    with opened_storage() as storage:
        log = storage.audit
        entries = log.last(count) if user is None else list(log.entries(person=log.pseudonym(user)))[-count:]
    if as_json:
        print(json.dumps([_as_dict(entry) for entry in entries], indent=2))
        return
    table = Table("number", "when (UTC)", "what", "person", "details", box=None, pad_edge=False)
    for entry in entries:
        details = "  ".join(f"{name}={value}" for name, value in entry.details.items() if value is not None)
        person = (entry.person or "")[:12]
        table.add_row(str(entry.number), f"{entry.at:%Y-%m-%d %H:%M:%S}", entry.kind, person, details)
    Console(width=max(console.width, LEAST_WIDTH)).print(table if entries else "The log is empty.", highlight=False)


@commands.command()
def verify(*, as_json: AsJson = False) -> None:
    """Check the whole chain, and the ledger of consents against it.

    Exit status 1 where an entry was changed, removed or moved, the end cut off, or the ledger of somebody says another
    thing than the log.
    """
    with opened_storage() as storage:
        count, findings = storage.audit.verify()
        consents = sorted(map(str, storage.contradicted_consents()))
    if as_json:
        found = [{"fault": finding.fault.value, "number": finding.number} for finding in findings]
        print(json.dumps({"entries": count, "whole": not findings, "findings": found, "consents": consents}, indent=2))
    else:
        for finding in findings:
            console.print(f"{finding.fault.value}: entry {finding.number}", highlight=False)
        console.print(f"{count} entries, {'NOT whole' if findings else 'whole'}", highlight=False)
        for each in consents:
            console.print(f"consent: the log tells of another for {each}", highlight=False, soft_wrap=True)
    if findings or consents:
        raise typer.Exit(1)


@commands.command()
def export(file: Annotated[Path, typer.Argument(help="JSON lines; must not exist yet.")]) -> None:
    """Write the whole log to a file, one JSON object an entry, and print the last number and code."""
    last: Entry | None = None
    with opened_storage() as storage, os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        for last in storage.audit.entries():
            out.write(json.dumps(_as_dict(last), ensure_ascii=False) + "\n")
    console.print("empty" if last is None else f"{last.number} {last.code.hex()}", highlight=False)


def _as_dict(entry: Entry) -> dict[str, object]:
    return {
        "number": entry.number,
        "at": entry.at.isoformat(),
        "kind": entry.kind,
        "person": entry.person,
        "details": dict(entry.details),
        "generation": entry.generation,
        "code": entry.code.hex(),
    }
