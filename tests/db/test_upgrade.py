"""A key store that an earlier version has made."""

import sqlite3
from pathlib import Path

from alembic import command
from alembic.config import Config

from db.engine import MIGRATIONS, open_engine
from tests.db.people import enrol, open_in


def test_keys_wrapped_before_wrapping_keys_had_names_are_found_by_their_records(tmp_path: Path) -> None:
    storage = open_in(tmp_path)
    user_id = enrol(storage, label="Ada")
    storage.close()
    with sqlite3.connect(tmp_path / "keys.db") as keys:
        person = keys.execute("SELECT user_id, created_at, wrapped FROM person_key").fetchone()
        check = keys.execute("SELECT key_check FROM keystore").fetchone()[0]
    keys.close()
    (tmp_path / "keys.db").unlink()
    _first_revision(tmp_path / "keys.db")
    with sqlite3.connect(tmp_path / "keys.db") as keys:
        keys.execute("INSERT INTO person_key (user_id, created_at, wrapped) VALUES (?, ?, ?)", person)
        keys.execute("INSERT INTO keystore (keystore_id, key_check, dirty) VALUES (1, ?, 0)", (check,))
    keys.close()
    storage = open_in(tmp_path)
    with storage.begin() as work:
        found = work.person(user_id)
    assert found is not None
    assert found.metadata == {"label": "Ada"}
    assert not storage.master_rotation().status().unfinished
    assert storage.master_rotation().rotate().rewrapped == 2  # and the secret for tombstones
    storage.close()


def _first_revision(path: Path) -> None:
    engine, config = open_engine(f"sqlite:///{path}"), Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("version_locations", str(MIGRATIONS / "keys"))
    config.set_main_option("path_separator", "os")
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        config.attributes["version_table"] = "alembic_version_keys"
        command.upgrade(config, "k0001")
        connection.commit()
    engine.dispose()
