import base64
from pathlib import Path

import pytest

from db.errors import MasterKeyError
from db.key_file import KeyFile
from db.keys import EnvironmentKey, MasterKey
from db.storage import Storage
from tests.databases import urls
from tests.db.people import enrol, open_in

TEXT = base64.b64encode(bytes(range(32))).decode()


def test_a_key_file_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    provider = KeyFile(tmp_path / "master.key")
    made = provider.load(may_create=True)
    assert (tmp_path / "master.key").stat().st_mode & 0o777 == 0o600
    assert provider.load(may_create=True) == made
    assert [path.name for path in tmp_path.iterdir()] == ["master.key"]


def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    provider = KeyFile(tmp_path / "master.key")
    provider.load(may_create=True)
    (tmp_path / "master.key").chmod(0o640)
    with pytest.raises(MasterKeyError, match="chmod 600"):
        provider.load(may_create=False)


@pytest.mark.parametrize("text", ["", "short", TEXT[:-4], TEXT + "AAAA", "é" * 44, TEXT.replace("A", "-")])
def test_text_that_is_no_key_is_refused_and_not_repeated(tmp_path: Path, text: str) -> None:
    with pytest.raises(MasterKeyError) as refusal:
        EnvironmentKey(text).load(may_create=False)
    assert not text or text not in str(refusal.value)
    (tmp_path / "master.key").write_text(text)
    (tmp_path / "master.key").chmod(0o600)
    with pytest.raises(MasterKeyError):
        KeyFile(tmp_path / "master.key").load(may_create=True)


def test_a_missing_key_beside_old_data_stops_the_start_and_makes_no_new_one(tmp_path: Path) -> None:
    storage = open_in(tmp_path)
    enrol(storage)
    storage.close()
    (tmp_path / "master.key").unlink()
    with pytest.raises(MasterKeyError, match="put the key back"):
        open_in(tmp_path)
    assert not (tmp_path / "master.key").exists()


@pytest.mark.parametrize("lost", ["data.db", "keys.db"])
def test_one_database_left_is_old_data_too(tmp_path: Path, lost: str) -> None:
    open_in(tmp_path).close()
    for path in tmp_path.glob(lost + "*"):
        path.unlink()
    (tmp_path / "master.key").unlink()
    with pytest.raises(MasterKeyError):
        open_in(tmp_path)


def test_a_wrong_key_stops_the_start(tmp_path: Path) -> None:
    storage = open_in(tmp_path)
    user_id = enrol(storage)
    storage.close()
    data, keys = urls(tmp_path)
    with pytest.raises(MasterKeyError, match="not the master key"):
        Storage.open(data, keys, EnvironmentKey(TEXT))
    storage = open_in(tmp_path)
    with storage.begin() as work:
        assert work.person(user_id) is not None
    storage.close()


def test_derived_secrets_differ_by_purpose_and_stay_the_same() -> None:
    master = MasterKey(bytes(32))
    assert master.derive("one") == MasterKey(bytes(32)).derive("one")
    assert master.derive("one") != master.derive("two")
    assert master.wrapping_key() != MasterKey(b"\1" * 32).wrapping_key()


def test_keys_do_not_show() -> None:
    master = MasterKey(b"\x41" * 32)
    assert "AAAA" not in repr(master)
    assert "AAAA" not in repr(master.wrapping_key())
    assert TEXT not in repr(EnvironmentKey(TEXT))
