"""The real service as a process of its own."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from db.api_keys import Role
from service.databases import open_storage
from service.settings import Settings
from tests import databases
from tests.service.api_keys import key

STARTUP_SECONDS = 180
PORTS = 11_000, 32_000
"""None of them is among those that browsers refuse."""
WORKERS = 20


@dataclass(frozen=True, slots=True)
class Service:
    """`log`: everything the process wrote."""

    base_url: str
    process: "subprocess.Popen[bytes]"
    log: Path


def free_port() -> int:
    """Not told again by this run, and below those that the system gives: nobody takes it until the service does."""
    for port in _ports:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("every port is taken")


def _range() -> Iterator[int]:
    """Those of this worker of the run, from any of them on."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % WORKERS
    count = (PORTS[1] - PORTS[0]) // WORKERS
    first, begin = PORTS[0] + worker * count, random.randrange(count)
    return (first + (begin + number) % count for number in range(count))


_ports = _range()


@contextmanager
def running_service(
    home: Path, options: tuple[str, ...] = (), /, *, command: tuple[str, ...] = (), **settings: str
) -> Iterator[Service]:
    """Starts the service over `home`, waits until it is ready, stops it as an operator would.

    `command`: what runs the service instead of this interpreter; `options`: of `serve`; `settings`: further
    FACEWARDEN_* variables.
    """
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    port, log = int(settings.get("FACEWARDEN_PORT") or free_port()), home.parent / f"{home.name}.log"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FACEWARDEN_")}
    environment |= {
        "FACEWARDEN_HOME": str(home),
        "FACEWARDEN_PORT": str(port),
        **databases.environment(home),
        **settings,
    }
    arguments = [*(command or (sys.executable, "-m", "service.cli.main")), "serve", *options]
    with log.open("wb") as output:
        process = subprocess.Popen(
            arguments, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        scheme = "https" if {"FACEWARDEN_HTTPS", "FACEWARDEN_TLS_CERT"} & settings.keys() else "http"
        service = Service(f"{scheme}://127.0.0.1:{port}", process, log)
        _wait(service)
        yield service
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)  # the group: a tracer in front does not hand the signal on
        process.wait(40)


def _wait(service: Service) -> None:
    end = time.monotonic() + STARTUP_SECONDS
    while time.monotonic() < end and service.process.poll() is None:
        try:
            if httpx.get(service.base_url + "/readyz", timeout=5, verify=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError("the service did not start:\n" + service.log.read_text(errors="replace"))


def api_key(home: Path, role: Role) -> str:
    """A new API key of that role, in clear; the service over `home` may run or not."""
    storage = open_storage(Settings(home=home))
    try:
        return key(storage, role)
    finally:
        storage.close()
