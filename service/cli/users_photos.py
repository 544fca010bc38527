"""`facewarden users add-photos`: photos of another moment for somebody enrolled."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from db.tables import DEFAULT_TENANT
from service.bootstrap import build
from service.cli.start import settings


def add_photos(
    user_id: UUID,
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="Photos of them, of other days.")],
    *,
    tenant: Annotated[str, typer.Option(help="The tenant whose they are.")] = DEFAULT_TENANT,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Add photos of other moments to somebody's template; they are read, never copied."""
    application = build(settings())
    try:
        done = application.of(tenant).grow.for_operator(user_id, [file.read_bytes() for file in files])
    finally:
        application.close()
    flagged = ", flagged: look whether they are somebody else" if done.flag_reason else ""
    sentence = f"{done.added} added: {done.photos} photos of {done.captures} moments{flagged}"
    print(json.dumps(asdict(done)) if as_json else sentence)
