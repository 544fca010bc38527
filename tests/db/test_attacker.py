"""Who reads the files finds no nonce that served twice, in nothing that was ever sealed."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from db.details import RECOVERY
from db.sealing import KEY_ID_BYTES, NONCE_BYTES
from tests.db.people import Clock, enrol, open_in

SEALED: Final = {
    "data.db": ("SELECT sealed FROM template", "SELECT sealed FROM detail"),
    "keys.db": ("SELECT wrapped FROM person_key", "SELECT wrapped FROM secret"),
}


def nonces(home: Path) -> list[bytes]:
    """With the ID of the key that each served: a record begins with its version, the key's ID and the nonce."""
    found = []
    for file, queries in SEALED.items():
        with closing(sqlite3.connect(home / file)) as database:
            for query in queries:
                records = [row[0] for row in database.execute(query)]
                assert records, query
                found += [record[1 : 1 + KEY_ID_BYTES + NONCE_BYTES] for record in records]
    return found


@pytest.mark.files
def test_no_nonce_serves_twice_whatever_is_written_anew(tmp_path: Path) -> None:
    with closing(open_in(tmp_path, Clock())) as storage:
        people = [enrol(storage, templates=5, label="Ada", seed=number) for number in range(20)]
        seen = set(nonces(tmp_path))
        assert len(seen) == len(nonces(tmp_path)) >= 20 * 7
        for _ in range(3):  # the same row, the same words, again and again
            with storage.begin() as work:
                for person in people:
                    work.details.put(person, RECOVERY, {"sha256": "0" * 64})
                work.commit()
            assert storage.master_rotation().rotate().replaced
            now = set(nonces(tmp_path))
            assert len(now) == len(nonces(tmp_path))
            rewrapped = {each for each in now if each not in seen}
            assert len(rewrapped) >= 2 * len(people)
            seen |= now
        assert len({each[KEY_ID_BYTES:] for each in seen}) == len(seen)
