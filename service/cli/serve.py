"""`facewarden serve`: the service and its page."""

from typing import Annotated

import typer
import uvicorn
from rich.console import Console

from service.app import create_app
from service.bootstrap import build
from service.cli.start import settings
from service.logs import configure_logging
from service.process import harden

LIMIT_CONCURRENCY = 256
"""Open connections; more are told to come back (503) before anything is read."""


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on (FACEWARDEN_HOST).")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on (FACEWARDEN_PORT).")] = None,
) -> None:
    """Run the service and its web page."""
    harden()
    chosen = settings(host=host, port=port)
    configure_logging(chosen.log_level, chosen.log_file)
    application = build(chosen)
    if chosen.log_file is not None or not chosen.loopback:
        Console(stderr=True).print(f"facewarden listens on {chosen.host}:{chosen.port}")
    else:
        Console(stderr=True).print(f"facewarden: http://{chosen.host}:{chosen.port}/")
    uvicorn.run(
        create_app(application),
        host=chosen.host,
        port=chosen.port,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        limit_concurrency=LIMIT_CONCURRENCY,
        timeout_keep_alive=10,
        timeout_graceful_shutdown=30,
    )
