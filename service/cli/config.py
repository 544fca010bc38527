"""`facewarden config`: what the service would start with."""

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console

from service.cli.start import settings
from service.settings import PREFIX
from service.shown import shown
from service.unsafe import dangers, warnings


def config(
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Every setting, its value and where that comes from, without secrets; what is unsafe. Status 2: it would not
    start."""
    chosen = settings()
    found, refused, warned = shown(chosen), list(dangers(chosen)), list(warnings(chosen))
    if as_json:
        told = {
            "settings": {name: asdict(each) for name, each in found.items()},
            "refused": refused,
            "warnings": warned,
        }
        print(json.dumps(told, ensure_ascii=False, indent=1))
    else:
        _print({name: (_text(each.value), each.source) for name, each in found.items()}, refused, warned)
    if refused:
        raise typer.Exit(2)


def _print(rows: dict[str, tuple[str, str]], refused: list[str], warned: list[str]) -> None:
    width, value_width = (max(len(each) for each in column) for column in (rows, [value for value, _ in rows.values()]))
    for name, (value, source) in rows.items():
        print(f"{PREFIX}{name.upper():{width}}  {value:{value_width}}  {source}")
    console = Console(stderr=True)
    for kind, lines in (("warning", warned), ("refused", refused)):
        for line in lines:
            console.print(f"{kind}: {line}", highlight=False, markup=False, soft_wrap=True)


def _text(value: object) -> str:
    if value is None or value == ():
        return "unset"
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(value) if isinstance(value, tuple) else str(value)
