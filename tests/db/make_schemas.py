"""Writes dumps of databases as the code of each schema made them, with sealed rows: tests/db/schemas/DATA-KEYS.*.sql.

Run by hand in a clone with its history, after a migration was added: `python -m tests.db.make_schemas`. What is there
stays; the test reads it with the code of today.
"""

import io
import os
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Final

from alembic.script import ScriptDirectory

from db.revisions import alembic_config

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDER: Final = Path(__file__).parent / "schemas"
MASTER_KEY: Final = "c2NoZW1hcyBvZiBlYXJsaWVyIHZlcnNpb25zIG9uZSE="
COMMITS: Final = {
    "d0001-k0001": "17b6e13",
    "d0001-k0002": "eb0865c",
    "d0002-k0001": "35ee80f",
    "d0003-k0003": "fc3a3a2",
    "d0004-k0003": "5ccf11f",
    "d0005-k0003": "17e90f6",
    "d0006-k0003": "8a7faaa",
    "d0008-k0003": "81dceb8",
}
PROGRAM: Final = """
import inspect, sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID
import numpy as np
from db.keys import EnvironmentKey
from db.records import NewTemplate
from db.storage import Storage
from db.unit_of_work import UnitOfWork

home, key = Path(sys.argv[1]), sys.argv[2]
at = datetime(2026, 3, 1, 12, tzinfo=UTC)
storage = Storage.open(f"sqlite:///{home / 'data.db'}", f"sqlite:///{home / 'keys.db'}", EnvironmentKey(key),
                       clock=lambda: at)
asked = inspect.signature(UnitOfWork.add_person).parameters
if "consent" in asked:
    from db.records import Consent
    consent = {"consent": Consent(at, "1", "0" * 64, frozenset({"login"}))}
else:
    consent = {"consent_at": at}
for number, label in enumerate(["Ada", "Grace"]):
    user_id = UUID(int=(0xABCD << 112) + number + 1)
    templates = [NewTemplate(np.arange(8, dtype=np.float32) + number + each, "m", each) for each in range(2)]
    with storage.begin() as work:
        work.add_person(user_id, templates=templates, attributes={"age": 40 + number}, metadata={"label": label},
                        flagged=False, **consent)
        if hasattr(work, "note"):
            work.note("enrolled", user_id)
        work.commit()
storage.close()
"""


def current() -> str:
    """The schema of today's code: the heads of both trees."""
    heads = (ScriptDirectory.from_config(alembic_config(tree)).get_current_head() for tree in ("data", "keys"))
    return "-".join(str(head) for head in heads)


def write(name: str, code: Path) -> None:
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "PYTHONPATH": str(code)}
        subprocess.run([sys.executable, "-c", PROGRAM, home, MASTER_KEY], check=True, env=environment, cwd=home)
        for part in ("data", "keys"):
            database = sqlite3.connect(Path(home) / f"{part}.db")
            (FOLDER / f"{name}.{part}.sql").write_text("\n".join(database.iterdump()) + "\n")
            database.close()


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, commit in COMMITS.items():
        if not (FOLDER / f"{name}.keys.sql").exists():
            packed = subprocess.run(["git", "archive", commit, "db"], check=True, capture_output=True, cwd=ROOT).stdout
            with tempfile.TemporaryDirectory() as code, tarfile.open(fileobj=io.BytesIO(packed)) as archive:
                archive.extractall(code, filter="data")
                write(name, Path(code))
    if not (FOLDER / f"{current()}.keys.sql").exists():
        write(current(), ROOT)


if __name__ == "__main__":
    main()
