"""`facewarden serve`: the service and its page."""

import socket
from typing import Annotated

import typer
import uvicorn
from rich.console import Console

from service.app import create_app
from service.bootstrap import build
from service.cli.start import settings
from service.errors import AddressTaken
from service.logs import configure_logging
from service.process import harden
from service.workflows.live import LIMITS as LIVE_LIMITS

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
    with _listen(chosen.host, chosen.port) as listening:
        built = build(chosen)
        if built.pipeline.spec.licence:
            told = f"facewarden: {built.pipeline.spec.model_id}, licence of the weights: {built.pipeline.spec.licence}"
            Console(stderr=True).print(told, highlight=False, markup=False, soft_wrap=True)
        server = uvicorn.Server(
            uvicorn.Config(
                create_app(built),
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=bool(chosen.trusted_proxies),
                forwarded_allow_ips=list(chosen.trusted_proxies),
                limit_concurrency=LIMIT_CONCURRENCY,
                ws_max_size=LIVE_LIMITS.max_bytes,
                ws_per_message_deflate=False,  # JPEG does not get smaller
                timeout_keep_alive=10,
                timeout_graceful_shutdown=30,
            )
        )
        name = f"[{chosen.host}]" if ":" in chosen.host else chosen.host
        Console(stderr=True).print(f"facewarden: http://{name}:{listening.getsockname()[1]}/", highlight=False)
        server.run(sockets=[listening])


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
