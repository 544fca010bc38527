"""The service as a child process, started as an operator starts it, and what it uses of the machine."""

import os
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from evaluation.bench.rival import THREAD_VARIABLES

PREFIX: Final = "FACEWARDEN_"
HOST: Final = "127.0.0.1"
STARTUP_SECONDS: Final = 300
STOP_SECONDS: Final = 40
_POLL_SECONDS: Final = 0.05
_PROC: Final = Path("/proc")


class ServiceFailed(Exception):
    """The service did not start, or did not answer as it should."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Since the start: `cpu_seconds` of all threads; resident memory now and at its highest, bytes."""

    cpu_seconds: float
    resident_bytes: int
    peak_bytes: int


class Server:
    """A context manager: the service over `home`, from the moment it answers ready until it has stopped.

    `command`: the command line, to which `serve` is added; `settings`: FACEWARDEN_* variables, by name without prefix.
    `seconds_to_ready`: from the start of the process until /readyz answered. Raises ServiceFailed.
    """

    def __init__(self, command: Sequence[str], home: Path, settings: Mapping[str, str] | None = None) -> None:
        self.port = _free_port()
        self._log = home.parent / f"{home.name}.log"
        start = time.perf_counter()
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own command line
                [*command, "serve"],
                env=environment(home, {"PORT": str(self.port), **(settings or {})}),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            self._wait()
        except BaseException:
            self._stop()
            raise
        self.seconds_to_ready = time.perf_counter() - start

    def _wait(self) -> None:
        end = time.monotonic() + STARTUP_SECONDS
        while time.monotonic() < end and self._process.poll() is None:
            if _ready(self.port):
                return
            time.sleep(_POLL_SECONDS)
        told = self._log.read_text(errors="replace").strip().splitlines()
        raise ServiceFailed("the service did not start" + (f": {told[-1]}" if told else ""))

    def usage(self) -> Usage | None:
        """None where the system does not tell (it needs /proc)."""
        folder = _PROC / str(self._process.pid)
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
        except OSError:
            return None
        ticks = int(fields[11]) + int(fields[12])  # proc_pid_stat(5): utime, stime
        resident, peak = (int(status[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM"))
        return Usage(ticks / os.sysconf("SC_CLK_TCK"), resident, peak)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def application_key(command: Sequence[str], home: Path) -> str:
    """An API key for logins, in clear, made as an operator makes it. Raises CalledProcessError."""
    words = [*command, "keys", "api", "create", "--role", "verifier", "--name", "bench", "--expires-days", "1"]
    done = subprocess.run(words, env=environment(home, {}), check=True, capture_output=True, text=True)  # noqa: S603
    return done.stdout.strip()


def environment(home: Path, settings: Mapping[str, str]) -> dict[str, str]:
    """This process's variables with no FACEWARDEN_* but the given ones, and `home`."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith(PREFIX) and name not in THREAD_VARIABLES
    }
    return kept | {f"{PREFIX}HOME": str(home), **{PREFIX + name: value for name, value in settings.items()}}


def _ready(port: int) -> bool:
    connection = HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
