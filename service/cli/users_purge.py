"""`facewarden users purge`: erase people for good."""

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.console import Console
from rich.progress import Progress

from db.storage import Storage
from db.tables import DEFAULT_TENANT
from service.bootstrap import receipts
from service.cli.receipt_file import ReceiptFile
from service.cli.start import storage_of
from service.workflows.people import People
from service.workflows.purge import Purge, Selection

MOST_SHOWN = 20
"""Lines before the question whether to erase them."""


def purge(  # noqa: PLR0913 - the options of a command
    user: Annotated[list[UUID] | None, typer.Option(help="Erase this person; may be given again.")] = None,
    inactive: Annotated[
        str | None, typer.Option(help="Who has neither logged in nor been enrolled for so long, such as 180d.")
    ] = None,
    before: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Who has not since this day began (UTC).")
    ] = None,
    receipt: Annotated[Path | None, typer.Option(help="Write a signed receipt; must not exist yet.")] = None,
    *,
    everybody: Annotated[bool, typer.Option("--all", help="Erase everybody of the tenant.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say who would be erased, and stop.")] = False,
    tenant: Annotated[str, typer.Option(help="The tenant whose people are meant.")] = DEFAULT_TENANT,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Erase people for good, keys first; without --yes it shows who and asks. Killed, it goes on when called again."""
    if [bool(user), inactive is not None, before is not None, everybody].count(True) != 1:
        raise typer.BadParameter("give one of --user, --inactive, --before and --all")
    file = None if receipt is None else _receipt_file(receipt)
    with storage_of(tenant) as storage:
        selection = _selection(user, inactive, before, storage.now())
        work = Purge(People(storage))
        chosen = work.chosen(selection)
        missing = sorted(selection.users.difference(chosen))
        done = _Done()
        if not dry_run:
            if chosen and not yes:
                _ask(chosen, as_json=as_json)
            done = _erase(storage, work, selection, chosen, file)
    report = {
        "dry_run": dry_run,
        "chosen": [str(each) for each in chosen],
        "not_found": [str(each) for each in missing],
        "erased": done.erased,
        "pending": done.pending,
        "receipt": str(receipt) if done.receipt else None,
    }
    print(json.dumps(report, indent=2) if as_json else _sentence(report))
    if missing:
        raise typer.Exit(1)


def _selection(users: list[UUID] | None, inactive: str | None, before: datetime | None, now: datetime) -> Selection:
    """Raises BadParameter."""
    if inactive is not None:
        days = re.fullmatch(r"([1-9]\d{0,4})d", inactive)
        if days is None:
            raise typer.BadParameter("is a number of days such as 180d", param_hint="--inactive")
        return Selection(unseen_since=now - timedelta(days=int(days[1])))
    if before is not None:
        return Selection(unseen_since=before.replace(tzinfo=UTC))
    return Selection(users=frozenset(users or ()))


def _receipt_file(path: Path) -> ReceiptFile:
    """Raises BadParameter, before anybody is erased."""
    if path.exists():
        raise typer.BadParameter(f"{path} exists already", param_hint="--receipt")
    if not path.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {path.parent}", param_hint="--receipt")
    file = ReceiptFile(path)
    try:
        file.planned()
    except ValueError:
        raise typer.BadParameter(f"{file.plan} is in the way", param_hint="--receipt") from None
    return file


@dataclass(frozen=True, slots=True)
class _Done:
    erased: int = 0
    pending: bool = False
    receipt: bool = False


def _erase(
    storage: Storage, work: Purge, selection: Selection, chosen: Sequence[UUID], file: ReceiptFile | None
) -> _Done:
    owed = set(chosen)
    if file is not None:
        owed |= file.planned()
        file.begin(sorted(owed))
    erased, pending = 0, False
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("people", total=len(chosen))
        for done in work(selection, chosen):
            erased, pending = erased + done.erased, done.pending
            progress.update(task, completed=erased)
    if file is not None:
        owed -= work.people.ids()
        file.end(receipts(storage).issue(sorted(owed)) if owed else None)
    return _Done(erased, pending, receipt=file is not None and bool(owed))


def _ask(chosen: Sequence[UUID], *, as_json: bool) -> None:
    if as_json or not _at_a_terminal():
        raise typer.BadParameter("erasing without being asked needs --yes; --dry-run says who it is")
    for each in chosen[:MOST_SHOWN]:
        print(each)
    if len(chosen) > MOST_SHOWN:
        print(f"and {len(chosen) - MOST_SHOWN} more (--dry-run names all)")
    typer.confirm(f"Erase {len(chosen)} {'person' if len(chosen) == 1 else 'people'} for good?", abort=True)


def _at_a_terminal() -> bool:
    return sys.stdin.isatty()


def _sentence(report: dict[str, Any]) -> str:
    lines = [f"not enrolled: {each}" for each in report["not_found"]]
    if report["dry_run"]:
        lines += [f"would erase {each}" for each in report["chosen"]] or ["nobody to erase"]
        return "\n".join(lines)
    lines.append(f"{report['erased']} erased")
    if report["pending"]:
        lines.append("their keys are destroyed; the freed space is cleared as soon as no other program reads")
    if report["receipt"]:
        lines.append(f"receipt: {report['receipt']}")
    return "\n".join(lines)
