"""The audit log after a restore."""

from pathlib import Path

import pytest

from db.audit_chain import Break, Finding
from tests.db.people import enrol, open_in
from tests.db.test_backup import archives, restore_in


@pytest.mark.parametrize("with_keys", [True, False])
def test_it_is_whole_with_both_archives_and_with_the_data_alone_what_is_gone_shows(
    tmp_path: Path, with_keys: bool
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    storage = open_in(home)
    user_id = enrol(storage)
    for count in range(4):
        if count == 2:
            backup = archives(storage, tmp_path / "archives")
        with storage.begin() as work:
            work.note("login", user_id, outcome="accepted")
            work.commit()
    storage.close()
    restore_in(home)(backup.data, backup.keys if with_keys else None, replace=True)
    storage = open_in(home)
    assert storage.audit.verify() == (2, [] if with_keys else [Finding(Break.CUT, 2)])
    storage.close()
