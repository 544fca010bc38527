"""`facewarden`: the command line. A command reads settings, calls one workflow and prints."""

import gc
import os
import sys
from collections.abc import Iterable
from importlib import import_module
from typing import Any, Final

# Before numpy is loaded: its threads spin while they wait, and would take the cores from the workers.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
import typer
from rich.console import Console

COMMANDS: Final = ("serve", "config", "demo", "bench", "overlay")
"""Each a function of its own name in a module of that name below `service.cli`."""
GROUPS: Final = ("audit", "users", "tenants", "clients", "receipts", "backup", "keys", "evaluate")
"""Each the `commands` of a module of that name."""


def command_line(names: Iterable[str] = (*COMMANDS, *GROUPS)) -> typer.Typer:
    """The program with these commands, whose modules are loaded for it."""
    made = typer.Typer(
        no_args_is_help=True, pretty_exceptions_enable=False, help="Privacy-preserving face enrolment and login."
    )
    made.callback()(_program)
    for name in names:
        module: Any = import_module(f"service.cli.{name}")
        if name in COMMANDS:
            made.command()(getattr(module, name))
        else:
            made.add_typer(module.commands, name=name)
    return made


def _program() -> None:
    """Says nothing; with it a single command is asked for by its name like one of several."""


def __getattr__(name: str) -> typer.Typer:
    """`application`: every command, loaded when it is asked for."""
    if name != "application":
        raise AttributeError(name)
    made: typer.Typer = globals().setdefault(name, command_line())
    return made


def main() -> None:
    """Runs a command; an error that has a row in the error table is told in one line, with exit status 1."""
    gc.disable()  # what is loaded stays: searching through it while it grows would take a third of a start
    asked = sys.argv[1] if len(sys.argv) > 1 else ""
    application = command_line([asked]) if asked in {*COMMANDS, *GROUPS} else command_line()
    if asked != "serve":  # which goes on loading
        gc.freeze()
        gc.enable()
    try:
        application()
    except Exception as error:
        from service.errors import TABLE, UnsafeSettings  # noqa: PLC0415 - loaded by then, and not before gc.disable

        code = getattr(error, "code", None)
        row = TABLE.get(code) if isinstance(code, str) else None
        if row is None:
            raise
        told = f"facewarden: {row.title}: {str(error) or row.advice}"
        Console(stderr=True).print(told, highlight=False, markup=False, soft_wrap=True)
        sys.exit(2 if isinstance(error, UnsafeSettings) else 1)
    finally:
        gc.freeze()  # the interpreter need not search all that there is once more before it ends


if __name__ == "__main__":
    main()
