"""`facewarden serve`: the service and its page."""

import socket
from collections.abc import Callable
from functools import partial
from typing import Annotated

import typer
import uvicorn
from rich.console import Console

from service.app import create_app
from service.bootstrap import build, face_spec, open_storage
from service.cli.start import settings
from service.errors import AddressTaken
from service.logs import configure_logging
from service.process import harden
from service.processes import run_processes, serve_as_one_of_several
from service.settings import Settings

HUNG_SECONDS = 60
"""A process of several that has not answered the one above it for so long is replaced."""
LIMIT_CONCURRENCY = 256
"""Open connections; more are told to come back (503) before anything is read."""


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on (FACEWARDEN_HOST).")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on (FACEWARDEN_PORT).")] = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes behind this address (FACEWARDEN_PROCESSES).", min=1)
    ] = None,
) -> None:
    """Run the service and its web page."""
    harden()
    chosen = settings(host=host, port=port, processes=workers)
    configure_logging(chosen.log_level, chosen.log_file)
    with _listen(chosen.host, chosen.port) as listening:
        if chosen.processes == 1:
            app = create_app(build(chosen))
            _announce(chosen, listening)
            uvicorn.Server(_config(chosen, app)).run(sockets=[listening])
        else:
            open_storage(chosen).close()  # keys and tables are made once, and what is wrong with them is told once
            _announce(chosen, listening)
            run_processes(_config(chosen, partial(serve_as_one_of_several, chosen)), listening)


def _announce(chosen: Settings, listening: socket.socket) -> None:
    spec, name = face_spec(chosen), f"[{chosen.host}]" if ":" in chosen.host else chosen.host
    if spec.licence:
        told = f"facewarden: {spec.model_id}, licence of the weights: {spec.licence}"
        Console(stderr=True).print(told, highlight=False, markup=False, soft_wrap=True)
    Console(stderr=True).print(f"facewarden: http://{name}:{listening.getsockname()[1]}/", highlight=False)


def _config(chosen: Settings, app: Callable[..., object]) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        factory=isinstance(app, partial),
        workers=chosen.processes,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(chosen.trusted_proxies),
        forwarded_allow_ips=list(chosen.trusted_proxies),
        limit_concurrency=LIMIT_CONCURRENCY,
        timeout_keep_alive=10,
        timeout_graceful_shutdown=30,
        timeout_worker_healthcheck=HUNG_SECONDS,
    )


def _listen(host: str, port: int) -> socket.socket:
    """Raises AddressTaken before any model is loaded."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host.strip("[]"), port), family=family, backlog=128)
    except OSError as error:
        raise AddressTaken(f"{host} port {port}: {error.strerror}") from None
    # asyncio does this only for sockets that name their protocol, which create_server's do not; accepted ones inherit
    # it. Without it every answer on a kept connection waits some 40 ms for the client's delayed acknowledgement.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening
