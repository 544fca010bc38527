"""`facewarden serve`: the service and its page."""

from typing import Annotated

import typer

from service.ahead import Ahead
from service.cli.start import settings
from service.databases import to_read
from service.logs import configure_logging
from service.process import harden
from service.unsafe import refuse_unsafe


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on (FACEWARDEN_HOST).")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on (FACEWARDEN_PORT).")] = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes behind this address (FACEWARDEN_PROCESSES).", min=1)
    ] = None,
    https: Annotated[
        bool | None, typer.Option("--https", help="TLS with a local certificate (FACEWARDEN_HTTPS).")
    ] = None,
) -> None:
    """Run the service and its web page."""
    harden()
    chosen = settings(host=host, port=port, https=https, processes=workers)
    configure_logging(chosen.log_level, chosen.log_file)
    refuse_unsafe(chosen)
    databases = to_read(chosen) if chosen.processes == 1 else None
    ahead = Ahead() if databases is None else Ahead.begin(databases)
    from service.serving import run  # noqa: PLC0415 - a second of modules, which templates are opened beside

    run(chosen, ahead)
