"""`facewarden receipts`: signed receipts of erasures."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from db.engine import database_file
from service.bootstrap import receipts as receipts_of
from service.cli.receipt_file import ReceiptFile
from service.cli.start import settings
from service.databases import open_storage
from service.receipts import Receipt, public_bytes
from service.receipts import verify as verified
from service.workflows.receipt import Receipts

commands = typer.Typer(no_args_is_help=True, help="Signed receipts of erasures.")


@contextmanager
def _receipts() -> Iterator[Receipts]:
    storage = open_storage(settings())
    try:
        yield receipts_of(storage)
    finally:
        storage.close()


@commands.command()
def key() -> None:
    """Print the public key that this installation's receipts are checked with; publish it."""
    with _receipts() as receipts:
        print(receipts.key.public)


@commands.command()
def issue(
    user: Annotated[list[UUID], typer.Argument(help="Who was erased, at whatever time.")],
    file: Annotated[Path, typer.Option("--receipt", help="Where to write it; must not exist yet.")],
) -> None:
    """Write a receipt (again) from the audit log."""
    if file.exists() or not file.parent.is_dir():
        raise typer.BadParameter(f"{file} exists already, or its folder does not", param_hint="--receipt")
    with _receipts() as receipts:
        ReceiptFile(file).end(receipts.issue(sorted(set(user))))


@commands.command()
def verify(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The receipt.")],
    public: Annotated[
        str | None, typer.Option("--key", help="Public key; without it that of this installation.")
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check that a receipt is whole, unchanged and signed with the key; exit status 1 where it is not."""
    receipt = verified(file.read_bytes(), _own_key() if public is None else _checked(public))
    print(receipt.model_dump_json(indent=2) if as_json else _told(receipt))


def _own_key() -> str:
    """Makes no installation where there is none."""
    database = database_file(settings().keys_url)
    if database is not None and not database.exists():
        raise typer.BadParameter("there is no installation here: give the public key", param_hint="--key")
    with _receipts() as receipts:
        return receipts.key.public


def _checked(public: str) -> str:
    try:
        public_bytes(public)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--key") from None
    return public


def _told(receipt: Receipt) -> str:
    lines = [
        f"{each.user_id} erased {each.erased_at} by {each.by or 'unknown'}: {_count(each.templates)} templates,"
        f" {_count(each.keys)} keys; entry {each.entry}, code {each.code}"
        for each in receipt.erased
    ]
    return "\n".join([*lines, f"genuine: signed {receipt.issued_at} with {receipt.key}"])


def _count(number: int | None) -> str:
    return "?" if number is None else str(number)
