"""A PostgreSQL server of its own for the tests: `python -m tests.postgres COMMAND...` runs a command beside one.

It listens on a socket in a temporary folder alone, and flushes nothing: a crash of the machine ends the tests anyway.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

USER: Final = "facewarden"
UNPRIVILEGED: Final = "postgres"
"""Who runs it where the tests run as root, which the server refuses."""
OPTIONS: Final = (
    "-c listen_addresses='' -c fsync=off -c full_page_writes=off -c synchronous_commit=off -c max_connections=300"
    " -c wal_level=minimal -c max_wal_senders=0 -c log_min_messages=error -c log_min_error_statement=panic"
)


def programs() -> Path | None:
    """The folder of the newest server installed; None for none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


@contextmanager
def server(bin_folder: Path) -> Iterator[str]:
    """The URL of a new server, which is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="fw-pg-") as made:
        folder = Path(made)
        if os.geteuid() == 0:
            shutil.chown(folder, UNPRIVILEGED)
        data = folder / "data"
        _run(bin_folder / "initdb", "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "--no-locale", "-N")
        control = (bin_folder / "pg_ctl", "-D", data, "-w", "-s")
        _run(*control, "-l", folder / "log", "-o", f"-k {folder} {OPTIONS}", "start")
        try:
            yield f"postgresql+psycopg://{USER}@/postgres?host={folder}"
        finally:
            _run(*control, "-m", "immediate", "stop")


def _run(*command: object) -> None:
    before = ["runuser", "-u", UNPRIVILEGED, "--"] if os.geteuid() == 0 else []
    subprocess.run([*before, *map(str, command)], check=True, stdout=subprocess.DEVNULL, cwd="/")


def main(command: list[str]) -> int:
    bin_folder = programs()
    if bin_folder is None:
        sys.stderr.write("no PostgreSQL server is installed\n")
        return 1
    with server(bin_folder) as url:
        return subprocess.run(command, check=False, env={**os.environ, "TEST_POSTGRES_URL": url}).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
