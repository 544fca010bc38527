"""The master key in a hardware module, tried on SoftHSM2."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from db.errors import MasterKeyError, RecordUnreadable
from db.key_file import KeyFile
from db.pkcs11_keys import IntoModule, ModuleKey
from db.sealing import Place, open_record, seal
from db.storage import Storage
from tests.db import softhsm
from tests.db.people import enrol, open_in
from tests.db.test_rotation import names

pytestmark = pytest.mark.skipif(softhsm.missing() is not None, reason=softhsm.missing() or "")


@pytest.fixture(scope="session", autouse=True)
def _token(tmp_path_factory: pytest.TempPathFactory) -> None:
    """One token a process: the library reads where it is when it is loaded."""
    folder = tmp_path_factory.mktemp("softhsm")
    softhsm.make(folder)
    softhsm.use(folder)


@pytest.fixture
def label() -> str:
    """A label of its own on the token that all tests share."""
    return f"test {uuid4()}"


def labels(storage: Storage) -> dict[UUID, object]:
    with storage.begin() as work:
        assert {template.user_id for template in work.all_templates()} == work.user_ids()
        return {person.user_id: (person.metadata or {}).get("label") for person in work.people(0, 1000)}


def key_on_token(label: str) -> ModuleKey:
    provider = softhsm.keys(label)
    provider.load(may_create=True)
    return provider.found()[0]


def test_a_key_seals_and_opens_and_cannot_be_taken_out(label: str) -> None:
    key, place = key_on_token(label), Place("kind", uuid4(), b"row", "model")
    record = seal(key, place, b"payload")
    assert record[1:17] == key.key_id
    assert open_record(key, place, record) == b"payload"

    def look(session: Any) -> None:
        library = key.session.library
        (found,) = list(session.get_objects({library.Attribute.ID: key.key_id}))
        assert found[library.Attribute.NEVER_EXTRACTABLE]
        with pytest.raises(library.AttributeSensitive):
            found[library.Attribute.VALUE]

    key.session.run(look)


def test_the_module_gives_what_aes_gcm_gives_elsewhere(label: str) -> None:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    key, secret = key_on_token(label), bytes(range(32))
    library = key.session.library
    known = ModuleKey(os.urandom(16), 1, key.session)
    attribute = library.Attribute
    template = {
        attribute.CLASS: library.ObjectClass.SECRET_KEY,
        attribute.KEY_TYPE: library.KeyType.AES,
        attribute.VALUE: secret,
        attribute.ID: known.key_id,
        attribute.ENCRYPT: True,
        attribute.DECRYPT: True,
        attribute.TOKEN: False,
    }
    key.session.run(lambda session: session.create_object(template))
    for payload, associated in ((b"", b""), (b"x" * 48, b"aad"), (bytes(1000), bytes(70))):
        nonce = os.urandom(12)
        sealed = known.encrypt(nonce, payload, associated)
        assert AESGCM(secret).decrypt(nonce, sealed, associated) == payload
        assert known.decrypt(nonce, AESGCM(secret).encrypt(nonce, payload, associated), associated) == payload


@pytest.mark.parametrize("byte", [17, 28, 29, -1])
def test_a_changed_record_does_not_open(label: str, byte: int) -> None:
    key, place = key_on_token(label), Place("kind", uuid4())
    record = bytearray(seal(key, place, b"payload"))
    record[byte] ^= 1
    with pytest.raises(RecordUnreadable):
        open_record(key, place, bytes(record))
    with pytest.raises(RecordUnreadable):
        open_record(key, Place("kind", uuid4()), seal(key, place, b"payload"))
    assert open_record(key, place, seal(key, place, b"still works")) == b"still works"


@pytest.mark.files
def test_people_are_enrolled_and_read_and_nothing_of_the_key_is_on_the_disk(tmp_path: Path, label: str) -> None:
    storage = softhsm.open_with_token(tmp_path, label)
    user_id = enrol(storage, label="Ada")
    secret = storage.secret("tokens")
    storage.close()
    storage = softhsm.open_with_token(tmp_path, label)
    assert labels(storage) == {user_id: "Ada"}
    assert storage.secret("tokens") == secret
    storage.close()
    assert {path.name for path in tmp_path.iterdir()} == {"data.db", "keys.db"}


@pytest.mark.files
def test_a_new_master_key_is_made_in_the_module_and_the_old_one_destroyed(tmp_path: Path, label: str) -> None:
    storage = softhsm.open_with_token(tmp_path, label)
    ids = {enrol(storage, label="Ada") for _ in range(20)}
    before = softhsm.keys(label).found()
    done = storage.master_rotation().rotate()
    after = softhsm.keys(label).found()
    assert done.replaced
    assert done.destroyed
    assert [key.number for key in (*before, *after)] == [1, 2]
    assert names(tmp_path) == {done.current} == {after[0].key_id.hex()}
    assert set(labels(storage)) == ids
    with pytest.raises(RecordUnreadable):
        before[0].decrypt(bytes(12), bytes(32), b"")
    with pytest.raises(MasterKeyError, match="gone"):
        before[0].encrypt(bytes(12), b"", b"")
    storage.close()


def test_a_replacement_that_was_begun_is_ended(tmp_path: Path, label: str) -> None:
    storage = softhsm.open_with_token(tmp_path, label)
    user_id = enrol(storage, label="Ada")
    made = softhsm.keys(label).prepare(b"")
    assert storage.master_rotation().status().unfinished
    done = storage.master_rotation().rewrap()
    assert (done.current, done.replaced, done.destroyed) == (made.key_id.hex(), True, True)
    assert labels(storage) == {user_id: "Ada"}
    storage.close()


@pytest.mark.files
def test_the_key_file_of_an_installation_goes_into_the_module(tmp_path: Path, label: str) -> None:
    storage = open_in(tmp_path)
    user_id = enrol(storage, label="Ada")
    storage.close()
    service = softhsm.open_with_token(tmp_path, label)
    assert labels(service) == {user_id: "Ada"}
    assert not service.master_rotation().rewrap().replaced  # no key is made unasked
    assert (tmp_path / "master.key").exists()
    operator = softhsm.open_with_token(tmp_path, label)
    done = operator.master_rotation().rotate()
    assert (done.replaced, done.destroyed) == (True, True)
    assert not list(tmp_path.glob("master.key*"))
    assert names(tmp_path) == {softhsm.keys(label).found()[0].key_id.hex()}
    other = enrol(service, label="Grace")
    assert labels(service) == labels(operator) == {user_id: "Ada", other: "Grace"}
    service.close()
    operator.close()


def test_the_key_is_not_found_under_another_label_and_none_is_made_beside_old_data(tmp_path: Path, label: str) -> None:
    softhsm.open_with_token(tmp_path, label).close()
    with pytest.raises(MasterKeyError, match="no key labelled"):
        softhsm.open_with_token(tmp_path, label + " other")
    assert softhsm.keys(label + " other").found() == []
    with pytest.raises(MasterKeyError, match="not on the token"):
        softhsm.keys(label).retire(bytes(16))
    assert len(softhsm.keys(label).found()) == 1


@pytest.mark.filterwarnings("ignore:Exception ignored in")  # the library's search cannot be ended without its session
def test_a_broken_session_is_opened_again(tmp_path: Path, label: str) -> None:
    storage = softhsm.open_with_token(tmp_path, label)
    enrol(storage, label="Ada")
    provider = softhsm.keys(label)
    key = provider.found()[0]
    key.session._session.close()  # as a module does that was restarted
    assert key.encrypt(bytes(12), b"payload", b"")
    storage.close()


def test_several_threads_share_a_session(tmp_path: Path, label: str) -> None:
    storage = softhsm.open_with_token(tmp_path, label)
    failures: list[Exception] = []

    def serve() -> None:
        try:
            for _ in range(10):
                user_id = enrol(storage, label="Ada")
                with storage.begin() as work:
                    assert work.person(user_id) is not None
        except Exception as error:  # noqa: BLE001 - told by the main thread
            failures.append(error)

    threads = [threading.Thread(target=serve) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(labels(storage)) == 40
    storage.close()


OTHER_PROCESS = """
import sys
from pathlib import Path
from db.errors import MasterKeyError
from tests.db import softhsm
what, home, label = sys.argv[1:]
if what == "rotate":
    storage = softhsm.open_with_token(Path(home), label)
    assert storage.master_rotation().rotate().destroyed
    storage.close()
else:
    for key in (softhsm.keys(label, pin="9999"), softhsm.keys(label, token="nobody")):
        for _ in range(12):
            try:
                key.found()
            except MasterKeyError as error:
                assert "9999" not in str(error)
            else:
                sys.exit("it was let in")
    softhsm.keys(label).found()
"""


def other_process(what: str, home: Path, label: str) -> None:
    command = [sys.executable, "-c", OTHER_PROCESS, what, str(home), label]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.files
def test_a_service_goes_on_while_another_process_replaces_the_master_key(tmp_path: Path, label: str) -> None:
    service = softhsm.open_with_token(tmp_path, label)
    one = enrol(service, label="Ada")
    for _ in range(2):
        former = softhsm.keys(label).found()[0]
        record = seal(former, Place("kind", one), b"payload")
        other_process("rotate", tmp_path, label)
        with pytest.raises(RecordUnreadable):
            open_record(former, Place("kind", one), record)
        assert labels(service)[one] == "Ada"
        enrol(service, label="Grace")
    assert len(labels(service)) == 3
    service.close()
    assert len(names(tmp_path)) == 1


def test_a_wrong_pin_or_token_is_told_and_a_pin_is_tried_once(tmp_path: Path, label: str) -> None:
    other_process("wrong", tmp_path, label)


def test_a_file_that_is_half_destroyed_does_not_count(tmp_path: Path, label: str) -> None:
    storage = softhsm.open_with_token(tmp_path, label)
    (tmp_path / "master.key.old").write_bytes(os.urandom(45))
    (tmp_path / "master.key.old").chmod(0o600)
    provider = IntoModule(softhsm.keys(label), KeyFile(tmp_path / "master.key"))
    assert [key.key_id.hex() for key in provider.load(may_create=False)] == [storage.master_rotation().status().current]
    assert storage.master_rotation().rewrap().destroyed
    assert not list(tmp_path.glob("master.key*"))
    storage.close()


def test_the_command_line_moves_an_installation_into_the_module(tmp_path: Path, label: str) -> None:
    storage = open_in(tmp_path)
    enrol(storage, label="Ada")
    storage.close()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FACEWARDEN_")} | {
        "FACEWARDEN_HOME": str(tmp_path),
        "FACEWARDEN_DATABASE_URL": f"sqlite:///{tmp_path / 'data.db'}",
        "FACEWARDEN_PKCS11_MODULE": str(softhsm.module()),
        "FACEWARDEN_PKCS11_TOKEN": softhsm.TOKEN,
        "FACEWARDEN_PKCS11_PIN": softhsm.PIN,
        "FACEWARDEN_PKCS11_KEY": label,
    }
    for arguments in (["rotate"], ["status"]):
        command = [sys.executable, "-m", "service.cli.main", "keys", *arguments, "--json"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, env=environment)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["current"] == softhsm.keys(label).found()[0].key_id.hex()
    assert not (tmp_path / "master.key").exists()
