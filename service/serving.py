"""The service at its address, in one process or several."""

import gc
import socket
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn
from rich.console import Console

from embeddings.embed import ModelSpec
from service.access import ANY_ADDRESS
from service.ahead import Ahead
from service.asgi import App
from service.bootstrap import Application, build, face_spec
from service.certificate import LOCAL_NAMES, local_certificate, usable
from service.databases import open_storage, utc_now
from service.errors import AddressTaken
from service.opening import Opening
from service.patience import PatientProtocol
from service.processes import run_processes, serve_as_one_of_several
from service.readiness import Readiness
from service.server import Server
from service.settings import Settings
from service.workflows.live import LIMITS as LIVE_LIMITS

HUNG_SECONDS = 60
"""A process of several that has not answered the one above it for so long is replaced."""
LIMIT_CONCURRENCY = 256
"""Open connections; more are told to come back (503) before anything is read."""


def run(chosen: Settings, ahead: Ahead) -> None:
    """Serves until it is told to stop. Raises AddressTaken, and what opening the service raises."""
    tls = _tls(chosen)
    with _listen(chosen.host, chosen.port) as listening:
        name = f"[{chosen.host}]" if ":" in chosen.host else chosen.host
        address = f"{'https' if tls else 'http'}://{name}:{listening.getsockname()[1]}/"
        if chosen.processes > 1:
            open_storage(chosen).close()  # keys and tables are made once, and what is wrong with them is told once
            _announce(face_spec(chosen), address)
            gc.enable()
            run_processes(_config(partial(serve_as_one_of_several, chosen), chosen, tls), listening)
            return
        readiness = Readiness()
        opening = Opening(chosen, readiness, lambda: _built(chosen, address, ahead))
        server = Server(_config(opening, chosen, tls), readiness)
        opening.failed = server.stop
        server.run(sockets=[listening])
    if opening.error is not None:
        raise opening.error


def _config(app: App | partial[Any], chosen: Settings, tls: tuple[Path, Path] | None) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        factory=isinstance(app, partial),
        workers=chosen.processes,
        timeout_worker_healthcheck=HUNG_SECONDS,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(chosen.trusted_proxies),
        forwarded_allow_ips=list(chosen.trusted_proxies),
        http=PatientProtocol,
        limit_concurrency=LIMIT_CONCURRENCY,
        ws_max_size=LIVE_LIMITS.max_bytes,
        ws_per_message_deflate=False,  # JPEG does not get smaller
        timeout_keep_alive=10,
        timeout_graceful_shutdown=30,
        ssl_certfile=tls and tls[0],
        ssl_keyfile=tls and tls[1],
    )


def _tls(chosen: Settings) -> tuple[Path, Path] | None:
    """Certificate and key; None where a proxy speaks TLS or nobody does."""
    if chosen.tls_cert is not None and chosen.tls_key is not None:
        return usable(chosen.tls_cert, chosen.tls_key)
    if not chosen.https:
        return None
    bound = () if chosen.host in ANY_ADDRESS else (chosen.host,)
    made = local_certificate(chosen.tls_folder, dict.fromkeys([*LOCAL_NAMES, *bound, *chosen.allowed_hosts]))
    told = f"facewarden: trust {made.authority} on the devices that come here; SHA-256 {made.fingerprint}"
    Console(stderr=True).print(told, highlight=False, markup=False, soft_wrap=True)
    return made.certificate, made.key


def _built(chosen: Settings, address: str, ahead: Ahead) -> Application:
    """Says where it is once there is something to see."""
    built = build(chosen, utc_now, ahead)
    _announce(built.pipeline.spec, address)
    return built


def _announce(spec: ModelSpec, address: str) -> None:
    if spec.licence:
        told = f"facewarden: {spec.model_id}, licence of the weights: {spec.licence}"
        Console(stderr=True).print(told, highlight=False, markup=False, soft_wrap=True)
    Console(stderr=True).print(f"facewarden: {address}", highlight=False, markup=False, soft_wrap=True)


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
