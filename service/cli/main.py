"""`facewarden`: the command line. A command reads settings, calls one workflow and prints."""

import gc
import os
import sys

# Before numpy is loaded: its threads spin while they wait, and would take the cores from the workers.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
import typer
from rich.console import Console

from service.cli import (
    audit,
    backup,
    bench,
    clients,
    config,
    demo,
    evaluate,
    keys,
    overlay,
    receipts,
    serve,
    tenants,
    users,
)
from service.errors import TABLE, UnsafeSettings

application = typer.Typer(
    no_args_is_help=True, pretty_exceptions_enable=False, help="Privacy-preserving face enrolment and login."
)
application.command()(serve.serve)
application.command()(config.config)
application.command()(demo.demo)
application.command()(bench.bench)
application.command()(overlay.overlay)
application.add_typer(audit.commands, name="audit")
application.add_typer(users.commands, name="users")
application.add_typer(tenants.commands, name="tenants")
application.add_typer(clients.commands, name="clients")
application.add_typer(receipts.commands, name="receipts")
application.add_typer(backup.commands, name="backup")
application.add_typer(keys.commands, name="keys")
application.add_typer(evaluate.commands, name="evaluate")


def main() -> None:
    """Runs a command; an error that has a row in the error table is told in one line, with exit status 1."""
    try:
        application()
    except Exception as error:
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
